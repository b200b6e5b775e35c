"""``sync`` and the rows that say that an object changed: made, gathered, inserted, with what asks for a wake.

What an object looked like is not kept: it is read when it is sent. Nothing here reads or locks a row of ours.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from django.db import connections, models

from .. import clock, dispatch
from ..adapters import Adapter, OnChange, OrderAdapter, registry
from ..conf import hellotext_settings
from ..models import Change, Lane, State
from ..models.changes import BASELINE
from ..savepoints import HostCode, database_of
from . import ledger, once
from .current import current_request, keep_here
from .faults import report
from .ledger import alias_for
from .lines import LINE, LINES, LOOK, is_tracked
from .once import AMOUNT, TRANSACTION
from .subjects import OWNED, buyer_of, key_of, origin_of

if TYPE_CHECKING:
    from django.http import HttpRequest

# What turns a cart into an order.
PURCHASES = frozenset({"order.placed", "order.confirmed", "order.shipped", "order.delivered"})

CHUNK = 500  # rows of one multi-row INSERT

_gathered: ContextVar[dict[str, list[Change]] | None] = ContextVar("django_hellotext_gathered", default=None)


def sync(what: models.Model | models.QuerySet[Any], *, using: str | None = None, events: bool = True) -> int:
    """Say that registered objects changed, for changes that signals cannot see; return how many.

    ``what`` is one object or a queryset of a registered model. A status that differs from the last one seen becomes
    its event, as if it had changed now; with ``events=False`` it is noted, and sends none. Raises ``TypeError`` for a
    model without an adapter.
    """
    if not hellotext_settings.active:
        return 0
    model = what.model if isinstance(what, models.QuerySet) else what.__class__
    adapter = registry.for_model(model)
    if adapter is None:
        raise TypeError(f"sync: no adapter is registered for {model.__name__}; register one in the app's hellotext.py.")
    if isinstance(what, models.QuerySet):
        alias = alias_for(using or what.db, None, None)
        objects: Iterable[models.Model] = what.iterator(chunk_size=CHUNK)
    else:
        alias = alias_for(using, what, None)
        objects = [what]
    changes: list[Change] = []
    count = 0
    for obj in objects:
        change = change_of(obj, adapter)
        if not events:
            change.data[BASELINE] = True
        changes.append(change)
        if len(changes) == CHUNK:
            count += insert_changes(changes, using=alias)
            changes = []
    return count + insert_changes(changes, using=alias)


def remember_session(obj: models.Model, request: HttpRequest) -> None:
    """Keep the visitor's session and campaign on a cart or order.

    Later events of ``obj`` carry them, whoever triggers them: a payment webhook, a job, staff (demands A5, G4).
    With the middleware it is done by itself for a cart or order that is made in a request; call it where the buyer
    comes to an object that was made elsewhere. Does nothing for a request without a session and campaign, for that
    of staff or of somebody who acts as a customer, and for another customer's object.
    """
    if not hellotext_settings.active:
        return
    adapter = registry.for_model(obj.__class__)
    if adapter is None:
        raise TypeError(f"remember_session: no adapter is registered for {type(obj).__name__}.")
    alias = alias_for(None, obj, None)
    try:
        with HostCode(alias):
            change = change_of(obj, adapter)
            _remember(change, obj, adapter, request)
        if change.session or change.data.keys() - {AMOUNT, TRANSACTION}:
            insert_changes([change], using=alias)
            if change.session:
                keep_here(change.label, change.object_pk, change.session)
    except Exception as error:
        report(error, "remember_session", using=alias)


def change_of(
    obj: models.Model,
    adapter: Adapter,
    *,
    created: bool = False,
    deleted: bool = False,
    pk: str | None = None,
    with_status: bool = True,
    update_fields: Collection[str] | None = None,
) -> Change:
    """The Change row that says that ``obj`` changed, with the status it has at this moment.

    A cart or order that is made in a visitor's request remembers that visitor (demands A5, G4).
    ``with_status`` is left out where the status that the instance holds was not what was written.
    """
    now = clock.now()
    seen = None
    try:
        if with_status and not deleted:
            with HostCode(database_of(obj)):
                seen = adapter.status(obj)
    except Exception as error:
        # The object changed all the same; only its status is not known (demand C10).
        report(error, "status", using=database_of(obj))
    change = Change.about(
        adapter.label,
        pk or key_of(obj, adapter),
        account=hellotext_settings.account,
        created=created,
        deleted=deleted,
        status=seen[0] if seen else None,
        status_at=(seen[1] or now) if seen else None,
        happened_at=now,
    )
    if not deleted:
        try:
            change.data.update(_amount_data(obj, adapter, created=created, update_fields=update_fields))
        except Exception as error:
            # The object changed all the same; the worker reads its amount.
            report(error, "amount", using=database_of(obj))
    is_refund = adapter.kind == "refund" and not deleted
    if is_refund or (created and adapter.kind in OWNED):
        try:
            request = current_request() if created else None
            with HostCode(database_of(obj)):
                if request is not None:
                    _remember(change, obj, adapter, request)
                # A refund belongs to the visit in which its order was made.
                if is_refund or not change.session:
                    _point_to_origin(change, obj, adapter)
            keep_here(change.label, change.object_pk, change.session)
        except Exception as error:
            # The object was made all the same; only its buyer's browser is not known (demand B4).
            report(error, "remember_session", using=database_of(obj))
    return change


def change_named(label: str, pk: object, **columns: Any) -> Change:
    """A Change of the object that ``label`` and ``pk`` name, of which nothing more is known."""
    return Change.about(label, str(pk), account=hellotext_settings.account, happened_at=clock.now(), **columns)


def overtaken_by(obj: models.Model, adapter: Adapter) -> list[Change]:
    """The change that an order means for the cart it was made of: the cart's unsent events are overtaken (A2)."""
    cart = adapter.cart_link(obj) if isinstance(adapter, OrderAdapter) else None
    if cart is None:
        return []
    return [change_named(cart.label, cart.pk, overtaken_at=clock.now())]


