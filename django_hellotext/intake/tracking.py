"""``track``: check, freeze, insert, ask for a wake.

Nothing here reads or locks a row of ours, reaches the network, or lets a fault reach a visitor.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.core.exceptions import DisallowedHost
from django.db import DatabaseError, models, transaction

from .. import consent, dispatch
from ..actions import BUILT_IN, Purpose, purpose_of
from ..adapters import Adapter, Link, registry
from ..api.types import Money
from ..conf import hellotext_settings
from ..exceptions import HellotextError, TrackingError
from ..models import Event
from ..models.objects import identity_of
from ..savepoints import HostCode
from . import facts, ledger
from .changes import PURCHASES, insert_changes, overtaken_by
from .counting import is_missed
from .current import known_here
from .faults import report
from .ledger import alias_for
from .sessions import user_of, valid_session
from .subjects import (
    OWNED,
    SALES,
    check_buyer,
    link_to,
    owner,
    places_of,
    profile_link,
    refuses_to_be_seen,
    speaks_for,
    visitor,
)

if TYPE_CHECKING:
    from django.http import HttpRequest

logger = logging.getLogger("django_hellotext.intake")

CHUNK = 200  # events of one INSERT: an event has many columns


def track(
    action: str,
    obj: models.Model | None = None,
    *,
    profile: models.Model | None = None,
    session: str | None = None,
    request: HttpRequest | None = None,
    amount: Decimal | int | str | Money | None = None,
    currency: str | None = None,
    metadata: dict[str, Any] | None = None,
    url: str | None = None,
    items: Iterable[tuple[models.Model, int | Decimal]] | None = None,
    key: str | None = None,
    tracked_at: datetime | None = None,
    object_type: str | None = None,
    using: str | None = None,
) -> None:
    """Record that ``action`` happened; it is sent later, once, in order.

    :param obj: the registered host object it is about, such as the order.
    :param profile: the customer, or a cart, order or refund that knows its customer or guest; by default ``obj``'s
        own, or the logged-in user of ``request``.
    :param session: the visitor's Hellotext session; by default the one kept on the object, or that of ``request``
        unless another customer than ``profile`` is logged in there.
    :param amount: major units (89.90), with ``currency`` (ISO 4217), which defaults to ``HELLOTEXT["CURRENCY"]``;
        rounded to the currency's minor unit. By default the ``total`` of the order's or refund's adapter: read now if
        it is a loaded field, else by the worker before the event is sent.
    :param items: for cart events, pairs of product and *resulting* quantity.
    :param key: makes recording idempotent: the same action, object and key is one event, however often it is
        recorded. The built-in order actions have one automatically. A row that failed because of its arguments leaves
        its key free; one that failed because of an adapter keeps it, and is completed when it is sent again.
    :param tracked_at: when it happened; a naive time is local time in ``TIME_ZONE``. Now by default.
    :raises TypeError: an argument of a wrong type, an object without an adapter.
    :raises TrackingError: an action that is neither built in nor declared. Faults of data do not raise (they
        become a ``failed`` row) unless ``HELLOTEXT["RAISE_ERRORS"]`` is set.
    :raises OperationalError: the database has taken back your whole transaction (``TransactionLostError``).

    Does nothing while the app is not configured, and for a ``request`` that names neither a customer nor a session:
    a first visit before Hellotext.js has run, a member of staff. What only says that somebody browses is not recorded
    for a crawler, a prefetched page or a preview (demand G8); facts of the shop, such as orders, are.
    """
    if not hellotext_settings.active:
        return
    action = facts.known_action(action)
    target, adapter = facts.object_of(action, obj)
    frozen_items = facts.parameters_of(items)
    faults: list[TrackingError] = []
    value, code = facts.money(amount, currency, faults)
    buyer_known_by = _knows_buyer(profile, check_buyer(profile)) or _knows_buyer(target, adapter)
    if is_missed(action, request):
        return
    fact = facts.Fact(
        action=action,
        object_link=link_to(target, adapter) if target is not None and adapter is not None else None,
        amount=value,
        currency=code,
        metadata=facts.metadata_of(metadata, faults),
        parameters=frozen_items,
        object_type=facts.text_of(object_type, name="object_type", limit=100, faults=faults),
        url=facts.text_of(url, name="url", limit=facts.MAX_URL, faults=faults),
        key=facts.text_of(key, name="key", limit=facts.MAX_KEY, faults=faults),
        tracked_at=facts.moment_of(tracked_at, faults),
        faults=faults,
    )
    alias = alias_for(using, obj, profile)
    try:
        with HostCode(alias):
            if fact.amount is None and not faults and target is not None and adapter is not None:
                fact.amount, fact.currency = facts.money(adapter.loaded_amount(target), None, faults)
            owned = buyer_known_by is not None
            fact.url = fact.url or _url_of(action, request)
            _identify(fact, buyer_known_by, profile=profile, session=session, request=request, using=alias)
            is_identified = not fact.adapter_faults
            purpose = purpose_of(action)
            asked, subject = request, profile or _user_of(request) or obj
            if (
                request is not None
                and (owned or profile is not None)
                and not (is_identified and speaks_for(request, fact.profile))
            ):
                # Staff look at a customer's order: neither this view nor their consent is the customer's.
                if profile is None and is_identified and _is_a_look(action):
                    return
                asked, subject = None, profile or obj
            answer = consent.decide(asked, purpose=purpose, subject=subject)
            if answer is False:
                return
            fact.consent = answer
            if asked is not None and purpose is not Purpose.BROWSE and not session and refuses_to_be_seen(asked):
                fact.session = ""
            if is_identified and request is not None and not owned and fact.profile is None and not fact.session:
                # An unknown visitor: no browser session yet, a bot, or a member of staff.
                return
            _judge(fact, owned=owned)
            places: list[Link] = []
            if buyer_known_by is not None and not session:
                kept, places = known_here(places_of(*buyer_known_by))
                fact.session = kept or fact.session
        insert_fact(fact, using=alias, places=places)
        if target is not None and adapter is not None and action in PURCHASES:
            with HostCode(alias):
                carts = overtaken_by(target, adapter)
            insert_changes(carts, using=alias)
    except Exception as error:
        report(error, "track", using=alias)
    else:
        dispatch.wake(alias)
    found = [*faults, *fact.adapter_faults]
    if found and hellotext_settings.RAISE_ERRORS:
        raise found[0]


def record_events(drafts: Iterable[tuple[int | None, facts.Fact]], *, using: str) -> None:
    """Insert the events that changes have become, each under the ID of its change where one is given.

    An event that was recorded before is left out. Raises the database's error if it meets a lock.
    """
    keyed: list[Event] = []
    others: list[Event] = []
    for pk, fact in drafts:
        _judge(fact, owned=False)
        event = fact.row()
        event.pk = pk
        (others if pk is None else keyed).append(event)
    for events in (keyed, others):
        for begin in range(0, len(events), CHUNK):
            _insert_events(events[begin : begin + CHUNK], using=using)


def _insert_events(events: Sequence[Event], *, using: str) -> None:
    try:
        with transaction.atomic(using=using):
            ledger.insert_many(events, using=using, unique="dedupe")
    except DatabaseError as error:
        if ledger.met_a_lock(error):
            raise
        if len(events) > 1:
            for event in events:
                _insert_events([event], using=using)
        else:
            # A worker raises nothing: the fold would end here each time.
            _insert_remains(events[0], error, using=using, may_raise=False)


def _identify(
    fact: facts.Fact,
    buyer_known_by: tuple[models.Model, Adapter] | None,
    *,
    profile: models.Model | None,
    session: str | None,
    request: HttpRequest | None,
    using: str,
) -> None:
    """Set the customer and the session of ``fact``. If the shop's own adapter raises, the row fails and says so."""
    fact.session = valid_session(session)
    try:
        with HostCode(using):
            is_object = buyer_known_by is not None and profile is buyer_known_by[0]
            given = None if is_object else profile_link(profile)
            if buyer_known_by is not None:
                link, found = owner(*buyer_known_by, request)
            else:
                link, found = visitor(request)
            if given is not None and found and visitor(request)[0] not in (None, given):
                # The browser is another customer's. Attached to this one, it would stay attached permanently.
                found = ""
    except Exception as error:
        logger.exception("adapter.failed", extra={"action": fact.action})
        message = f"An adapter raised {type(error).__name__}: {error}"
        fact.adapter_faults.append(TrackingError(message, reason="adapter_failed"))
        fact.profile = _unread_customer(profile, request)
        return
    fact.profile, fact.session = given or link, fact.session or found


