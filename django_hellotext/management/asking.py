"""What ``hellotext_sync`` was asked for: each mistake is named before anything begins."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time
from typing import Any

from django.core.management.base import CommandError
from django.utils.dateparse import parse_date, parse_datetime

from django_hellotext import clock
from django_hellotext.adapters import Adapter, registry
from django_hellotext.delivery.order_days import OrderTimes
from django_hellotext.delivery.syncing import Choice
from django_hellotext.intake import backfill
from django_hellotext.models import Kind

NOT_BEGUN = 4  # the exit code; docs/reference/sync.md describes it
PATIENCE = 60.0  # seconds to wait at the end for what cannot be sent at once

MODES = ("dry_run", "check", "repair", "pull", "resume")
SENDING = ("full", "limit", "events", "async")
CHOICE = ("labels", "full", "since", "limit", "events")


def check_modes(options: Mapping[str, Any]) -> None:
    """Refuse options that do not go together. Raises ``CommandError``."""
    modes = [name for name in MODES if options[name]]
    if len(modes) > 1:
        raise not_begun(f"{_options(modes)} do not go together: choose one.")
    mode = modes[0] if modes else ""
    if mode == "resume" and (said := [name for name in CHOICE if options[name]]):
        raise not_begun(f"--resume goes on with what the stopped run was asked for; leave out {_options(said)}.")
    if mode in ("check", "repair", "pull") and (said := [name for name in SENDING if options[name]]):
        raise not_begun(f"--{mode} looks at everything; leave out {_options(said)}.")
    if options["money"] and mode != "check":
        raise not_begun("--money says what --check compares: write --check --money.")
    if options["source"] and mode != "pull":
        raise not_begun("--source says what --pull may adopt; leave it out.")


def choice_of(options: Mapping[str, Any]) -> Choice:
    """What a run is to be about. Raises ``CommandError`` for a name or a date that is none."""
    labels = _labels(options["labels"])
    since = _since(options["since"])
    choice = Choice(
        labels=labels,
        full=options["full"],
        since=since,
        limit=number("limit", options["limit"]),
        events=options["events"],
    )
    if options["money"]:
        return _orders_of(choice)
    if since is not None:
        _check_since(choice.adapters())
    return choice


def _orders_of(choice: Choice) -> Choice:
    """Return ``choice`` for the orders alone. Raises ``CommandError`` if their revenue cannot be compared."""
    others = [one.model._meta.label for one in choice.adapters() if choice.labels and one.kind != Kind.ORDER]
    if others:
        raise not_begun(f"--money compares orders only; leave out {', '.join(others)}.")
    adapters = [one for one in choice.adapters() if one.kind == Kind.ORDER]
    if not adapters:
        raise not_begun("--money: no model of orders is registered.")
    for adapter in adapters:
        name, label = type(adapter).__name__, adapter.model._meta.label
        if not adapter.has_amount:
            raise not_begun(f"--money: {name} declares no total; declare it, or name only the other models of orders.")
        fields = OrderTimes(adapter).fields
        if not fields or not all(backfill.has_field(adapter, field) for field in fields):
            problem = (
                f"has no time field {fields[0]!r}" if fields else "has no field that says when an order was placed"
            )
            raise not_begun(f"--money: {label} {problem}. Name one as ordered_at on {name}.")
    return replace(choice, labels=tuple(one.label for one in adapters))


def not_begun(message: str) -> CommandError:
    """The error of a command that has done nothing."""
    return CommandError(message, returncode=NOT_BEGUN)


def _options(names: Sequence[str]) -> str:
    """``names`` as they are written on the command line."""
    return ", ".join("labels" if name == "labels" else f"--{name.replace('_', '-')}" for name in names)


def _labels(wanted: Sequence[str]) -> tuple[str, ...]:
    """The labels of the models that ``wanted`` names by label or kind. Raises ``CommandError`` for an unknown one."""
    every = registry.all()
    found: dict[str, None] = {}
    for name in wanted:
        chosen = [adapter for adapter in every if adapter.kind == name.lower()]
        named = registry.for_label(name)
        if named is not None and not chosen:
            chosen = [named]
        if not chosen:
            labels = sorted(one.model._meta.label for one in every)
            kinds = sorted({one.kind for one in every})
            near = difflib.get_close_matches(name, [*labels, *kinds], n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise not_begun(
                f"No adapter is registered for {name!r}.{hint} Registered: {', '.join(labels)}; kinds: "
                f"{', '.join(kinds)}."
            )
        found.update(dict.fromkeys(adapter.label for adapter in chosen))
    return tuple(found)


def _since(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment, day = parse_datetime(text), parse_date(text)
    except ValueError:
        moment = day = None
    if moment is None and day is None:
        raise not_begun(f"--since {text!r} is no date: write 2026-01-31, or 2026-01-31T08:00+01:00.")
    if day is not None and (moment is None or len(text) <= 10):
        moment = datetime.combine(day, time.min)
    return clock.make_aware(moment) if moment is not None else None


def _check_since(adapters: Sequence[Adapter]) -> None:
    for adapter in adapters:
        name = backfill.since_field(adapter)
        if name is None or not backfill.has_field(adapter, name):
            label = adapter.model._meta.label
            problem = f"has no time field {name!r}" if name else "has no field that says when an object changed"
            raise not_begun(
                f"--since: {label} {problem}. Name one as changed_at on {type(adapter).__name__}, or name only the "
                "models that have one."
            )


def number(name: str, text: Any) -> int | None:
    """A count of 1 or more; ``None`` when nothing was said. Raises ``CommandError`` for anything else."""
    if text is None:
        return None
    try:
        count = int(text)
    except ValueError:
        count = 0
    if count < 1:
        raise not_begun(f"--{name} must be a whole number of 1 or more, not {text!r}.")
    return count


def seconds(text: Any) -> float:
    """A time in seconds, ``PATIENCE`` when nothing was said. Raises ``CommandError`` for what is none."""
    if text is None:
        return PATIENCE
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found < 1e9:
        raise not_begun(f"--wait must be a number of seconds, 0 or more, not {text!r}.")
    return found
