"""The shop of a group: its tables, its customers at Hellotext already, and events that wait."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def open_shop() -> None:
    """Set Django up and make the tables."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    for alias in settings.DATABASES:
        call_command("migrate", database=alias, run_syncdb=True, verbosity=0)


def customers(number: int, *, at_hellotext: bool = True) -> list[User]:
    """``number`` new customers; with ``at_hellotext`` their mirrors are as if they had been sent long ago."""
    from django.contrib.auth.models import User

    from django_hellotext.adapters import registry
    from django_hellotext.conf import hellotext_settings
    from django_hellotext.delivery.mirrors import new_mirror
    from django_hellotext.intake.subjects import link_to
    from django_hellotext.models import RemoteObject, State

    taken = User.objects.count()
    people = User.objects.bulk_create(
        User(username=f"customer{taken + place}", email=f"customer{taken + place}@example.com")
        for place in range(number)
    )
    if not at_hellotext:
        return people
    mirrors = []
    for person in people:
        adapter = registry.for_model(User)
        assert adapter is not None
        mirror = new_mirror(link_to(person, adapter), lane=0)
        mirror.state, mirror.remote_id = State.SYNCED, f"profile{person.pk}"
        mirrors.append(mirror)
    RemoteObject.objects.bulk_create(mirrors, batch_size=1000)
    assert hellotext_settings.active
    return people


def template(person: User) -> int:
    """One delivered event as ``track()`` records it, to be copied; answers its key."""
    import django_hellotext as hellotext
    from django_hellotext.models import Event, State

    hellotext.track("page.viewed", profile=person, url="https://shop.example/tea?page=2", metadata={"shelf": "tea"})
    event = Event.objects.latest("pk")
    Event.objects.filter(pk=event.pk).update(state=State.DELIVERED)
    return event.pk


def events(
    pk: int, *, number: int, keys: list[str], state: str = "pending", account: str = "", using: str = "default"
) -> None:
    """Copy the template ``pk`` into ``number`` events on PostgreSQL; ``keys`` name each one's customer, over and over.

    All of them are there at once. ``account`` is whose they are, by default the shop's own.
    """
    from django.db import connections

    from django_hellotext.models import Event

    own = {
        "account": "COALESCE(NULLIF(%(account)s, ''), old.account)",
        "uuid": "fresh.uuid",
        "state": "%(state)s",
        "profile_pk": "fresh.person",
        "ordering_key": "old.profile_label || ':' || fresh.person",
        "metadata": "old.metadata || jsonb_build_object('hellotext_uuid', fresh.uuid)",
        "tracked_at": "clock_timestamp()",
        "created_at": "clock_timestamp()",
        "updated_at": "clock_timestamp()",
    }
    columns = [str(field.column) for field in Event._meta.local_concrete_fields if not field.primary_key]
    values = ", ".join(own.get(column, f"old.{column}") for column in columns)
    sql = (
        f"INSERT INTO {Event._meta.db_table} ({', '.join(columns)}) SELECT {values} FROM {Event._meta.db_table} old, "  # noqa: S608
        "LATERAL (SELECT gen_random_uuid() AS uuid, (%(keys)s::text[])[1 + place %% %(different)s] AS person, place "
        "FROM generate_series(0, %(number)s - 1) place) fresh WHERE old.id = %(pk)s ORDER BY fresh.place"
    )
    names: dict[str, Any] = {
        "state": state,
        "keys": keys,
        "different": len(keys),
        "pk": pk,
        "number": number,
        "account": account,
    }
    with connections[using].cursor() as cursor:
        cursor.execute(sql, names)


def with_hot_key(people: list[str], *, number: int, share: float) -> list[str]:
    """Customers for ``number`` events, one of whom has ``share`` of them, evenly spread."""
    hot, *others = people
    every = round(1 / share)
    chosen = random.Random(1)  # noqa: S311 - the same crowd each time
    return [hot if place % every == 0 else chosen.choice(others) for place in range(number)]
