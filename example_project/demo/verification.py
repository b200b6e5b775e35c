"""Is everything there, once, and right? Compares the journey's own list with the shop and with Hellotext."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from demo.hellotext_side import Deliveries, HellotextSide
from demo.shop_side import ShopSide
from demo.sightings import Sighting
from demo.story import Expected

# Hellotext keeps whole seconds.
ROUNDING = timedelta(seconds=1)
# It accepts first and works later: an accepted event may be listed after a while.
LISTING_SECONDS = 30.0


@dataclass
class Verdict:
    """The four numbers, what is wrong, and which arrival belongs to which expectation."""

    recorded: int = 0
    delivered: int = 0
    failed: int = 0
    duplicated: int = 0
    complaints: list[str] = field(default_factory=list)
    arrivals: dict[int, Sighting] = field(default_factory=dict)

    @property
    def line(self) -> str:
        """The last line of ``make demo EXIT=1``."""
        return (
            f"{self.recorded} events recorded, {self.delivered} delivered, "
            f"{self.failed} failed, {self.duplicated} duplicated"
        )

    def arrival_of(self, expected: Expected) -> Sighting | None:
        """Return what arrived for ``expected``."""
        return self.arrivals.get(id(expected))

    def add(self, other: Verdict) -> None:
        """Take over the numbers and complaints of ``other``."""
        self.recorded += other.recorded
        self.delivered += other.delivered
        self.failed += other.failed
        self.duplicated += other.duplicated
        self.complaints += other.complaints


def verify(
    expected: Sequence[Expected], *, shop: ShopSide, hellotext: HellotextSide, strangers: Sequence[str]
) -> Verdict:
    """Compare. ``strangers`` are sessions that must not be anywhere."""
    recorded = shop.recorded()
    counted = hellotext.deliveries([event.uuid for event in recorded])
    verdict = Verdict()
    complaints = verdict.complaints
    of_shop = match([one for one in expected if not one.by_browser], recorded, complaints)
    delivered = [event.uuid for event in recorded if event.state == "delivered"]
    at_hellotext = {event.uuid: event for event in hellotext.arrived(delivered, seconds=LISTING_SECONDS)}
    _check_browsers(expected, hellotext=hellotext, verdict=verdict)
    for one in expected:
        event = of_shop.get(id(one))
        arrived = at_hellotext.get(event.uuid) if event else None
        if arrived is not None:
            verdict.arrivals[id(one)] = arrived
            complaints += [f"{one} at Hellotext: {wrong}" for wrong in differences(one, arrived, arrived=True)]
        elif event is not None:
            complaints.append(f"{one} is not listed by Hellotext.")
    verdict.add(verify_deliveries(recorded, counted))
    if counted.nameless:
        complaints.append(f"{counted.nameless} events arrived without our UUID.")
    complaints += _strangers(strangers, shop=shop, hellotext=hellotext)
    reason = shop.why_nothing_is_sent()
    if reason:
        complaints.append(f"The worker sends nothing to this account: {reason}")
    return verdict


def verify_deliveries(recorded: Sequence[Sighting], counted: Deliveries) -> Verdict:
    """Count the recorded events, and complain about each that was not delivered exactly once."""
    uuids = [event.uuid for event in recorded]
    verdict = Verdict(
        recorded=len(recorded),
        delivered=sum(1 for uuid in uuids if counted.accepted[uuid]),
        failed=sum(counted.refused.values())
        + sum(1 for event in recorded if event.state == "failed" and not counted.refused[event.uuid]),
        duplicated=sum(number - 1 for number in counted.accepted.values() if number > 1),
    )
    complaints = verdict.complaints
    for event in recorded:
        if event.state != "delivered":
            complaints.append(f"{event} is {event.state} in the shop. {event.error}".strip())
        if counted.refused[event.uuid]:
            complaints.append(f"{event} was refused {counted.refused[event.uuid]} times.")
        if counted.accepted[event.uuid] > 1:
            complaints.append(f"{event} was accepted {counted.accepted[event.uuid]} times instead of once.")
        if event.state == "delivered" and not counted.accepted[event.uuid]:
            complaints.append(f"{event} counts as delivered in the shop, but Hellotext never accepted it.")
    return verdict


def _check_browsers(expected: Sequence[Expected], *, hellotext: HellotextSide, verdict: Verdict) -> None:
    """What the customers' browsers sent by themselves: each once, as it was, and nothing else."""
    by_browser = [one for one in expected if one.by_browser]
    sessions = {one.session for one in expected}
    seen = hellotext.sent_by_browsers(sessions, number=len(by_browser), seconds=LISTING_SECONDS)
    verdict.arrivals |= match(by_browser, seen, verdict.complaints, arrived=True)


