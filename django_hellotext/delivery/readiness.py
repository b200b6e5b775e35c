"""What is to be done with a row now: send it, wait, or say why not. Reads the batch, writes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..adapters import Link, links
from ..adjustments import collecting
from ..conf import hellotext_settings
from ..intake.subjects import OWNED
from ..models import (
    MISSING,
    PREREQUISITE_FAILED,
    UNSUBSCRIBE,
    Change,
    Event,
    Kind,
    RemoteObject,
    Session,
    SkipReason,
    State,
)
from ..models.deliverable import error_fields
from ..models.fields import CLOCK_STEP
from .batch import Batch, Work
from .buyers import utm_of
from .cart_rows import FILLING
from .event_links import items_of, object_of, profile_of
from .mirrors import identity_for
from .prerequisites import NOTHING, identities, needs_of, tell_missing
from .profiles import contacts_to_look_up, own_id, place
from .rejected import without_rejected
from .send import Call, event_call, event_values, lookup_call, object_call, removal_call, session_call
from .subscriptions import is_renewed, last_opt_out, subscribe_call, unsubscribe_call
from .unknown_models import WAIT, is_known

REFUSAL_WAIT = 600.0  # seconds until the consent to join a session is asked for again
REFUSAL_PATIENCE = 24 * 3600.0  # seconds for which it is asked for
MOMENT = 2.0  # seconds until a row that waits for another worker's row is looked at again


@dataclass(frozen=True)
class Go:
    """Send it."""

    call: Call


@dataclass(frozen=True)
class Unchanged:
    """Hellotext has exactly this already."""


@dataclass(frozen=True)
class Gone:
    """The host object does not exist any more."""


@dataclass(frozen=True)
class Wait:
    """Something that it needs is on its way; look again ``after`` seconds. No attempt is counted."""

    after: float = MOMENT


@dataclass(frozen=True)
class Skip:
    """It is not to be sent."""

    reason: SkipReason


@dataclass(frozen=True)
class Fault:
    """It cannot be sent; a person has to look."""

    error: dict[str, Any]


@dataclass(frozen=True)
class Attributed:
    """Its profile is another account's; nothing of it is sent."""

    remote_id: str


Readiness = Go | Unchanged | Gone | Wait | Skip | Fault | Attributed


class _NotNow(Exception):
    """Carries the answer out of a look at what is needed."""

    def __init__(self, answer: Readiness) -> None:
        super().__init__(answer)
        self.answer = answer


def readiness(work: Work) -> Readiness:
    """What is to be done with ``work``, whose needs in hand are all finished.

    What a row cannot be sent without is noted in ``work.missing``.
    """
    if work.fault is not None:
        return Fault(work.fault)
    if work.postponed:
        return Wait()
    if work.removal and isinstance(work.row, RemoteObject):
        return Go(removal_call(work.row, how=work.removal))
    if work.gone:
        return Gone()
    if work.skip is not None:
        return Skip(work.skip)
    row, batch = work.row, work.batch
    try:
        if isinstance(row, RemoteObject):
            return _object(work, row, batch)
        if isinstance(row, Session):
            if batch.is_erased(profile_of(row)):
                return Skip(SkipReason.ERASED)
            if work.unseen:
                return _until_seen_again(row, batch)
            if batch.is_attributed(profile_of(row)):
                return Skip(SkipReason.ATTRIBUTED)
            profile_id = _ids(work, [profile_of(row)], optional=None)[profile_of(row)]
            if work.rival is not None and _is_somebody_else(work.rival, profile_id, batch):
                message = "This session already belongs to another customer; it is left with them."
                return Fault(error_fields(type=Session.CONFLICT, parameter="session", message=message))
            return Go(session_call(row, profile_id))
        if isinstance(row, Event):
            with collecting(work.adjustments):
                return _event(work, row, batch)
    except _NotNow as not_now:
        return not_now.answer
    raise TypeError(f"{type(row).__name__} is no row to send")


