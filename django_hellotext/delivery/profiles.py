"""Decide which profile a customer or guest has, so that no data change the profile of somebody else.

Hellotext joins by e-mail and by phone: a profile that is created with the e-mail of another one changes that one. So
each contact is looked up before it is sent for the first time:

- A profile belongs to the account that has it. A guest, or a second account, with the same e-mail is *attributed* to
  it: their orders and events go there, their values and their sessions do not.
- A phone joins no profiles. One that another profile has is left out.
- Guests are one customer if they give the same e-mail, or the same phone and no e-mail.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Case, Value, When

from ..adapters import registry
from ..adapters.contacts import KINDS, addresses_of
from ..adapters.unknown_customer import UNKNOWN_CUSTOMERS
from ..api import HellotextClient
from ..conf import hellotext_settings
from ..exceptions import ApiError
from ..models import FORMER, LAST_PAYLOAD, Kind, RemoteObject, SkipReason, State
from .differences import SENT, cleared, with_cleared
from .mirrors import traces_of
from .policy import will_not_tell
from .reconcile import profile_with
from .remote_ids import checked

if TYPE_CHECKING:
    from .batch import Work

logger = logging.getLogger("django_hellotext.delivery")

EMAIL, PHONE = "email", "phone"
SHARED = "profile_shared"
MOST_GUESTS = 100  # rows that are read of one batch; the others are noted with their next event

Contact = tuple[str, str]  # its kind, and its value as it is compared


@dataclass(frozen=True)
class Found:
    """The profile at Hellotext that has a contact."""

    id: str
    has_emails: bool


def is_account(row: RemoteObject) -> bool:
    """Return whether ``row`` mirrors a customer, rather than the guest of an order or a cart."""
    adapter = registry.for_label(row.host_label)
    is_customer = adapter is not None and adapter.kind == Kind.PROFILE and row.host_label != UNKNOWN_CUSTOMERS
    return row.kind == Kind.PROFILE and is_customer


def contacts_of(payload: Mapping[str, Any]) -> list[Contact]:
    """Return the e-mails and phones of a profile's payload, the default ones before the named ones."""
    return [(kind, comparable(kind, value)) for kind, value in addresses_of(payload)]


def comparable(kind: str, value: str) -> str:
    """Return ``value`` as Hellotext compares it: e-mails without regard to case."""
    return value.strip().casefold() if kind == EMAIL else value.strip()


def own_id(row: RemoteObject) -> str:
    """Return the ID of the profile that ``row`` has written; one that was only found so far does not count."""
    return row.remote_id if SENT in row.data and not row.attributed else ""


def contacts_to_look_up(work: Work) -> list[Contact]:
    """Return the contacts in the payload of ``work`` that its profile does not have yet, as far as we know.

    All of them for a new profile, and where an e-mail has changed: the row may then move to another profile.
    """
    row, payload = work.row, work.payload or {}
    if not isinstance(row, RemoteObject):
        return []
    every = contacts_of(payload)
    if not own_id(row) or work.looked_up:
        return every
    before, now = row.data.get(LAST_PAYLOAD) or {}, traces_of(row, payload)
    new = contacts_of({name: value for name, value in payload.items() if before.get(name) != now[name]})
    has_other_email = any(kind == EMAIL for kind, _ in new) or (EMAIL in before and EMAIL not in now)
    return every if has_other_email else new


def look_up(client: HellotextClient, contacts: Iterable[Contact]) -> dict[Contact, Found]:
    """Return who has each of ``contacts``.

    Raises ``ApiError`` when Hellotext cannot be asked now, ``UnusableId`` when the ID of a profile cannot be stored.
    """
    found: dict[Contact, Found] = {}
    for kind, value in contacts:
        try:
            profile = profile_with(client, kind, value)
        except ApiError as error:
            if not will_not_tell(error):
                raise
            continue  # this token may not list profiles: what was written is checked afterwards
        if profile is not None:
            found[kind, value] = Found(id=checked(str(profile.id)), has_emails=bool(profile.emails))
    return found