def match(
    expected: Sequence[Expected], seen: Sequence[Sighting], complaints: list[str], *, arrived: bool = False
) -> dict[int, Sighting]:
    """Find the event that the shop recorded for each expectation; complain about what is missing, wrong or too much.

    With ``arrived``, the event that a browser sent, as Hellotext lists it.
    """
    left = list(seen)
    recorded, there = ("listed by Hellotext", "at Hellotext") if arrived else ("recorded in the shop", "in the shop")
    found: dict[int, Sighting] = {}
    for one in expected:
        event = next((event for event in left if _is_meant(one, event)), None)
        if event is None:
            complaints.append(f"{one} was not {recorded}.")
            continue
        left.remove(event)
        found[id(one)] = event
        complaints += [f"{one} {there}: {wrong}" for wrong in differences(one, event, arrived=arrived)]
    complaints += [f"{event} was {recorded}, but nothing of the kind happened." for event in left]
    return found


def _is_meant(one: Expected, event: Sighting) -> bool:
    if (event.action, event.kind) != (one.action, one.kind):
        return False
    # Several people look at the same book; an order has its number, which is enough.
    is_theirs = one.kind == "order" or event.session == one.session
    return is_theirs and event.reference == (one.reference or event.reference)


def differences(one: Expected, event: Sighting, *, arrived: bool) -> list[str]:
    # What was done before the customer was known reaches the profile with the session, at Hellotext only.
    email = one.customer.email if one.known or arrived else ""
    session = "" if one.contested and arrived else one.session
    worth = {one.amount, one.worth} if arrived and one.amount is None else {one.amount}
    wrong = []
    if (event.action, event.kind) != (one.action, one.kind):
        wrong.append(f"it is {event.action} of a {event.kind or 'nothing'}.")
    if one.reference and event.reference != one.reference:
        wrong.append(f"the {one.kind} is {event.reference or 'missing'} instead of {one.reference}.")
    if event.email != email:
        wrong.append(f"the profile is {event.email or 'nobody'} instead of {email or 'nobody'}.")
    if event.session != session:
        wrong.append(f"the session is {event.session or 'missing'} instead of {session or 'none'}.")
    if event.amount not in worth:
        wrong.append(f"the amount is {event.amount} instead of {one.amount}.")
    if event.amount is not None and event.currency != one.currency:
        wrong.append(f"the currency is {event.currency or 'missing'} instead of {one.currency}.")
    if not one.earliest - ROUNDING <= event.at <= one.latest + ROUNDING:
        wrong.append(f"the time is {event.at:%H:%M:%S} instead of {one.earliest:%H:%M:%S}.")
    return wrong


def _strangers(strangers: Sequence[str], *, shop: ShopSide, hellotext: HellotextSide) -> list[str]:
    wrong = []
    written = shop.sessions()
    sent = repr(hellotext.requests_of_the_shop()) if hellotext.is_emulator() else ""
    for session in strangers:
        if not session:
            wrong.append("A staff member's browser had no session, so that nothing is proven about it.")
        elif session in written:
            wrong.append("A staff member's session was written down in the shop.")
        elif session in sent:
            wrong.append("A staff member's session was sent to Hellotext.")
    return wrong
