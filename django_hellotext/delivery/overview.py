"""What an operator looks at first: how delivery stands, what arrived and how fast, what was refused, what drifts.

The statements are always the same, and each reads a bounded part of an index: figures of 30 days, and of the open
rows no more than ``COUNTED_TO`` of a table (demands J1, J4). Nothing personal is in it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Sum
from django.utils import timezone

from .. import clock
from ..conf import hellotext_settings
from ..models import Ending, Event, Figure, RemoteObject, Session, State, Subject
from ..models.figures import BOUNDS
from . import advice
from .figures import hour_of
from .runs import Checked, last_check
from .standing import COUNTED_TO, Standing, standing

HOURS = 48
DAYS = 30
LATELY = 24  # hours that the latency and the sums at the top are of
EVENT, SESSION = "event", "session"


@dataclass(frozen=True)
class Span:
    """What came to an end within one hour or day, in rows. ``at`` is where it begins: aware, or a day."""

    at: datetime | date
    events: int = 0
    objects: int = 0
    refused: int = 0
    skipped: int = 0

    @property
    def delivered(self) -> int:
        """Events and objects that arrived."""
        return self.events + self.objects


@dataclass(frozen=True)
class Latency:
    """About how many seconds half, and all but a twentieth, of the ``count`` rows took; ``None`` without any."""

    count: int
    p50: float | None
    p95: float | None
    at: datetime | None = None


@dataclass(frozen=True)
class Refusal:
    """Rows that wait for a person with one error type. ``of`` is ``event``, ``session`` or the kind of an object."""

    of: str
    type: str
    count: int
    advice: str


@dataclass(frozen=True)
class Actions:
    """How many events of one action were delivered on each of the ``days``."""

    action: str
    counts: Sequence[int]

    @property
    def total(self) -> int:
        """On all days."""
        return sum(self.counts)


@dataclass(frozen=True, kw_only=True)
class Overview:
    """One database at ``now``. ``hours`` and ``days`` come to the present, oldest first; days are local ones.

    ``refusals`` are the most frequent first, and their sum is not all where ``refusals_capped``. ``conflicts`` are
    sessions of another customer, about which nobody has to do anything (demand G6).
    """

    now: datetime
    standing: Standing
    hours: Sequence[Span]
    days: Sequence[Span]
    latency: Latency
    latencies: Sequence[Latency]
    refusals: Sequence[Refusal]
    refusals_capped: bool
    conflicts: int
    actions: Sequence[Actions]
    last_check: Checked | None

    @property
    def this_hour(self) -> Span:
        """Since the hour began."""
        return self.hours[-1]

    @property
    def lately(self) -> Span:
        """The last 24 hours, the one that has just begun among them."""
        recent = self.hours[-LATELY:]
        return Span(
            recent[0].at,
            events=sum(one.events for one in recent),
            objects=sum(one.objects for one in recent),
            refused=sum(one.refused for one in recent),
            skipped=sum(one.skipped for one in recent),
        )

    @property
    def waiting(self) -> int:
        """Rows and changes on their way, at most ``COUNTED_TO`` of each table counted."""
        on_their_way = (State.PENDING, State.SENDING, State.UNCERTAIN)
        counts = self.standing.counts.values()
        return self.standing.changes + sum(count[state.value] for count in counts for state in on_their_way)

    @property
    def waiting_capped(self) -> bool:
        """Whether more wait than were counted."""
        counts = (count for states in self.standing.counts.values() for count in states.values())
        return any(count >= COUNTED_TO for count in (self.standing.changes, *counts))


def overview(using: str, *, now: datetime | None = None) -> Overview:
    """Look at ``using``, at ``now`` by default."""
    now = now or clock.now()
    first = hour_of(now) - timedelta(hours=HOURS - 1)
    hours = [first + timedelta(hours=place) for place in range(HOURS)]
    today = timezone.localtime(now).date()
    days = [today - timedelta(days=DAYS - 1 - place) for place in range(DAYS)]
    # A day more than is shown: the first one begins at another hour than UTC's.
    figures = Figure.objects.using(using).since(hellotext_settings.account, hour_of(now) - timedelta(days=DAYS))
    ended = list(figures.values_list("hour", "subject", "ending").annotate(sum=Sum("count")))
    day_of = _DayOf()
    refusals, conflicts, capped = _refusals(using)
    latencies = _latencies(figures.filter(hour__gte=first), hours)
    return Overview(
        now=now,
        standing=standing(using),
        hours=_spans(hours, ended, lambda hour: hour),
        days=_spans(days, ended, day_of.__getitem__),
        latency=_latency(sum((latencies[hour] for hour in hours[-LATELY:]), Counter())),
        latencies=[_latency(latencies[hour], at=hour) for hour in hours],
        refusals=refusals,
        refusals_capped=capped,
        conflicts=conflicts,
        actions=_actions(figures, days, day_of),
        last_check=last_check(),
    )


class _DayOf(dict[datetime, date]):
    """The local day of an hour, worked out once for each."""

    def __missing__(self, hour: datetime) -> date:
        day = self[hour] = timezone.localtime(hour).date()
        return day


def _spans(places: Sequence[Any], ended: Iterable[tuple[datetime, str, str, int]], place_of: Any) -> list[Span]:
    found: dict[Any, Counter[str]] = defaultdict(Counter)
    names = {Ending.FAILED: "refused", Ending.SKIPPED: "skipped"}
    for hour, subject, ending, count in ended:
        if subject == Subject.SESSION and ending == Ending.FAILED:
            continue  # a conflict, which waits for nobody; what else keeps a session back is refused itself
        name = names.get(Ending(ending), "events" if subject == Subject.EVENT else "objects")
        found[place_of(hour)][name] += count
    return [Span(place, **found[place]) for place in places]


def _latencies(figures: Any, hours: Sequence[datetime]) -> Mapping[datetime, Counter[int]]:
    found: dict[datetime, Counter[int]] = {hour: Counter() for hour in hours}
    measured = figures.filter(bucket__gte=0).values_list("hour", "bucket").annotate(sum=Sum("count"))
    for hour, bucket, count in measured:
        # A worker's clock may be ahead of ours.
        found.setdefault(hour, Counter())[bucket] += count
    return found


def _latency(buckets: Counter[int], *, at: datetime | None = None) -> Latency:
    return Latency(buckets.total(), percentile(buckets, 0.5), percentile(buckets, 0.95), at)


def percentile(buckets: Mapping[int, int], share: float) -> float | None:
    """About how many seconds ``share`` of the counted rows took at most: between the bounds of the bucket, evenly.

    What took longer than the last bound counts as that; ``None`` without any row.
    """
    wanted = share * sum(buckets.values())
    if not wanted:
        return None
    before = 0
    for bucket in sorted(buckets):
        count = buckets[bucket]
        if count and before + count >= wanted:
            if bucket >= len(BOUNDS):
                break
            lower = BOUNDS[bucket - 1] if bucket else 0
            return lower + (BOUNDS[bucket] - lower) * (wanted - before) / count
        before += count
    return float(BOUNDS[-1])


def _actions(figures: Any, days: Sequence[date], day_of: Mapping[datetime, date]) -> list[Actions]:
    found: dict[str, Counter[date]] = defaultdict(Counter)
    delivered = figures.filter(subject=Subject.EVENT, ending=Ending.DELIVERED)
    for hour, action, count in delivered.values_list("hour", "what").annotate(sum=Sum("count")):
        found[action][day_of[hour]] += count
    actions = [Actions(action, [counts[day] for day in days]) for action, counts in found.items()]
    return sorted((one for one in actions if one.total), key=lambda one: (-one.total, one.action))


def _refusals(using: str) -> tuple[list[Refusal], int, bool]:
    """What waits for a person, how many sessions are in conflict, and whether there is more than was counted."""
    failed = {"account": hellotext_settings.account, "state": State.FAILED}
    found: Counter[tuple[str, str, int | None]] = Counter()
    capped = False
    for model, of in ((Event, EVENT), (RemoteObject, "kind"), (Session, SESSION)):
        rows: Any = model._default_manager.using(using).filter(**failed).order_by()
        if model is RemoteObject:
            seen = list(rows.values_list("kind", "error_type", "error_status")[:COUNTED_TO])
        else:
            seen = [(of, *row) for row in rows.values_list("error_type", "error_status")[:COUNTED_TO]]
        capped = capped or len(seen) >= COUNTED_TO
        found.update(seen)
    conflicts = 0
    grouped: dict[tuple[str, str], int] = defaultdict(int)
    status: dict[tuple[str, str], int | None] = {}
    for (of, type, code), count in found.items():
        if of == SESSION and type == Session.CONFLICT:
            conflicts += count
            continue
        grouped[of, type] += count
        status[of, type] = code
    refusals = [
        Refusal(of, type, count, str(advice.for_error(type, status[of, type]))) for (of, type), count in grouped.items()
    ]
    return sorted(refusals, key=lambda one: (-one.count, one.of, one.type)), conflicts, capped
