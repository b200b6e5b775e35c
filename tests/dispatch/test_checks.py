"""What ``manage.py check`` says of a way that is closed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import django
import pytest

from django_hellotext.checks import check_dispatch
from django_hellotext.emulator import Emulator
from tests.needs import needed_module

since_django_6 = pytest.mark.skipif(django.VERSION < (6, 0), reason="django.tasks came with Django 6.0")


@pytest.fixture
def found(settings: Any, hellotext: Emulator) -> Callable[..., list[str | None]]:
    """The IDs of what is found with these settings of HELLOTEXT."""

    def run(**options: Any) -> list[str | None]:
        settings.HELLOTEXT = {**settings.HELLOTEXT, **options}
        return [message.id for message in check_dispatch()]

    return run


@pytest.mark.parametrize("way", ["none", "immediate"])
def test_ways_of_our_own_need_nothing(found: Callable[..., list[str | None]], way: str) -> None:
    assert found(DISPATCH=way) == []


@pytest.mark.skipif(django.VERSION >= (6, 0), reason="here django.tasks is there")
def test_tasks_need_django_6(found: Callable[..., list[str | None]]) -> None:
    assert found(DISPATCH="tasks") == ["hellotext.E010"]


@since_django_6
@pytest.mark.parametrize(
    "tasks",
    [
        {"default": {"BACKEND": "django.tasks.backends.immediate.ImmediateBackend"}},
        {"default": {"BACKEND": "django.tasks.backends.dummy.DummyBackend"}},
        {"default": {"BACKEND": "no.such.Backend"}},
        {"other": {"BACKEND": "tests.dispatch.shelf.Shelf"}},
        {"default": {"BACKEND": "tests.dispatch.shelf.Shelf", "QUEUES": ["mail"]}},
    ],
)
def test_tasks_need_a_back_end_with_workers_and_the_queue(
    found: Callable[..., list[str | None]], settings: Any, tasks: dict[str, Any]
) -> None:
    settings.TASKS = tasks
    assert found(DISPATCH="tasks") == ["hellotext.E011"]


@since_django_6
def test_tasks_with_workers_are_fine(found: Callable[..., list[str | None]], settings: Any) -> None:
    settings.TASKS = {"default": {"BACKEND": "tests.dispatch.shelf.Shelf", "QUEUES": ["mail"]}}
    assert found(DISPATCH="tasks", QUEUE="mail") == []


CHECK = """
import sys, django
{before}
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django_hellotext"],
    DATABASES={{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}}},
    HELLOTEXT={{"BUSINESS_ID": "b", "API_TOKEN": "t", "ENVIRONMENT": "test", "DISPATCH": "celery"}},
)
django.setup()
from django.core.checks import run_checks
print(sorted(message.id for message in run_checks(tags=["hellotext"]) if "DISPATCH" in message.msg))
"""


def checked(before: str) -> str:
    code = CHECK.format(before=before)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_celery_has_to_be_installed() -> None:
    assert checked("sys.modules['celery'] = None") == "['hellotext.E010']"


def test_the_projects_celery_app_has_to_be_loaded() -> None:
    needed_module("celery")
    assert checked("") == "['hellotext.W002']"
    assert checked("from celery import Celery; Celery('shop').set_default()") == "[]"
