"""What the checks say when the chosen way of waking a worker cannot work."""

from __future__ import annotations

import sys
from typing import Any

import django
import pytest
from django.core.checks import CheckMessage

from tests.checked import checked
from tests.needs import needed_module

COMPLETE = {"BUSINESS_ID": "shop-1", "API_TOKEN": "secret-token", "ENVIRONMENT": "staging", "CURRENCY": "EUR"}

needs_tasks = pytest.mark.skipif(django.VERSION < (6, 0), reason="django.tasks came with Django 6.0")


def ours() -> list[CheckMessage]:
    return checked(tags=["hellotext"])


@pytest.mark.parametrize("way", ["none", "immediate"])
def test_a_way_that_needs_nothing_has_no_complaint(settings: Any, way: str) -> None:
    settings.HELLOTEXT = {**COMPLETE, "DISPATCH": way}
    assert ours() == []


def test_e010_celery_is_not_installed(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.HELLOTEXT = {**COMPLETE, "DISPATCH": "celery"}
    monkeypatch.setitem(sys.modules, "celery.app", None)
    [message] = ours()
    assert (message.id, message.is_serious()) == ("hellotext.E010", True)
    assert "Celery is not installed" in message.msg


def test_w002_no_celery_app_is_loaded(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    state = needed_module("celery._state")
    settings.HELLOTEXT = {**COMPLETE, "DISPATCH": "celery"}
    monkeypatch.setattr(state, "default_app", None)
    [message] = ours()
    assert (message.id, message.is_serious()) == ("hellotext.W002", False)


def test_a_project_with_a_celery_app_has_no_complaint(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    celery = needed_module("celery")
    settings.HELLOTEXT = {**COMPLETE, "DISPATCH": "celery"}
    state = needed_module("celery._state")
    # Before the app is made: the first app of a process may become the default one.
    monkeypatch.setattr(state, "default_app", state.default_app)
    monkeypatch.setattr(state, "default_app", celery.Celery("shop", set_as_current=False))
    assert ours() == []


def test_an_unconfigured_site_may_name_any_way(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "celery.app", None)
    settings.HELLOTEXT = {"DISPATCH": "celery", "CURRENCY": "EUR"}
    assert ours() == []


@pytest.mark.skipif(django.VERSION >= (6, 0), reason="this Django has tasks")
def test_e010_a_django_without_tasks(settings: Any) -> None:
    settings.HELLOTEXT = {**COMPLETE, "DISPATCH": "tasks"}
    [message] = ours()
    assert message.id == "hellotext.E010"
    assert "Django 6.0" in message.msg


@needs_tasks
@pytest.mark.parametrize(
    "tasks",
    [
        {"default": {"BACKEND": "django.tasks.backends.immediate.ImmediateBackend"}},
        {"default": {"BACKEND": "django.tasks.backends.dummy.DummyBackend"}},
        {"default": {"BACKEND": "nowhere.Backend"}},
        {"other": {"BACKEND": "django.tasks.backends.dummy.DummyBackend"}},
    ],
)
def test_e011_tasks_without_a_worker(settings: Any, tasks: dict[str, Any]) -> None:
    settings.HELLOTEXT = {**COMPLETE, "DISPATCH": "tasks"}
    settings.TASKS = tasks
    assert [message.id for message in ours()] == ["hellotext.E011"]


@needs_tasks
@pytest.mark.parametrize(("queue", "ids"), [("hellotext", []), (None, ["hellotext.E011"])])
def test_e011_a_queue_that_tasks_do_not_have(settings: Any, queue: str | None, ids: list[str]) -> None:
    settings.HELLOTEXT = {**COMPLETE, "DISPATCH": "tasks", "QUEUE": queue}
    settings.TASKS = {"default": {"BACKEND": "tests.ground.carriers.Queue", "QUEUES": ["hellotext"]}}
    assert [message.id for message in ours()] == ids
