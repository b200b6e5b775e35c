"""Emoji on a MariaDB database whose charset has three bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import dj_database_url
import pytest
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import DatabaseError, connection, connections

import django_hellotext
from django_hellotext.checks import check_charset
from django_hellotext.emulator import Emulator
from django_hellotext.models import Event, RemoteObject
from django_hellotext.models.charset import narrow_columns, statements, widen
from django_hellotext.models.deliverable import error_fields
from django_hellotext.models.objects import identity_of
from tests.processes.databases import MariaDB

ALIAS = "narrow"
EMOJI = "👩‍👩‍👧"


@pytest.fixture
def narrow(hellotext: Emulator, settings: Any, django_db_blocker: Any) -> Iterator[None]:
    """A database in utf8mb3 under ``ALIAS``, with the tables of the users and ours."""
    made = MariaDB(f"hellotext_narrow_{os.getpid()}", charset="utf8mb3")
    made.create()
    parsed: Any = dj_database_url.parse(made.url)
    connections.settings[ALIAS] = connections.configure_settings({"default": {}, ALIAS: parsed})[ALIAS]
    settings.HELLOTEXT = {**settings.HELLOTEXT, "DATABASES": [ALIAS], "RAISE_ERRORS": False}
    with django_db_blocker.unblock():
        try:
            with connections[ALIAS].schema_editor() as editor:
                for model in (ContentType, Permission, Group, User):
                    editor.create_model(model)
            call_command("migrate", "django_hellotext", database=ALIAS, verbosity=0)
            yield
        finally:
            connections[ALIAS].close()
            del connections[ALIAS]
            del connections.settings[ALIAS]
            made.drop()


@pytest.mark.mariadb
@pytest.mark.usefixtures("narrow")
def test_an_event_with_emoji_is_recorded_and_found_again() -> None:
    customer = User.objects.using(ALIAS).create(username="ana")
    for _ in range(2):
        django_hellotext.track(
            "page.viewed",
            profile=customer,
            url=f"https://shop.example/{EMOJI}",
            key=f"k{EMOJI}",
            object_type=EMOJI,
            metadata={EMOJI: EMOJI},
        )
    django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/", key="k\N{FAMILY}")
    event, other = Event.objects.using(ALIAS).order_by("pk")
    assert (event.state, event.key, event.object_type, event.metadata[EMOJI]) == ("pending", f"k{EMOJI}", EMOJI, EMOJI)
    assert other.key == "k\N{FAMILY}"
    for name, value in error_fields(type="refused", message=f"{EMOJI} is no name").items():
        setattr(event, name, value)
    event.save()
    event.refresh_from_db()
    assert EMOJI in event.error_message


@pytest.mark.mariadb
@pytest.mark.usefixtures("narrow")
def test_references_that_differ_by_an_emoji_stay_two() -> None:
    rows = RemoteObject.objects.using(ALIAS)
    for name in ("👩", "👨"):
        identity = identity_of("a", "product", "shop.product", name)
        rows.create(
            account="a", kind="product", identity=identity, host_label="shop.product", host_pk=name, reference=name
        )
    assert sorted(rows.values_list("reference", flat=True)) == ["👨", "👩"]
    assert rows.identified([identity]).get().host_pk == "👨"


@pytest.mark.mariadb
@pytest.mark.usefixtures("narrow")
def test_w005_tables_that_were_converted_back_are_named_with_what_to_do() -> None:
    assert check_charset(databases=[ALIAS]) == []
    with connections[ALIAS].cursor() as cursor:
        cursor.execute("ALTER TABLE django_hellotext_event CONVERT TO CHARACTER SET utf8mb3")
    [message] = check_charset(databases=[ALIAS])
    assert message.id == "hellotext.W005"
    assert "utf8mb3, which holds no emoji: django_hellotext_event." in message.msg
    with connections[ALIAS].cursor() as cursor:
        for statement in list(statements(connections[ALIAS])):
            assert statement in str(message.hint)
            cursor.execute(statement)
    assert check_charset(databases=[ALIAS]) == []


@pytest.mark.mariadb
@pytest.mark.usefixtures("narrow")
def test_a_widened_column_keeps_its_default_and_its_null() -> None:
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(
            "SELECT column_name, is_nullable, column_default FROM information_schema.columns WHERE table_schema = "
            "DATABASE() AND table_name = 'django_hellotext_event' AND column_name IN ('key', 'dedupe', 'action')"
        )
        assert {name: (null, default) for name, null, default in cursor.fetchall()} == {
            "action": ("NO", None),
            "dedupe": ("YES", "NULL"),
            "key": ("NO", "''"),
        }
        with pytest.raises(DatabaseError):  # the shop's own tables stay as they are
            cursor.execute("INSERT INTO auth_group (name) VALUES (%s)", [EMOJI])


@pytest.mark.django_db
def test_another_database_has_nothing_to_widen(settings: Any) -> None:
    if connection.vendor == "mysql":
        pytest.skip("needs a database server of another kind")
    widen(None, connection.schema_editor(collect_sql=True))
    assert narrow_columns(connection) == {}
    assert check_charset(databases=["default", "other"]) == []


def test_an_unconfigured_site_is_not_asked(settings: Any) -> None:
    settings.HELLOTEXT = {}
    assert check_charset(databases=["default"]) == []
