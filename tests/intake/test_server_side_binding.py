"""Recording on PostgreSQL with ``server_side_binding``, under which a query may hold one statement only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import dj_database_url
import pytest
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db import connections, transaction
from django.test import RequestFactory

import django_hellotext
from django_hellotext.clock import now
from django_hellotext.emulator import Emulator
from django_hellotext.intake.facts import Fact
from django_hellotext.intake.subjects import profile_link
from django_hellotext.intake.tracking import insert_fact
from django_hellotext.models import Change, Event, RemoteObject
from tests.processes.databases import database
from tests.testshop.models import Cart

pytestmark = pytest.mark.postgres

ALIAS = "bound"
TABLES = (ContentType, Permission, Group, User, Cart, Event, RemoteObject)
URL = "https://shop.example/"


@pytest.fixture(autouse=True)
def bound(hellotext: Emulator, settings: Any, tmp_path: Path, django_db_blocker: Any) -> Iterator[None]:
    """A database of its own under ``ALIAS`` that holds the shop's tables and ours."""
    made = database("postgres", folder=tmp_path, name=ALIAS)
    made.create()
    parsed: Any = {**dj_database_url.parse(made.url), "OPTIONS": {"server_side_binding": True}}
    connections.settings[ALIAS] = connections.configure_settings({"default": {}, ALIAS: parsed})[ALIAS]
    settings.HELLOTEXT = {**settings.HELLOTEXT, "DATABASES": [ALIAS], "RAISE_ERRORS": False}
    with django_db_blocker.unblock():
        try:
            with connections[ALIAS].schema_editor() as editor:
                for model in TABLES:
                    editor.create_model(model)
            yield
        finally:
            connections[ALIAS].close()
            del connections[ALIAS]
            del connections.settings[ALIAS]
            made.drop()


@pytest.fixture(params=["transaction", "autocommit"])
def block(request: pytest.FixtureRequest) -> Callable[[], AbstractContextManager[Any]]:
    return nullcontext if request.param == "autocommit" else lambda: transaction.atomic(using=ALIAS)


def recorded() -> list[tuple[str, ...]]:
    events = Event.objects.using(ALIAS).order_by("pk")
    return list(events.values_list("action", "session", "state", "error_type", "error_parameter"))


def test_changes_and_events_are_recorded(block: Callable[[], AbstractContextManager[Any]], rf: RequestFactory) -> None:
    request = rf.get("/")
    request.COOKIES["hello_session"] = "visitor"
    with block():
        cart = Cart.objects.using(ALIAS).create(email="guest@example.com")
        django_hellotext.remember_session(cart, request)
        for _ in range(2):
            django_hellotext.track("cart.viewed", cart, key="once")
        User.objects.using(ALIAS).create(username="after")
    assert Change.objects.using(ALIAS).filter(object_label="auth.user").count() == 1
    assert recorded() == [("cart.viewed", "visitor", "pending", "", "")]


def test_the_hosts_transaction_goes_on_when_the_database_refuses_an_event() -> None:
    """PostgreSQL stores no NUL inside JSON."""
    with transaction.atomic(using=ALIAS):
        customer = User.objects.using(ALIAS).create(username="before")
        fact = Fact(action="page.viewed", profile=profile_link(customer), metadata={"note": "a\x00b"}, tracked_at=now())
        insert_fact(fact, using=ALIAS)
        User.objects.using(ALIAS).create(username="after")
    assert User.objects.using(ALIAS).count() == 2
    assert recorded() == [("page.viewed", "", "failed", "not_recordable", "")]