def place(work: Work, found: Mapping[Contact, Found]) -> None:
    """Decide by what was ``found`` which profile ``work`` writes, and with which contacts.

    Sets ``work.attributed_to`` if the profile is an account's. Otherwise removes contacts of other profiles from
    ``work.payload``, and sets the row's remote ID, which is empty if the profile is to be created.
    """
    row, payload = work.row, work.payload
    if not isinstance(row, RemoteObject) or payload is None:
        return
    work.is_placed = True
    known = _Known(row, contacts_of(payload), found)
    target = known.of_account() if is_account(row) else known.of_guest()
    if target and known.owner(target) is not None:
        work.attributed_to = target
        return
    taken = {contact for contact, one in found.items() if one.id != target}
    if taken:
        kinds = sorted({kind for kind, _ in taken})
        logger.info("profile.contacts_left_out", extra={"row": row.pk, "kinds": kinds})
        work.payload = _without(payload, taken)
    if not own_id(row) or target != row.remote_id:
        work.is_new_profile = True
    if target != row.remote_id:
        if own_id(row):
            logger.info("profile.moved", extra={"row": row.pk, "before": row.remote_id, "after": target})
        row.data = data_without_profile(row)
        row.remote_id, row.payload_hash = target, ""
    row.attributed = False
    set_removals(work)


def data_without_profile(row: RemoteObject) -> dict[str, Any]:
    """Return what stays in ``row.data`` when the row gets another profile: the IDs of those that it has left.

    What was sent to one profile says nothing about another one.
    """
    former = [*row.data.get(FORMER, []), *filter(None, [own_id(row)])]
    return {FORMER: former} if former else {}


class _Known:
    """What is known of the contacts of a profile's row: who has them at Hellotext, and which rows are theirs."""

    def __init__(self, row: RemoteObject, contacts: list[Contact], found: Mapping[Contact, Found]) -> None:
        self.row = row
        self.contacts = contacts
        self.found = found
        # An ID that a look for an uncertain row, or a pull, has found.
        self.suggested = "" if row.attributed else row.remote_id
        self.holders = holders_of({one.id for one in found.values()} | {self.suggested}, but=row)

    def owner(self, remote_id: str) -> RemoteObject | None:
        """Return the account that the profile belongs to."""
        return next(filter(is_account, self.holders.get(remote_id, ())), None)

    def of_guest(self) -> str:
        """Return the profile of a guest: that of the e-mail, else their own, else that of the phone of a guest."""
        own = own_id(self.row)
        elsewhere = next((id for _, id in self._ids(EMAIL) if id != own), "")
        if elsewhere:
            return elsewhere
        if own:
            emails = [one for one in self.contacts if one[0] == EMAIL]
            corrected = any(one not in self.found for one in emails) or (not emails and EMAIL in self.row.data[SENT])
            # Others ordered with the former e-mail: the profile stays theirs.
            return "" if corrected and self.holders.get(own) else own
        if not any(kind == EMAIL for kind, _ in self.contacts):
            for contact, id in self._ids(PHONE):
                if not self.found[contact].has_emails and self.holders.get(id) and self.owner(id) is None:
                    return id
        return self._suggestion()

    def of_account(self) -> str:
        """Return the profile of an account: that of its e-mail, if that is no other account's, else its own."""
        own = own_id(self.row)
        default = next((one for one in self.contacts if one[0] == EMAIL), None)
        for contact, id in self._ids(EMAIL):
            is_free = self.owner(id) is None
            if id != own and ((contact == default and (is_free or not own)) or (is_free and not own)):
                return id
        if own:
            return own
        for contact, id in self._ids(PHONE):
            # A phone that the shop has verified may be that of somebody who wrote to it before.
            is_free = not self.found[contact].has_emails and not self.holders.get(id)
            if hellotext_settings.VERIFIED is not None and is_free:
                return id
        return self._suggestion()

    def _ids(self, kind: str) -> list[tuple[Contact, str]]:
        return [(one, self.found[one].id) for one in self.contacts if one[0] == kind and one in self.found]

    def _suggestion(self) -> str:
        is_confirmed = not self.contacts or any(id == self.suggested for _, id in self._ids(EMAIL))
        return self.suggested if is_confirmed and not self.holders.get(self.suggested) else ""


