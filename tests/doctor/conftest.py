"""A healthy shop, and the command run in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.db.backends.sqlite3.introspection import DatabaseIntrospection

from django_hellotext import clock
from django_hellotext.api.backends.base import PreparedRequest, RawResponse
from django_hellotext.delivery import Report, drain
from django_hellotext.doctor import credentials
from django_hellotext.emulator import Emulator, MemoryBackend
from django_hellotext.models import RemoteObject, State
from tests.factories import make_customer, make_product, placed_order


@pytest.fixture(scope="package", autouse=True)
def parsed_once() -> Iterator[None]:
    """Parse the SQL of a table once as long as it stays the same: Django's parser is slow on SQLite."""
    known: dict[object, dict[str, Any]] = {}
    original = DatabaseIntrospection.get_constraints

    def get_constraints(self: DatabaseIntrospection, cursor: Any, table_name: str) -> dict[str, Any]:
        cursor.execute("SELECT type, name, sql FROM sqlite_master WHERE tbl_name = %s ORDER BY name", [table_name])
        schema = (table_name, *cursor.fetchall())
        if schema not in known:
            known[schema] = original(self, cursor, table_name)
        return deepcopy(known[schema])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseIntrospection, "get_constraints", get_constraints)
        yield


@dataclass
class Told:
    """What a run of the doctor said."""

    code: int
    text: str
    document: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, code: str) -> dict[str, Any]:
        """The only finding with ``code``."""
        found = [one for one in self.document["findings"] if one["code"] == code]
        assert len(found) == 1, (code, self.wrong)
        return dict(found[0])

    @property
    def codes(self) -> list[str]:
        return [one["code"] for one in self.document["findings"]]

    @property
    def wrong(self) -> dict[str, str]:
        """What is not well, with its mark."""
        found = self.document["findings"]
        return {one["code"]: one["state"] for one in found if one["state"] in ("warning", "error")}


Doctor = Callable[..., Told]


@pytest.fixture
def doctor() -> Doctor:
    """Run ``hellotext_doctor``, with ``--json`` unless ``text`` is wanted."""

    def run(*arguments: str, text: bool = False) -> Told:
        out = StringIO()
        code, message = 0, ""
        try:
            call_command("hellotext_doctor", *arguments, *([] if text else ["--json"]), stdout=out)
        except CommandError as error:
            code, message = error.returncode, str(error)
        printed = out.getvalue()
        return Told(code, printed + message, json.loads(printed) if printed and not text else {})

    return run


class TimedBackend(MemoryBackend):
    """Says the time, as a server does; ``ahead`` seconds before ours."""

    ahead = 0.0

    def send(self, request: PreparedRequest) -> RawResponse:
        raw = super().send(request)
        moment = clock.now() + timedelta(seconds=self.ahead)
        headers = {**raw.headers, "date": format_datetime(moment, usegmt=True)}
        return RawResponse(raw.status, headers, raw.body, raw.duration)


@pytest.fixture
def template(settings: Any, tmp_path: Path) -> Path:
    """The base template of the project's own pages."""
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [str(tmp_path)]}]
    file = tmp_path / "base.html"
    file.write_text("<head>{% load hellotext %}{% hellotext %}</head>")
    return file


@pytest.fixture
def healthy(settings: Any, hellotext: Emulator, template: Path, db: None, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """A shop that has sent what it has, with everything in its place."""
    monkeypatch.setattr(credentials, "SLOW", 60.0)  # no busy machine makes a slow Hellotext
    settings.HELLOTEXT = {
        **settings.HELLOTEXT,
        "BACKEND": "tests.doctor.conftest.TimedBackend",
        "RAISE_ERRORS": False,
    }
    make_product()
    placed_order(customer=make_customer())
    report: Report = drain()
    assert report.failed == 0, list(
        RemoteObject.objects.filter(state=State.FAILED).values_list("kind", "error_type", "error_message")
    )
    return hellotext


@pytest.fixture
def told_late() -> Iterator[Callable[[float], None]]:
    """Set Hellotext's clock ahead of ours by so many seconds."""

    def set_ahead(seconds: float) -> None:
        TimedBackend.ahead = seconds

    yield set_ahead
    TimedBackend.ahead = 0.0


def sql(statement: str) -> None:
    """Run a statement that changes a table of the default database; it is undone with the test."""
    if not connections["default"].features.can_rollback_ddl:
        pytest.skip("this database cannot take back a change of a table")
    with connections["default"].cursor() as cursor:
        cursor.execute(statement)
