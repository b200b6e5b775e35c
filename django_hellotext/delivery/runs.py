"""The runs of the sync: one at a time, begun, resumed, and summed up."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db.models import Count, Max, Q
from django.utils.dateparse import parse_datetime

from .. import clock
from ..adapters import Adapter
from ..conf import hellotext_settings
from ..models import Event, Lane, RemoteObject, State, SyncRun
from ..models.fields import UtcNow
from ..models.runs import CHECK, MODE
from .definitions import Brought
from .drift import OPEN
from .inspection import DRIFTS, Drift
from .syncing import Choice, Sync, home, key_of

LOOKED_THROUGH = 50  # checks of some models only that may stand before the newest of all
SILENCE = 120.0  # seconds after which a run of another machine counts as dead
CLASH = "definition_clash"
WORKER, IN_TASKS = "worker", "async"


class SyncRefused(Exception):
    """A run cannot begin as it was asked for; the text says why, and what to do."""


def begin(choice: Choice, *, in_tasks: bool = False) -> tuple[SyncRun, SyncRun | None]:
    """A new run, and the newest earlier one that never came to its end. Raises ``SyncRefused`` beside another's.

    The earlier ones are over with this: what they have not seen, the new one looks at.
    """
    runs = SyncRun.objects.using(home())
    account = hellotext_settings.account
    run = runs.create(account=account, options={**choice.to_json(), IN_TASKS: in_tasks, WORKER: _this_process()})
    earlier = [one for one in runs.unfinished(account) if one.pk < run.pk]
    at_work = next((one for one in earlier if is_alive(one)), None)
    if at_work is not None:
        runs.filter(pk=run.pk).delete()
        raise SyncRefused(_busy(at_work))
    runs.finish([one.pk for one in earlier])
    run.counts["began"] = _now().isoformat()
    runs.advance(run)
    return run, (earlier[0] if earlier else None)


def resume(*, in_tasks: bool = False) -> SyncRun:
    """The newest run that was stopped. Raises ``SyncRefused`` when there is none, or somebody is at it."""
    runs = SyncRun.objects.using(home())
    run = runs.unfinished(hellotext_settings.account).first()
    if run is None:
        raise SyncRefused(
            "There is nothing to resume: every run has come to its end. Leave --resume out to begin a new one."
        )
    if is_alive(run):
        raise SyncRefused(_busy(run))
    run.options = {**run.options, IN_TASKS: in_tasks, WORKER: _this_process()}
    runs.advance(run)
    return run


def note_check(choice: Choice, found: Sequence[Drift], *, undefined: int) -> SyncRun:
    """Keep what a ``--check`` of ``choice`` has found, for those who ask later how things stood.

    ``undefined`` is how many definitions of the settings Hellotext does not have.
    """
    counts: dict[str, Any] = {"undefined": undefined}
    for one in found:
        counts[f"{one.kind} {one.model}"] = {
            name: getattr(one, name) for name in ("looked_at", "in_step", "left_out", *DRIFTS)
        }
    return SyncRun.objects.using(home()).create(
        account=hellotext_settings.account,
        options={**choice.to_json(), MODE: CHECK},
        counts=counts,
        finished_at=clock.now(),
    )


@dataclass(frozen=True)
class Checked:
    """What a check found, in objects: ``drift`` by its type, ``undefined`` definitions, and when it was.

    ``kinds`` tell the same for each kind and model, without examples.
    """

    at: datetime
    looked_at: int
    drift: Mapping[str, int]
    undefined: int
    kinds: Sequence[Drift] = ()

    @property
    def total(self) -> int:
        """How much is not in step."""
        return sum(self.drift.values()) + self.undefined


def last_check() -> Checked | None:
    """What the newest ``--check`` of everything has found; ``None`` when there was none."""
    for run in SyncRun.objects.using(home()).checks(hellotext_settings.account)[:LOOKED_THROUGH]:
        if run.finished_at is None or Choice.from_json(run.options) != Choice():
            continue
        kinds = [_drift(name, one) for name, one in run.counts.items() if isinstance(one, Mapping)]
        drift = {name: sum(getattr(one, name) for one in kinds) for name in DRIFTS}
        return Checked(
            at=run.finished_at,
            looked_at=sum(one.looked_at for one in kinds),
            drift={name: count for name, count in drift.items() if count},
            undefined=run.counts.get("undefined", 0),
            kinds=kinds,
        )
    return None


def _drift(name: str, counts: Mapping[str, Any]) -> Drift:
    """What ``note_check`` kept of one kind and model."""
    kind, _, model = name.partition(" ")
    return Drift(kind=kind, model=model, **counts)


def running(pk: int) -> SyncRun | None:
    """The run ``pk`` of this account, if it is left to the project's workers and not at its end."""
    run = SyncRun.objects.using(home()).unfinished(hellotext_settings.account).filter(pk=pk).first()
    return run if run is not None and run.options.get(IN_TASKS) else None


