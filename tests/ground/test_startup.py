"""Starting: no query, no network, and a word when wrong settings keep the app inert (demand K2)."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import django
import pytest
from django.apps import apps
from django.core.checks import run_checks
from django.db.models.signals import post_save

from tests.testshop.models import Product

ROOT = Path(__file__).parents[2]
COMPLETE = {"BUSINESS_ID": "shop-1", "API_TOKEN": "secret-token", "ENVIRONMENT": "test", "CURRENCY": "EUR"}


def manage(*arguments: str, hellotext: Any, database: str) -> subprocess.CompletedProcess[str]:
    """Run ``manage.py`` of a site in a process of its own, where every warning is an error."""
    return subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "tests" / "manage.py"), *arguments],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.ground.site_settings",
            "TEST_DATABASE_URL": database,
            "SITE_HELLOTEXT": json.dumps(hellotext),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


UNREACHABLE = "sqlite:////nowhere/at/all.sqlite3"
# Django 6.1's own check of JSON fields asks SQLite; there our own checks alone are run.
CHECK = ["check"] if django.VERSION < (6, 1) else ["check", "--tag", "hellotext"]


@pytest.mark.parametrize("hellotext", [None, {}, COMPLETE], ids=["absent", "empty", "complete"])
def test_a_site_starts_and_checks_itself_without_its_database(hellotext: Any) -> None:
    done = manage(*CHECK, hellotext=hellotext, database=UNREACHABLE)
    assert (done.returncode, done.stderr) == (0, "")
    assert "no issues" in done.stdout


def test_a_site_with_wrong_settings_starts_and_says_so() -> None:
    wrong = {**COMPLETE, "ENVIRONMENT": "", "CONCURENCY": 1}
    done = manage("diffsettings", "--output", "unified", hellotext=wrong, database=UNREACHABLE)
    assert done.returncode == 0
    assert "CONCURENCY (hellotext.E002), ENVIRONMENT (hellotext.E004)" in done.stderr
    assert "secret-token" not in done.stderr


@pytest.mark.django_db
def test_neither_starting_nor_checking_makes_a_query(settings: Any, django_assert_num_queries: Any) -> None:
    settings.HELLOTEXT = COMPLETE
    with django_assert_num_queries(0):
        apps.get_app_config("django_hellotext").ready()
        run_checks(tags=["hellotext"])


def test_starting_twice_connects_once() -> None:
    before = len(post_save.receivers), [key for key, *_ in post_save.receivers]
    apps.get_app_config("django_hellotext").ready()
    assert (len(post_save.receivers), [key for key, *_ in post_save.receivers]) == before
    assert post_save.has_listeners(Product)


@pytest.mark.parametrize("right", [None, {}, COMPLETE])
def test_right_settings_are_started_in_silence(settings: Any, caplog: pytest.LogCaptureFixture, right: Any) -> None:
    settings.HELLOTEXT = right
    with caplog.at_level(logging.DEBUG, "django_hellotext"):
        apps.get_app_config("django_hellotext").ready()
    assert not caplog.records


def test_importing_the_package_needs_no_django_app() -> None:
    code = "import django_hellotext as h; print(h.__version__, sorted(h.__all__)); assert 'track' in dir(h)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert all(f"'{name}'" in done.stdout for name in ("remember_session", "sync", "track"))


def test_an_unknown_name_of_the_package_is_an_attribute_error() -> None:
    import django_hellotext

    with pytest.raises(AttributeError, match="no attribute 'trak'"):
        django_hellotext.trak  # noqa: B018 - reading it is the test


def test_what_is_no_code_comes_with_the_package() -> None:
    """tox runs this against the built wheel: a type checker believes only a package that says that it is typed."""
    package = resources.files("django_hellotext")
    wanted = ["py.typed", "emulator/page/index.html", "locale/es/LC_MESSAGES/django.mo"]
    wanted += ["templates/admin/django_hellotext", "static/django_hellotext"]
    assert [name for name in wanted if not (package.joinpath(name).is_file() or package.joinpath(name).is_dir())] == []
