"""Forget a customer, and stay able to not remember them (demand I3).

No request path: these verbs read, update and delete. What Hellotext is told travels by the usual rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models, transaction

from .. import clock, dispatch
from ..conf import hellotext_settings
from ..models import FORMER, Account, Change, Kind, RemoteObject
from ..models.erasure import erased_mirror, former_profile, lift, tombstone
from .people import EMAIL, PHONE, Person, accounts_of_others, find

CHUNK = 500  # rows of one statement


@dataclass(frozen=True, kw_only=True)
class Erasure:
    """What was erased, or would be, on one database. ``remains`` says in words what is left, and where."""

    using: str
    customers: int
    events: int
    sessions: int
    changes: int
    at_hellotext: int
    remains: Sequence[str] = ()


def forget_customer(who: models.Model | str, *, dry_run: bool = False) -> list[Erasure]:
    """Erase what we hold of a person, have their profile at Hellotext cleared, and keep a tombstone.

    :param who: a customer, an order or cart of a guest, or an e-mail, which names everybody who has it.
    :param dry_run: say what would happen, and change nothing.
    :raises TypeError: an object without an adapter. :raises ValueError: a text that is no e-mail.

    Answers with one ``Erasure`` for each of ``HELLOTEXT["DATABASES"]``. The tombstone is a keyed hash of the e-mail
    (of the phone for who has no e-mail): no later sync makes the person anew, see ``remember_customer``. Call it while
    the customer is still in your own tables: without them nobody knows which rows are theirs.
    """
    done = []
    for alias in hellotext_settings.DATABASES:
        if dry_run:
            done.append(_planned(find(who, using=alias)))
            continue
        with transaction.atomic(using=alias):
            # Folds wait: none of them brings back what is erased here.
            list(Account.objects.using(alias).select_for_update().filter(key=hellotext_settings.account))
            done.append(_erase(find(who, using=alias)))
        dispatch.wake(alias)
    return done


def remember_customer(email: str) -> int:
    """Take the tombstone of ``email`` away, for who comes back of their own will; answers how many there were."""
    account = hellotext_settings.account
    return sum(lift(account, EMAIL, email, using=alias) for alias in hellotext_settings.DATABASES)


def export_customer(who: models.Model | str) -> dict[str, Any]:
    """What our tables hold of a person, as plain values that ``DjangoJSONEncoder`` takes.

    Arguments as for ``forget_customer``. What stands in your own tables and at Hellotext is not in it.
    ``not_searched`` names the models that could not be searched by e-mail, because their adapters read it in code.
    """
    found: dict[str, Any] = {"account": hellotext_settings.account, "databases": {}}
    unsearched: set[str] = set()
    for alias in hellotext_settings.DATABASES:
        person = find(who, using=alias)
        tables: dict[str, models.QuerySet[Any]] = {
            "profiles": person.mirrors(),
            "objects": person.belongings(),
            "sessions": person.sessions(),
            "events": person.events(),
            "changes": person.changes().without_reserves(),
        }
        found["databases"][alias] = {
            name: [_shown(row) for row in rows.order_by("pk").values()] for name, rows in tables.items()
        }
        unsearched |= person.unsearched
    return {**found, "not_searched": sorted(unsearched)}


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    # What only serves delivery says nothing of anybody.
    return {name: value for name, value in row.items() if name not in ("token", "lease_until", "dedupe", "identity")}


def _planned(person: Person) -> Erasure:
    return _told(person, at_hellotext=person.mirrors().exclude(remote_id="").count())


def _erase(person: Person) -> Erasure:
    told = _told(person, at_hellotext=0)
    # Their keys first: once the rows are empty, nothing says any more whose they were.
    events = list(person.events().values_list("pk", flat=True))
    sessions = list(person.sessions().values_list("pk", flat=True))
    changes = list(person.changes().values_list("pk", flat=True))
    belongings = list(person.belongings().values_list("pk", flat=True))
    _mark_unknown(person)
    # A tombstone of an address that is an account's would forget that one as well.
    is_anothers = person.mirrors().filter(attributed=True).exists() or accounts_of_others(person)
    leaves_stones = person.has_account or not is_anothers
    former = {id for data in person.mirrors().values_list("data", flat=True) for id in data.get(FORMER, [])}
    mirrors = list(person.mirrors().values_list("pk", flat=True))
    for ids in _chunks(events):
        _manager(person.events()).erase(ids)
    for ids in _chunks(sessions):
        person.sessions().model._base_manager.using(person.using).filter(pk__in=ids).delete()
    for ids in _chunks(changes):
        # Not what has become an event meanwhile, under the same ID.
        Change.objects.using(person.using).filter(pk__in=ids).delete()
    rows = RemoteObject.objects.using(person.using)
    for ids in _chunks(belongings):
        rows.filter(pk__in=ids).update(session="", data={}, seen={}, adjustments=None)
    waiting = rows.erase(mirrors, at=clock.now())
    waiting += _clear_former(person, former)
    if leaves_stones:
        _leave_tombstones(person)
    return Erasure(**{**vars(told), "at_hellotext": waiting})


def _mark_unknown(person: Person) -> None:
    """A customer who was never mirrored must not be mirrored now."""
    known = {(row.host_label, row.host_pk) for row in person.mirrors()}
    RemoteObject.objects.using(person.using).bulk_create(
        erased_mirror(person.account, link.label, link.pk)
        for link in person.links
        if (link.label, link.pk) not in known
    )


def _clear_former(person: Person, remote_ids: set[str]) -> int:
    """Have the profiles cleared that they had before, unless somebody else has one; return how many."""
    rows = RemoteObject.objects.using(person.using)
    held = rows.filter(account=person.account, kind=Kind.PROFILE, remote_id__in=remote_ids)
    left = sorted(remote_ids - set(held.values_list("remote_id", flat=True)))
    rows.bulk_create(former_profile(person.account, remote_id) for remote_id in left)
    return len(left)


def _leave_tombstones(person: Person) -> None:
    # A phone may be a family's: it stands for a person only where there is nothing better.
    kind = EMAIL if person.emails else PHONE
    stones = {
        stone.identity: stone
        for name, value in person.addresses
        if name == kind
        for stone in [tombstone(person.account, name, value)]
    }
    rows = RemoteObject.objects.using(person.using)
    there = set(rows.identified(stones).values_list("identity", flat=True))
    rows.bulk_create(stone for identity, stone in stones.items() if identity not in there)


def _told(person: Person, *, at_hellotext: int) -> Erasure:
    return Erasure(
        using=person.using,
        customers=len(person.links),
        events=person.events().count(),
        sessions=person.sessions().count(),
        changes=person.changes().without_reserves().count(),
        at_hellotext=at_hellotext,
        remains=list(_remains(person)),
    )


def _remains(person: Person) -> Iterator[str]:
    yield "Here: a keyed hash of the address, and the fact that these objects were erased."
    if person.events().exclude(dedupe=None).exists():
        yield "Here: emptied events with the fingerprint of their key, so that nothing is recorded twice."
    if person.objects:
        yield f"Here: {len(person.objects)} carts, orders and refunds with their IDs at Hellotext."
    yield "Your own tables: all that your shop keeps of this person."
    yield "Hellotext: conversations, and orders and events without the person's properties."
    if person.unsearched:
        named = ", ".join(sorted(person.unsearched))
        yield f"Not searched by e-mail, because the adapter reads it in code: {named}. Name those objects themselves."


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[begin : begin + CHUNK] for begin in range(0, len(ids), CHUNK))


def _manager(rows: models.QuerySet[Any]) -> Any:
    return rows.model._default_manager.using(rows.db)