def holders_of(remote_ids: Iterable[str], *, but: RemoteObject) -> dict[str, list[RemoteObject]]:
    """Return the rows, other than ``but``, that write each of these profiles, from every database, the oldest first.

    All accounts, and some of the guests: a guest may have ordered thousands of times.
    """
    wanted = set(filter(None, remote_ids))
    found: dict[str, list[RemoteObject]] = defaultdict(list)
    for row in _profiles(but.account, wanted, attributed=False):
        if (row.pk, row._state.db) != (but.pk, but._state.db):
            found[row.remote_id].append(row)
    return found


def _profiles(account: str, remote_ids: Collection[str], *, attributed: bool) -> Iterator[RemoteObject]:
    accounts = [adapter.label for adapter in registry.all() if adapter.kind == Kind.PROFILE]
    guests_last = Case(When(host_label__in=accounts, then=Value(0)), default=Value(1))
    for alias in hellotext_settings.DATABASES if remote_ids else ():
        rows = RemoteObject.objects.using(alias).exclude(state=State.DELETED)
        rows = rows.filter(account=account, kind=Kind.PROFILE, remote_id__in=remote_ids, attributed=attributed)
        yield from rows.order_by(guests_last, "pk")[: len(remote_ids) + MOST_GUESTS]


def note_owners(mirrors: Iterable[RemoteObject], *, account: str) -> None:
    """Mark the guests among ``mirrors`` whose profile is an account's by now as attributed."""
    guests = [row for row in mirrors if row.kind == Kind.PROFILE and row.remote_id and not is_account(row)]
    wanted = {row.remote_id for row in guests if not row.attributed}
    owned = {row.remote_id for row in _profiles(account, wanted, attributed=False) if is_account(row)}
    attribute([row for row in guests if row.remote_id in owned and not row.attributed])


def attribute(rows: Iterable[RemoteObject]) -> None:
    """Mark ``rows`` as attributed, here and in their tables."""
    by_alias: dict[str | None, list[int]] = defaultdict(list)
    for row in rows:
        row.attributed = True
        by_alias[row._state.db].append(row.pk)
    for alias, ids in by_alias.items():
        RemoteObject.objects.using(alias).filter(pk__in=ids).update(attributed=True)


def settle_holders(work: Work) -> None:
    """Sort out who else has the profile that ``work`` has just written: they may have been sent at the same moment.

    Each worker writes before it looks, so that one of two sees the other. A guest, or the younger row of two accounts,
    is attributed, and the values of the owner are sent once more.
    """
    row = work.row
    if not isinstance(row, RemoteObject):
        return
    holders = holders_of([row.remote_id], but=row)[row.remote_id]
    owner = next(filter(is_account, holders), None)
    if owner is None:
        if is_account(row) and holders:
            attribute(holders)
            for guest in holders:
                work.batch.mark_attributed(guest)
            if any(guest.data.get(SENT) for guest in holders):
                _resend(row)
    elif is_account(row) and row.pk < owner.pk:
        attribute([owner])
        _resend(row)
    else:
        attribute([row])
        _resend(owner)
        if not work.is_new_profile:
            _resend(row)  # it has written to a profile that was its own before, and gets another one


def _resend(row: RemoteObject) -> None:
    RemoteObject.objects.using(row._state.db).repeat([row.pk])


def forget_profile(row: RemoteObject, remote_id: str) -> None:
    """Forget the ID of a profile that is gone in every row but ``row``; the next event of each finds another one."""
    for alias in hellotext_settings.DATABASES if remote_id else ():
        rows = RemoteObject.objects.using(alias).filter(account=row.account, kind=Kind.PROFILE, remote_id=remote_id)
        others = rows.exclude(skip_reason=SkipReason.ERASED)
        (others.exclude(pk=row.pk) if alias == row._state.db else others).update(
            remote_id="", payload_hash="", data={}, attributed=False
        )


