"""Look before sending again: did a request without an answer arrive? (demand A4)

Hellotext has no idempotency key. An event carries our UUID in its metadata, so one scan of the newest events tells
of all uncertain ones; an object is found by what it is known by. Not finding is no proof until the settle time has
passed, because acceptance is asynchronous.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from .. import emails
from ..api import HellotextClient
from ..exceptions import ApiError, NotFound, Outcome, RateLimited
from ..models import UUID_KEY, Event, Kind

T = TypeVar("T")

CLOCK_SKEW = timedelta(seconds=300)
PAGE_BUDGET = 50  # pages of 100
PAGE = 100
TRIES = 3  # for each page: one bad answer in the middle of a long list would begin the whole scan anew
# Events that are read whatever their time says before one counts as absent: our clock may be an hour off Hellotext's.
SURE = 1_000


def arrived_events(client: HellotextClient, events: Sequence[Event], *, at_least: int = 0) -> tuple[set[str], bool]:
    """The UUIDs of ``events`` that Hellotext lists, and whether the scan reached back far enough to be sure of it.

    One scan for all of them, newest first, back to the earliest attempt less the clocks' skew, and over ``at_least``
    so many events.
    """
    wanted = {str(event.uuid) for event in events}
    earliest = min(event.attempted_at or event.created_at for event in events) - CLOCK_SKEW
    found: set[str] = set()
    for number, event in enumerate(newest_first(lambda: client.events.list(limit=PAGE))):
        uuid = str((event.metadata or {}).get(UUID_KEY, ""))
        if uuid in wanted:
            found.add(uuid)
        is_older = event.created_at is not None and event.created_at < earliest
        if found == wanted or (is_older and number + 1 >= at_least):
            return found, True
        if number + 1 >= PAGE_BUDGET * PAGE:
            return found, False
    return found, True


def newest_events(client: HellotextClient, uuids: Container[str]) -> dict[str, str]:
    """Return the IDs at Hellotext of the events with our ``uuids``, within the page budget.

    Raises ``ApiError`` when Hellotext cannot be asked.
    """
    found: dict[str, str] = {}
    for event in islice(newest_first(lambda: client.events.list(limit=PAGE)), PAGE_BUDGET * PAGE):
        uuid = str((event.metadata or {}).get(UUID_KEY, ""))
        if uuid in uuids:
            found.setdefault(uuid, str(event.id))
    return found


def newest_first(first: Callable[[], Any]) -> Iterator[Any]:
    """The objects of a list, newest first, page by page."""
    page = _insist(first)
    while page is not None:
        yield from page.items
        page = _insist(page.older)


def _insist(ask: Callable[[], T]) -> T:
    """What ``ask`` answers; asked again at once after a bad answer. Raises the last ``ApiError``."""
    for _ in range(TRIES - 1):
        try:
            return ask()
        except RateLimited:
            raise  # the pause that it asks for is the breaker's business
        except ApiError as error:
            if error.outcome not in (Outcome.RETRY, Outcome.UNKNOWN):
                raise
    return ask()


def find_object(client: HellotextClient, kind: str, values: Mapping[str, Any]) -> str:
    """The remote ID of the object that was created with ``values``, or the empty string.

    Raises ``ApiError`` when Hellotext cannot be asked.
    """
    finder = FINDERS.get(kind)
    return finder(client, values) if finder else ""


def profile_with(client: HellotextClient, kind: str, value: str) -> Any:
    """Return the profile that has this e-mail or phone (``kind``), or ``None``.

    Raises ``ApiError`` when Hellotext cannot be asked. E-mails are compared as ``emails.canonical`` says.
    """
    # The filter's name is inferred: an account that ignores it would list everybody.
    if kind != "email":
        phones = client.profiles.list(limit=PAGE, phone=value)
        return next((profile for profile in phones.items if value in profile.phones), None)
    wanted = emails.canonical(value)
    for spelling in emails.spellings(value):  # people and other systems may have typed either
        for profile in client.profiles.list(limit=PAGE, email=spelling).items:
            if wanted in map(emails.canonical, profile.emails):
                return profile
    return None


def _profile(client: HellotextClient, values: Mapping[str, Any]) -> str:
    for kind in ("email", "phone"):
        profile = profile_with(client, kind, values[kind]) if values.get(kind) else None
        if profile is not None:
            return str(profile.id)
    return ""


def _product(client: HellotextClient, values: Mapping[str, Any]) -> str:
    return _by_reference_or_sku(client.products.retrieve, values)


def _variant(client: HellotextClient, values: Mapping[str, Any]) -> str:
    return _by_reference_or_sku(client.variants.retrieve, values)


def _by_reference_or_sku(retrieve: Callable[[str], Any], values: Mapping[str, Any]) -> str:
    for key in (values.get("reference"), values.get("sku")):
        if not key:
            continue
        try:
            found = retrieve(str(key))
        except NotFound:
            continue
        if _is_ours(found, values) or (key == values.get("sku") and found.sku == key):
            return str(found.id)
    return ""


def _is_ours(found: Any, values: Mapping[str, Any]) -> bool:
    """Whether it has our reference; that of another source is another integration's, and means another thing."""
    return found.reference == values.get("reference") and found.source in (None, "", values.get("source"))