def record_changes(changes: Sequence[Change], *, using: str) -> None:
    """Insert what is new of ``changes`` and ask for a wake; whatever goes wrong is logged and goes no further."""
    waiting = _gathered.get()
    if waiting is not None:
        waiting.setdefault(using, []).extend(changes)
        return
    try:
        fresh = once.news(changes, using=using)
        for start in range(0, len(fresh), CHUNK):
            chunk = fresh[start : start + CHUNK]
            insert_changes(chunk, using=using)
            once.remember(chunk, using=using)
    except Exception as error:
        report(error, "change", using=using)


@contextmanager
def gathered(*, also_if_raised: bool = False) -> Iterator[None]:
    """Within this block changes wait; at its end those of one database are one statement.

    A block that raises records nothing, because what it did is undone, or was not done; with ``also_if_raised`` it
    records what was done before.
    """
    if _gathered.get() is not None:
        yield
        return
    waiting: dict[str, list[Change]] = {}
    before = _gathered.set(waiting)
    is_done = also_if_raised
    try:
        yield
        is_done = True
    finally:
        _gathered.reset(before)
        for using, changes in waiting.items() if is_done else ():
            record_changes(changes, using=using)


def insert_changes(changes: Sequence[Change], *, using: str) -> int:
    """Insert ``changes`` as they are and ask for a wake; answers how many. Raises the database's error."""
    if changes:
        ledger.insert_many(placed(changes), using=using)
        dispatch.wake(using)
    return len(changes)


def placed(changes: Iterable[Change]) -> list[Change]:
    """Return the rows to insert for ``changes``: each gets its state, and room for the events that it may become.

    A change of a cart may be two events, such as one product taken out and another put in.
    """
    rows: list[Change] = []
    for change in changes:
        adapter = registry.for_label(change.label)
        has_lines = adapter is not None and is_tracked(adapter)
        watches = has_lines or (adapter is not None and isinstance(adapter.spec("events"), OnChange))
        says_something = bool(change.metadata or change.object_parameters or change.session)
        is_live = change.lane == Lane.LIVE
        change.state = State.CHANGE if watches and says_something and is_live else State.TOUCH
        if change.state == State.CHANGE and has_lines and change.data.keys() & {LINE, LINES, LOOK}:
            rows.append(change.reserve())
        rows.append(change)
    return rows


def _amount_data(
    obj: models.Model, adapter: Adapter, *, created: bool, update_fields: Collection[str] | None
) -> dict[str, Any]:
    """Return what a Change keeps for the amount of its status event; empty if the worker has to read the amount.

    A shop may save a new order several times before its total is right. In one transaction the last save that writes
    the total counts, so those carry the transaction's ID. Outside of one the worker reads the total of a new order.
    """
    alias = database_of(obj)
    if not adapter.freezes_amount or (created and not connections[alias].in_atomic_block):
        return {}
    amount = adapter.loaded_amount(obj)
    if amount is None:
        return {}
    data: dict[str, Any] = {AMOUNT: [str(amount.amount), amount.currency]}
    transaction = once.transaction_id(alias) if adapter.writes_amount(update_fields) else ""
    return {**data, TRANSACTION: transaction} if transaction else data


def _remember(change: Change, obj: models.Model, adapter: Adapter, request: HttpRequest) -> None:
    """Put on ``change`` what is to be remembered of the buyer.

    ``data["buyer"]`` names the customer whom the session is handed over to when the change is folded.
    """
    buyer = buyer_of(obj, adapter, request)
    change.session = buyer.session
    if buyer.utm:
        change.data["utm"] = dict(buyer.utm)
    if buyer.session and buyer.customer is not None:
        change.data["buyer"] = {"label": buyer.customer.label, "pk": buyer.customer.pk}


def _point_to_origin(change: Change, obj: models.Model, adapter: Adapter) -> None:
    """An order that a webhook makes knows its buyer from its cart (demand G4), a refund from its order."""
    origin = origin_of(obj, adapter)
    if origin is not None:
        change.data["origin"] = {"kind": origin.kind, "label": origin.label, "pk": origin.pk}