def _until_seen_again(row: Session, batch: Batch) -> Readiness:
    """A session whose customer has withdrawn: not joined, unless they think better of it within a day."""
    waited = (batch.now - row.created_at).total_seconds()
    return Wait(REFUSAL_WAIT) if waited < REFUSAL_PATIENCE else Skip(SkipReason.CONSENT)


def _object(work: Work, row: RemoteObject, batch: Batch) -> Readiness:
    if row.remote_id and row.payload_hash == work.hash and _lacks_the_same(work, row, batch):
        return Unchanged()
    if row.kind == Kind.PROFILE:
        return _profile(work, row, batch)
    owner = (work.payload or {}).get("profile")
    if isinstance(owner, Link) and batch.is_erased(owner):
        return Skip(SkipReason.ERASED)
    ids = _ids(work, links(work.payload or {}), optional=owner)
    if row.kind == Kind.CART and owner not in ids and not row.session and not row.remote_id:
        return Skip(SkipReason.ANONYMOUS)
    return Go(object_call(work, ids))


def _profile(work: Work, row: RemoteObject, batch: Batch) -> Readiness:
    if not work.is_placed:
        contacts = contacts_to_look_up(work)
        if contacts:
            return Go(lookup_call(contacts))
        if not own_id(row):
            place(work, {})
    if work.attributed_to:
        return Attributed(work.attributed_to)
    # Without a name, a profile whose every contact is somebody else's says nothing.
    return Go(object_call(work, {})) if work.payload else Skip(SkipReason.ANONYMOUS)


def _lacks_the_same(work: Work, row: RemoteObject, batch: Batch) -> bool:
    before: list[str] = row.data.get(MISSING, [])
    return sorted(identities(batch, work.missing)) == before


def _event(work: Work, event: Event, batch: Batch) -> Readiness:
    if event.pk in batch.refused:
        return Skip(SkipReason.CONSENT)
    if event.object_kind == Kind.CART and _is_overtaken(event, batch):
        return Skip(SkipReason.SUPERSEDED)
    owner = profile_of(event)
    if batch.is_erased(owner):
        return Skip(SkipReason.ERASED)
    if event.is_subscription:
        return _subscription(work, event, owner, batch)
    stand_in = batch.stand_ins.get(event.pk, NOTHING)
    ids = _ids(work, needs_of(event, batch), optional=owner, skips=True)
    profile_id, session = ids.get(stand_in.customer or owner, ""), event.session
    if profile_id and session:
        session = session if not batch.is_attributed(owner) and _is_joined(event, batch) else ""
    if not profile_id and not session:
        return Skip(SkipReason.NOT_SYNCABLE if owner.label else SkipReason.ANONYMOUS)
    target = batch.mirrors.get(object_of(event))
    reference = target.reference if target is not None else ""
    if items_of(event) and not reference and stand_in.parameters is None:
        return Wait()
    tell_missing(event, batch)
    if stand_in.customer is not None and owner.label:
        work.missing = {owner}
    utm = utm_of(target) if event.object_kind in OWNED else {}
    values = event_values(
        event, ids, profile_id=profile_id, session=session, reference=reference, utm=utm, stand_in=stand_in
    )
    values = without_rejected(values, work)
    return Go(event_call(values))


def _subscription(work: Work, event: Event, owner: Link, batch: Batch) -> Readiness:
    """Nothing subscribes whom we know to have opted out since the evidence was given (demand A1)."""
    profile_id = _ids(work, [owner], optional=None, skips=True)[owner]
    if event.action == UNSUBSCRIBE:
        return Go(unsubscribe_call(profile_id))
    known = last_opt_out(event, profile_id, using=batch.using)
    if known is not None and known.at >= event.tracked_at:
        return Skip(SkipReason.OPTED_OUT)
    if batch.is_attributed(owner):
        # A guest who types the e-mail of an account gives no consent in its name. An opt-out is taken from anybody.
        return Skip(SkipReason.ATTRIBUTED)
    # What Hellotext says is the opt-out that we know, which the evidence is newer than; or another, of unknown time.
    overrules = (known is not None and known.is_last_word) or is_renewed(event)
    return Go(subscribe_call(profile_id, overrules=overrules))