def conclude() -> None:
    """End the runs in the project's workers that are at their end, by whomever their last rows were sent."""
    for run in SyncRun.objects.using(home()).unfinished(hellotext_settings.account):
        if run.options.get(IN_TASKS):
            Sync(run).conclude()


def stalled() -> list[int]:
    """Runs in the project's workers of which nothing was heard lately: their message was lost."""
    if not SyncRun.objects.using(home()).exists():
        return []
    now, silence = _now(), timedelta(seconds=SILENCE)
    # A run that was heard of later than now was written before the clock was set back.
    quiet = Q(updated_at__lt=now - silence) | Q(updated_at__gt=now + silence)
    runs = SyncRun.objects.using(home()).unfinished(hellotext_settings.account).filter(quiet)
    return [run.pk for run in runs if run.options.get(IN_TASKS)]


def is_alive(run: SyncRun) -> bool:
    """Whether somebody works on ``run``: its process lives, or, where that cannot be seen, has written lately."""
    host, _, process = str(run.options.get(WORKER, "")).partition("|")
    if host == socket.gethostname() and not run.options.get(IN_TASKS):
        pid, _, began = process.partition("|")
        return pid.isdigit() and int(pid) != os.getpid() and _started_at(int(pid)) == began != ""
    return abs(clock.now() - run.updated_at) < timedelta(seconds=SILENCE)


def _busy(run: SyncRun) -> str:
    host, _, process = str(run.options.get(WORKER, "")).partition("|")
    where = "in the project's workers" if run.options.get(IN_TASKS) else f"{host}, process {process.partition('|')[0]}"
    return f"Another sync is at work since {run.started_at:%Y-%m-%d %H:%M} UTC ({where}). Wait for it, or end it."


def _this_process() -> str:
    return f"{socket.gethostname()}|{os.getpid()}|{_started_at(os.getpid())}"


def _started_at(pid: int) -> str:
    """When the process began, so that a number that was given again is not taken for it; empty for none."""
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    if not Path("/proc/self/stat").exists():
        with suppress(OSError):
            os.kill(pid, 0)
            return "alive"
    return ""


def _now() -> datetime:
    """The database's time, by which rows are finished."""
    times = SyncRun.objects.using(home()).annotate(time=UtcNow()).values_list("time", flat=True).order_by("-pk")
    found: datetime = times[0]
    return found


@dataclass
class Outcome:
    """What a run came to for one kind and model, in objects. ``sent`` is what arrived since the run began."""

    kind: str
    model: str
    looked_at: int = 0
    sent: int = 0
    unchanged: int = 0
    deleted: int = 0
    left_out: int = 0
    refused: int = 0
    waiting: int = 0


@dataclass(frozen=True)
class Trouble:
    """Rows that were refused for the same reason, and one of them."""

    kind: str
    type: str
    parameter: str
    message: str
    count: int
    example: str


def outcomes_of(run: SyncRun) -> list[Outcome]:
    """What ``run`` came to, a line for each kind in the order of the work; the history's events come last."""
    choice = Choice.from_json(run.options)
    found = []
    for adapter in choice.adapters():
        outcome = Outcome(kind=adapter.kind, model=adapter.model._meta.label)
        for alias in hellotext_settings.DATABASES:
            _count_objects(outcome, adapter, run, alias)
        found.append(outcome)
    if choice.events:
        found.append(_events(run))
    return found