def _unread_customer(profile: models.Model | None, request: HttpRequest | None) -> Link | None:
    """Return the customer whose adapter failed. Whether they are wanted at Hellotext is asked when they are sent."""
    customer: Any = profile or _user_of(request)
    adapter = registry.for_model(customer.__class__) if isinstance(customer, models.Model) else None
    return link_to(customer, adapter) if adapter is not None and adapter.kind == "profile" else None


def _knows_buyer(obj: models.Model | None, adapter: Adapter | None) -> tuple[models.Model, Adapter] | None:
    """Return ``obj`` and its adapter if it is a cart, order or refund, whose customer or guest the adapter knows."""
    return (obj, adapter) if obj is not None and adapter is not None and adapter.kind in OWNED else None


def _judge(fact: facts.Fact, *, owned: bool) -> None:
    """Add the faults that only show once the whole fact is known."""
    spec = BUILT_IN.get(fact.action)
    if spec and spec.needs_amount and fact.amount is None:
        fact.faults.append(
            TrackingError(f"{fact.action} needs an amount.", reason="parameter_missing", parameter="amount")
        )
    if spec and spec.needs_url and not fact.url:
        fact.faults.append(TrackingError(f"{fact.action} needs a url.", reason="parameter_missing", parameter="url"))
    # The session of a cart or order may still be found by the INSERT itself, and a purchase of nobody is a purchase.
    is_sale = fact.object_link is not None and fact.object_link.kind in SALES
    is_known = fact.profile is not None or fact.session or owned or is_sale
    if not is_known and not fact.adapter_faults:
        fact.faults.append(
            TrackingError(
                "neither a profile nor a session is known. Pass profile=, which may be the guest's cart or order.",
                reason="parameter_missing",
                parameter="profile",
            )
        )