def _is_overtaken(event: Event, batch: Batch) -> bool:
    """Whether the cart became an order, or was emptied, since ``event``; asked right before it is sent (demand A2)."""
    cart = object_of(event)
    mirror = batch.mirrors.get(cart)
    if event.action in FILLING and cart in batch.emptied:
        return True
    if mirror is not None and mirror.overtaken_at is not None and mirror.overtaken_at >= event.created_at:
        return True
    # What the host has committed meanwhile, folded or not.
    changes = Change.objects.using(batch.using).of(cart.label, cart.pk)
    if any(change.overtaken_at is not None and change.overtaken_at >= event.created_at for change in changes):
        return True
    row = RemoteObject.objects.using(batch.using).identified([identity_for(cart, batch.account)])
    return bool(row.filter(overtaken_at__gte=event.created_at).exists())


def _ids(work: Work, needed: Iterable[Link], *, optional: Link | None, skips: bool = False) -> dict[Link, str]:
    """The remote IDs of ``needed``.

    With ``skips``, what depends on an object that the shop does not want there is not sent either.

    ``optional`` may be missing when it will never be there because the shop does not want it there, as a member of
    staff. Raises ``_NotNow`` for whatever else is missing: the row waits if that has become so since it was taken in
    hand, because the next claim knows what stands in for it.
    """
    batch = work.batch
    found: dict[Link, str] = {}
    for link in needed:
        mirror = batch.mirrors[link]
        if mirror.remote_id:
            found[link] = mirror.remote_id
        elif link == optional and mirror.state in (State.SKIPPED, State.DELETED):
            continue
        elif mirror.state == State.SKIPPED and skips:
            raise _NotNow(Skip(SkipReason(mirror.skip_reason)))
        elif mirror.state in (State.FAILED, State.SKIPPED, State.DELETED):
            if link not in batch.missing:
                raise _NotNow(Wait(0.0))
            work.missing.add(link)
            why = mirror.error_message or mirror.get_skip_reason_display() or mirror.get_state_display()
            message = f"The {link.kind} {link.label} {link.pk} is not at Hellotext: {why}"
            raise _NotNow(Fault(error_fields(type=PREREQUISITE_FAILED, parameter=link.kind, message=message)))
        else:
            raise _NotNow(_until_there(link))
    return found


def _until_there(link: Link) -> Wait:
    """What ``link`` names is on its way; an object of an unknown model is sent by a process of another release."""
    return Wait() if is_known(link.label) else Wait(WAIT)


def _is_somebody_else(rival: Link, profile_id: str, batch: Batch) -> bool:
    """Whether the customer who had the session first is another person at Hellotext.

    Raises ``_NotNow`` while they are on their way there.
    """
    mirror = batch.mirrors[rival]
    if not mirror.remote_id and mirror.state in (State.PENDING, State.SENDING):
        raise _NotNow(_until_there(rival))
    return mirror.remote_id != profile_id


def _is_joined(event: Event, batch: Batch) -> bool:
    """Whether the event's session is its customer's. Raises ``_NotNow`` while that is not known, up to a bound."""
    row = batch.attachments[(event.session, profile_of(event))]
    if row.state == State.SYNCED:
        return True
    if row.state in (State.FAILED, State.SKIPPED):
        return False
    waited = (batch.now - row.created_at).total_seconds()
    # A session that was noted while the clock was ahead would be waited for until the clock gets there.
    is_ahead = waited < -CLOCK_STEP.total_seconds()
    if row.state == State.PENDING and (waited > hellotext_settings.SESSION_WAIT or is_ahead):
        return False
    raise _NotNow(Wait())
