"""From ``DATABASE_URL`` to ``DATABASES``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from config.databases import database_from
from django.core.exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    from pathlib import Path


def test_without_a_url_the_shop_keeps_a_file_and_makes_its_folder(tmp_path: Path) -> None:
    file = tmp_path / "var" / "shop.sqlite3"
    database = database_from("", default_file=file)
    assert database["NAME"] == file
    assert file.parent.is_dir()
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in database["OPTIONS"]["init_command"]


def test_a_url_of_sqlite_gets_the_same_care(tmp_path: Path) -> None:
    database = database_from(f"sqlite:///{tmp_path}/other.sqlite3", default_file=tmp_path / "unused.sqlite3")
    assert database["NAME"] == f"{tmp_path}/other.sqlite3"
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


def test_a_url_of_a_server_is_taken_as_it_is(tmp_path: Path) -> None:
    database = database_from("postgres://shop:secret@127.0.0.1:5433/books", default_file=tmp_path / "unused.sqlite3")
    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert (database["HOST"], database["PORT"], database["NAME"]) == ("127.0.0.1", 5433, "books")
    assert "transaction_mode" not in database.get("OPTIONS", {})


def test_a_url_without_its_reader_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dj_database_url", None)
    with pytest.raises(ImproperlyConfigured, match="dj-database-url is not installed"):
        database_from("sqlite:///:memory:", default_file=tmp_path / "unused.sqlite3")