def insert_fact(fact: facts.Fact, *, using: str, places: Sequence[Link] = ()) -> None:
    """Insert the event of ``fact``; the database finds the session that is kept at one of ``places``."""
    event = fact.row()
    remembered = None
    if places:
        found = [
            ledger.Place(link.label, link.pk, identity_of(event.account, link.kind, link.label, link.pk))
            for link in places
        ]
        remembered = ledger.RememberedSession(places=found, fallback=event.session, fallback_key=event.ordering_key)
    try:
        ledger.insert(event, using=using, unique="dedupe", session=remembered)
    except ledger.TransactionLostError:
        raise  # no row can be kept where there is no transaction any more
    except DatabaseError as error:
        if ledger.met_a_lock(error):
            raise  # nothing is wrong with the row, and its remains would not be let in either
        _insert_remains(event, error, using=using)


def _insert_remains(event: Event, error: DatabaseError, *, using: str, may_raise: bool = True) -> None:
    """A row that the database refuses is kept without what may have been refused (demand C10)."""
    logger.error("intake.refused", extra={"action": event.action, "using": using, "error": type(error).__name__})
    event.refuse_at_recording(type="not_recordable", parameter="", text=f"The database refused the row: {error}")
    event.blank()
    ledger.insert(event, using=using)
    if may_raise and hellotext_settings.RAISE_ERRORS:
        raise HellotextError("The database refused an event; a failed row keeps its remains.") from error


def _is_a_look(action: str) -> bool:
    """Whether ``action`` says that its customer looks at something, and nothing of what has become of it."""
    spec = BUILT_IN.get(action)
    return spec is not None and spec.purpose is Purpose.BROWSE and spec.browser and not spec.names_items


def _user_of(request: HttpRequest | None) -> Any | None:
    return user_of(request) if request is not None else None


def _url_of(action: str, request: HttpRequest | None) -> str:
    spec = BUILT_IN.get(action)
    if request is None or not spec or not spec.needs_url:
        return ""
    try:
        address = request.build_absolute_uri()
    except DisallowedHost:
        # A visitor may claim any host; the page is the same.
        address = f"{hellotext_settings.SITE_URL or ''}{request.get_full_path()}"
    # A visitor may type anything; what is too long for a column is cut, not refused.
    return address[: facts.MAX_URL].replace("\x00", "")