def _count_objects(outcome: Outcome, adapter: Adapter, run: SyncRun, using: str) -> None:
    counts = run.counts.get(key_of(adapter, using), {})
    rows = RemoteObject.objects.using(using).filter(account=run.account, host_label=adapter.label, kind=adapter.kind)
    here = rows.aggregate(**_since(run, State.SYNCED))
    outcome.looked_at += counts.get("looked_at", 0)
    outcome.unchanged += counts.get("unchanged", 0)
    outcome.deleted += here["deleted"]
    outcome.left_out += counts.get("left_out", 0)
    outcome.sent += here["sent"]
    outcome.refused += here["refused"]
    outcome.waiting += here["waiting"]


def _events(run: SyncRun) -> Outcome:
    outcome = Outcome(kind="event", model="history")
    for alias in hellotext_settings.DATABASES:
        rows = Event.objects.using(alias).filter(account=run.account, lane=Lane.BACKFILL)
        here = rows.aggregate(**_since(run, State.DELIVERED))
        outcome.sent += here["sent"]
        outcome.refused += here["refused"]
        outcome.waiting += here["waiting"]
    counted = [counts for counts in run.counts.values() if isinstance(counts, Mapping)]
    outcome.looked_at = sum(counts.get("events", 0) for counts in counted)
    outcome.left_out = sum(counts.get("without_history", 0) for counts in counted)
    return outcome


def _since(run: SyncRun, arrived: State) -> dict[str, Count]:
    began = parse_datetime(run.counts["began"])
    lately = Q(finished_at__gte=began)
    return {
        "sent": Count("pk", filter=Q(state=arrived) & lately),
        "refused": Count("pk", filter=Q(state=State.FAILED) & lately),
        "waiting": Count("pk", filter=Q(state__in=OPEN)),
        "deleted": Count("pk", filter=Q(state=State.DELETED, updated_at__gte=began)),
    }


def clashes_of(brought: Brought) -> list[Trouble]:
    """Definitions of the settings that exist at Hellotext otherwise; they are left as they are."""
    return [
        Trouble(
            kind=one.definition.kind,
            type=CLASH,
            parameter="",
            message=str(one),
            count=1,
            example=one.definition.name,
        )
        for one in brought.clashes
    ]


def troubles_of(run: SyncRun) -> list[Trouble]:
    """What was refused since ``run`` began, grouped by its reason, the most frequent first (demand F2)."""
    choice = Choice.from_json(run.options)
    labels = [one.label for one in choice.adapters()]
    lately = Q(account=run.account, state=State.FAILED, finished_at__gte=parse_datetime(run.counts["began"]))
    found: list[Trouble] = []
    for alias in hellotext_settings.DATABASES:
        found += _grouped(RemoteObject.objects.using(alias).filter(lately, host_label__in=labels), kind="kind")
        if choice.events:
            found += _grouped(Event.objects.using(alias).filter(lately, lane=Lane.BACKFILL), kind="action")
    return sorted(found, key=lambda one: -one.count)


def _grouped(rows: Any, *, kind: str) -> list[Trouble]:
    groups = rows.order_by().values(kind, "error_type", "error_parameter").annotate(count=Count("pk"), last=Max("pk"))
    groups = list(groups)
    examples = rows.in_bulk([group["last"] for group in groups])
    return [
        Trouble(
            kind=group[kind],
            type=group["error_type"],
            parameter=group["error_parameter"],
            message=examples[group["last"]].error_message,
            count=group["count"],
            example=_name_of(examples[group["last"]]),
        )
        for group in groups
        if group["last"] in examples
    ]


def _name_of(row: RemoteObject | Event) -> str:
    if isinstance(row, RemoteObject):
        return f"{row.host_label} {row.host_pk}"
    return f"{row.object_label} {row.object_pk}"
