"""What happened in the shop beside what arrived at Hellotext."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from demo import terminal
from demo.messy_orders import MessyOrder
from demo.sightings import Sighting
from demo.story import Expected, Step, Story
from demo.terminal import DIM, GREEN, RED, Line
from demo.verification import Verdict

SHORT = 8  # characters of a session


def side_by_side(story: Story, verdict: Verdict) -> str:
    """Return the table of the whole story."""
    rows = [
        [[Line(_clock(step.at), DIM)], [Line(f"{step.who} {step.what}")], _arrived(step, verdict)]
        for step in story.steps
    ]
    return terminal.table(["Time", "In the shop", "Arrived at Hellotext"], rows, shares=[0, 5, 6])


def kinds(mirrored: Mapping[str, set[str]], held: Mapping[str, int]) -> str:
    """Return the table of the objects: how many the shop has sent of each kind, and how many Hellotext has."""
    rows = [
        [
            [Line(kind.replace("_", " "))],
            [Line(str(len(ids)))],
            [Line(f"{'✓' if held[kind] == len(ids) else '✗'} {held[kind]}", GREEN if held[kind] == len(ids) else RED)],
        ]
        for kind, ids in mirrored.items()
    ]
    return terminal.table(["Kind", "Sent by the shop", "There at Hellotext"], rows, shares=[3, 2, 2])


def messy_orders(orders: Sequence[MessyOrder]) -> str:
    """Return the table of the messy orders: what was charged, what Hellotext computes, and what was adjusted."""
    rows = [
        [
            [Line(order.name)],
            [Line(f"{order.charged:.2f}")],
            [Line(f"✓ {order.arrived:.2f}", GREEN) if order.is_right else Line(f"✗ {_sum(order)}", RED)],
            [Line(str(adjustment), DIM) for adjustment in order.adjustments] or [Line("-", DIM)],
        ]
        for order in orders
    ]
    heads = ["Messy order", "Charged", "At Hellotext", "Adjusted"]
    return terminal.table(heads, rows, shares=[2, 0, 0, 3])


def _sum(order: MessyOrder) -> str:
    return "missing" if order.arrived is None else f"{order.arrived:.2f}"


def _arrived(step: Step, verdict: Verdict) -> list[Line]:
    if step.expected is None:
        return [_profile(step, verdict)]
    sighting = verdict.arrival_of(step.expected)
    if sighting is None:
        return [Line(f"✗ {step.expected.action} is missing", RED)]
    return [Line(f"✓ {_headline(sighting)}", GREEN), Line(f"  {_details(step.expected, sighting)}", DIM)]


def _headline(sighting: Sighting) -> str:
    amount = f"  {sighting.amount:.2f} {sighting.currency}" if sighting.amount is not None else ""
    reference = sighting.reference if sighting.kind != "cart" else f"cart {sighting.reference[:SHORT]}"
    return f"{sighting.action}  {reference}{amount}"


def _details(expected: Expected, sighting: Sighting) -> str:
    customer = expected.customer
    who = customer.first_name if sighting.email == customer.email else sighting.email or "nobody"
    return f"profile {who}, session {sighting.session[:SHORT] or 'none'}, at {_clock(sighting.at)}"


def _profile(step: Step, verdict: Verdict) -> Line:
    if step.profile_of is None:
        return Line("")
    known = any(sighting.email == step.profile_of.email for sighting in verdict.arrivals.values())
    if known:
        return Line(f"✓ profile {step.profile_of.email}", GREEN)
    return Line(f"✗ profile {step.profile_of.email} is missing", RED)


def _clock(at: datetime) -> str:
    return f"{at.astimezone():%H:%M:%S}"