def listed_id(values: Mapping[str, Any], rows: Iterable[Any]) -> str:
    """The newest listed object with this reference and source, within the page budget."""
    for number, row in enumerate(rows):
        if row.reference == values.get("reference") and row.source == values.get("source"):
            return str(row.id)
        if number + 1 >= PAGE_BUDGET * PAGE:
            break
    return ""


def _named(rows: Iterable[Any], name: str, wanted: object) -> str:
    """The listed object whose ``name`` (its code or name, which is unique) is ``wanted``, within the page budget."""
    for number, row in enumerate(rows if wanted else ()):
        if getattr(row, name) == wanted:
            return str(row.id)
        if number + 1 >= PAGE_BUDGET * PAGE:
            break
    return ""


def _coupon(client: HellotextClient, values: Mapping[str, Any]) -> str:
    return _named(newest_first(lambda: client.coupons.list(limit=PAGE)), "code", values.get("code"))


def _form(client: HellotextClient, values: Mapping[str, Any]) -> str:
    return _named(newest_first(lambda: client.forms.list(limit=PAGE)), "name", values.get("name"))


def _app(client: HellotextClient, values: Mapping[str, Any]) -> str:
    return _named(newest_first(lambda: client.apps.list(limit=PAGE)), "name", values.get("name"))


def _property(client: HellotextClient, values: Mapping[str, Any]) -> str:
    return _named(newest_first(lambda: client.properties.list(limit=PAGE)), "name", values.get("name"))


def _action(client: HellotextClient, values: Mapping[str, Any]) -> str:
    return _named(newest_first(lambda: client.actions.list(limit=PAGE)), "name", values.get("name"))


def _list(client: HellotextClient, values: Mapping[str, Any]) -> str:
    if not values.get("name"):
        return ""
    try:
        found = client.lists.retrieve(values["name"])
    except NotFound:
        return ""
    return str(found.id) if found.name == values["name"] else ""


def _refund(client: HellotextClient, values: Mapping[str, Any]) -> str:
    return listed_id(values, newest_first(lambda: client.refunds.list(limit=PAGE)))


def _cart(client: HellotextClient, values: Mapping[str, Any]) -> str:
    return listed_id(values, newest_first(lambda: client.carts.list(limit=PAGE)))


def _order(client: HellotextClient, values: Mapping[str, Any]) -> str:
    return listed_id(values, newest_first(lambda: client.orders.list(limit=PAGE)))


FINDERS: Mapping[str, Callable[[HellotextClient, Mapping[str, Any]], str]] = {
    Kind.PROFILE: _profile,
    Kind.PRODUCT: _product,
    Kind.VARIANT: _variant,
    Kind.COUPON: _coupon,
    Kind.PROPERTY: _property,
    Kind.LIST: _list,
    Kind.ACTION: _action,
    Kind.FORM: _form,
    Kind.APP: _app,
    Kind.CART: _cart,
    Kind.ORDER: _order,
    Kind.REFUND: _refund,
}


def is_settled(ended_at: datetime | None, *, now: datetime, settle_time: float) -> bool:
    """Whether enough time has passed since the attempt ended for "not found" to mean "never arrived".

    Not since it began: that is the time of the claim, and a row may be sent long after it.
    """
    return ended_at is None or now - ended_at >= timedelta(seconds=settle_time)