def order_profiles(works: Iterable[Work]) -> list[Work]:
    """Let profiles with the same e-mail or phone go one after another, and guests after accounts.

    Returns the accounts whose profile is still to be found: it may be that of a guest.
    """
    rows = {work: work.row for work in works if isinstance(work.row, RemoteObject) and work.payload}
    profiles = [work for work, row in rows.items() if row.kind == Kind.PROFILE]
    newcomers = [work for work in profiles if is_account(rows[work]) and not own_id(rows[work])]
    last: dict[Contact, Work] = {}
    for work in sorted(profiles, key=lambda work: (not is_account(rows[work]), rows[work].pk)):
        is_guest = not is_account(rows[work])
        for contact in contacts_of(work.payload or {}):
            before = last.get(contact)
            if before is not None:
                work.wait_for(before)
                if is_guest and is_account(rows[before]):
                    work.follows = before
            last[contact] = before if before is not None and is_guest and is_account(rows[before]) else work
        if is_guest:
            for newcomer in newcomers:
                work.wait_for(newcomer)
    return newcomers


def find_leftovers(works: Iterable[Work], *, account: str) -> None:
    """Note on ``works`` of accounts what guests had sent to the profile before it was the account's."""
    by_id: dict[str, Work] = {}
    for work in works:
        if isinstance(work.row, RemoteObject) and work.payload is not None and is_account(work.row):
            by_id[work.row.remote_id] = work
    by_id.pop("", None)
    for row in _profiles(account, by_id, attributed=True):
        if row.data.get(SENT):
            by_id[row.remote_id].leftovers.append(row)
    for work in by_id.values():
        if work.leftovers:
            set_removals(work)


def clear_leftovers(work: Work) -> None:
    """Forget what guests had sent: it has been taken away."""
    for row in work.leftovers:
        rows = RemoteObject.objects.using(row._state.db).filter(pk=row.pk, remote_id=row.remote_id, attributed=True)
        rows.update(data={FORMER: row.data[FORMER]} if FORMER in row.data else {})


def set_removals(work: Work) -> None:
    """Set what the next update of ``work`` takes away from its profile."""
    row, payload = work.row, work.payload
    if not isinstance(row, RemoteObject) or payload is None:
        return
    adapter = registry.for_label(row.host_label)
    sent = row.data.get(SENT, [])
    work.cleared = cleared(row.kind, sent, payload, declares=adapter.declares) if adapter is not None else {}
    # Lists are joined one by one, and none is left here: what others have put the profile on stays.
    names = [name for guest in work.leftovers for name in guest.data[SENT] if not name.startswith("lists[")]
    work.cleared = with_cleared(work.cleared, cleared(row.kind, names, payload, declares=lambda name: True))


def without_refused(work: Work, parameter: str) -> bool:
    """Leave out the contact that Hellotext refuses because another profile has it; return whether there was one."""
    name = parameter.partition("[")[0]
    names = [one for one in (name, f"{name}s") if one in KINDS and one in (work.payload or {})]
    if work.payload is None or not names:
        return False
    work.payload = {one: value for one, value in work.payload.items() if one not in names}
    set_removals(work)
    return True


def _without(payload: Mapping[str, Any], contacts: Container[Contact]) -> dict[str, Any]:
    """Return ``payload`` without ``contacts``."""
    left: dict[str, Any] = {}
    for name, value in payload.items():
        kind = KINDS.get(name)
        if kind is None:
            left[name] = value
        elif not isinstance(value, Mapping):
            if (kind, comparable(kind, str(value))) not in contacts:
                left[name] = value
        elif kept := {key: one for key, one in value.items() if (kind, comparable(kind, str(one))) not in contacts}:
            left[name] = kept
    return left


def shared_message(other: RemoteObject) -> str:
    """Return what the second account's row says. Names the first without saying anything about them."""
    return (
        f"Hellotext takes this customer for the one of {other.host_label} {other.host_pk}: they share an e-mail or a "
        "phone. They are not merged, and nothing of this one is sent. Correct the e-mail or phone, then send again."
    )
