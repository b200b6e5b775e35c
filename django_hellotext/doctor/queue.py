"""What waits and since when, whether anything may be sent, what was refused, and what the last check found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from .. import clock
from ..api import HellotextClient
from ..conf import hellotext_settings
from ..delivery.advice import for_error
from ..delivery.data_quality import label_of, tally
from ..delivery.obstacles import told
from ..delivery.runs import last_check
from ..delivery.standing import COUNTED_TO, PATIENCE, TABLES, Standing, standing
from ..delivery.syncing import home
from ..models import Session, State
from .findings import Finding, error, ok, skipped, warning
from .words import ago, span

LATE = timedelta(hours=1)
TOLD = 8  # types of refusals that are told one by one


def examine_queue(using: str, client: HellotextClient | None) -> Iterator[Finding]:
    """A fixed number of statements, each bounded."""
    found = standing(using)
    yield from _may_send(found)
    yield _waiting(found)
    yield from _left(found)
    yield from _refused(using)
    yield _adjusted(using)
    if using == home():
        yield _drift()


def _may_send(found: Standing) -> Iterator[Finding]:
    if found.halted_reason:
        yield error(
            "account.halted",
            f"The account is halted, since {ago(found.halted_at)}; next try {told(found.halted_until)[-8:]}",
            f"{found.halted_reason} Everything waits, and nothing is lost.",
            "Correct API_TOKEN and restart the workers, if it is wrong. If it was the plan, wait: the worker tries the "
            "credentials again, at least every hour. Resume the account in the admin to try at once.",
        )
    elif found.paused_reason:
        yield warning(
            "account.paused",
            f"The account pauses after {found.paused_reason}",
            "Hellotext is down or asks for fewer requests. Everything waits, and nothing is lost.",
            "Nothing: the worker asks again by itself, at the latest every minute.",
        )
    else:
        yield ok("account.open", "The account may send")


def _waiting(found: Standing) -> Finding:
    pending = sum(counts[State.PENDING] for counts in found.counts.values()) + found.changes
    uncertain = sum(counts[State.UNCERTAIN] for counts in found.counts.values())
    shown = f"{pending:,}{'+' if pending >= COUNTED_TO else ''}"
    looked_for = f"{uncertain:.0f} of which nobody knows whether they arrived are looked for." if uncertain else ""
    age = clock.now() - found.waiting_since if found.waiting_since else timedelta(0)
    if age <= PATIENCE:
        title = f"{shown} rows wait, none of them for long" if pending else "Nothing waits"
        return ok("queue.flowing", title, looked_for)
    title = f"{shown} rows wait, the oldest for {span(age)}"
    meaning = "What happens in the shop reaches Hellotext that much later." + (f" {looked_for}" if looked_for else "")
    advice = (
        "Look at the lines about the worker and the account. If both are well, there is more than it can send: "
        "raise CONCURRENCY or run another worker."
    )
    return (error if age > LATE else warning)("queue.late", title, meaning, advice)


def _adjusted(using: str) -> Finding:
    """How many rows were adjusted, by the most frequent kinds, and how many have a total that differs."""
    found = tally(using)
    if not found.rows:
        return ok("queue.adjusted", "No row was adjusted")
    shown = f"{found.rows:,}{'' if found.complete else '+'} {'row was' if found.rows == 1 else 'rows were'} adjusted"
    kinds = ", ".join(f"{count:,} {label_of(kind)}" for kind, count in found.kinds.most_common(3))
    where = "Look at “Data quality” in the admin, or run manage.py hellotext_sync --check."
    if not found.flagged:
        return ok("queue.adjusted", shown, f"{kinds}. {where}")
    return warning(
        "queue.adjusted",
        f"{shown}; the total and the lines of {found.flagged:,} differ",
        f"{kinds}.",
        f"{where} The filter “the books do not agree” of the admin's lists finds these rows.",
    )


def _left(found: Standing) -> Iterator[Finding]:
    """What this release leaves to another one."""
    for left in found.left:
        counts = ", ".join(f"{count:,} {name}" for name, count in left.counts.items())
        rows = "rows wait" if left.total > 1 else "row waits"
        of = f"for an adapter of {left.label}" if left.label else "for a newer release"
        yield warning(
            "queue.left",
            f"{left.total:,} {rows} {of}, the oldest for {span(clock.now() - left.since)}",
            f"{left.why} They are left for a process that knows it: {counts}.",
            "If a deployment is under way, wait for its end. "
            + (
                "Otherwise register the adapter again, in a hellotext.py of an installed app. "
                if left.label
                else "Otherwise deploy the newer release again. "
            )
            + f"hellotext_prune drops what has waited for {hellotext_settings.RETENTION:g} days.",
        )


def _refused(using: str) -> Iterator[Finding]:
    """Refused rows by type; no further than ``COUNTED_TO`` rows of a table are read."""
    groups: Counter[tuple[str, str, int | None]] = Counter()
    for name, model in TABLES.items():
        rows = model._default_manager.using(using).filter(account=hellotext_settings.account, state=State.FAILED)
        groups.update(
            (name, type, status)
            for type, status in rows.order_by().values_list("error_type", "error_status")[:COUNTED_TO]
        )
    conflicts = [group for group in groups if group[:2] == ("sessions", Session.CONFLICT)]
    shared = sum(groups.pop(group) for group in conflicts)
    if shared:
        yield ok(
            "queue.conflicts",
            f"{shared:,} {'sessions belong' if shared > 1 else 'session belongs'} to another customer",
            "Two people use one browser. Events of the second go with the customer alone; there is nothing to do.",
        )
    if not groups:
        yield ok("queue.none_refused", "No row was refused")
        return
    for (name, type, status), count in groups.most_common(TOLD):
        yield warning(
            "queue.refused",
            f"Refused: {count:,} {name if count > 1 else name.removesuffix('s')} ({type or status or 'unknown'})",
            "They are kept, and wait for a person.",
            f"{for_error(type, status)} The admin lists them under “needs attention”.",
        )
    rest = len(groups) - TOLD
    if rest > 0:
        yield warning(
            "queue.refused",
            f"and rows of {rest} more types",
            "They are kept, and wait for a person.",
            "See the admin under “needs attention”.",
        )


def _drift() -> Finding:
    found = last_check()
    if found is None:
        return skipped(
            "drift.unknown",
            "the drift: nobody has compared both sides yet",
            "manage.py hellotext_sync --check does; let cron run it each night.",
        )
    when = ago(found.at)
    if not found.total:
        return ok("drift.none", f"Both sides were in step {when}")
    kinds = {**found.drift, **({"undefined": found.undefined} if found.undefined else {})}
    told = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in kinds.items())
    return warning(
        "drift.found",
        f"The last check, {when}, found {found.total:,} out of step",
        told,
        "Run manage.py hellotext_sync --repair."
        if set(kinds) - {"failed"}
        else "All of it was refused: see the lines about refused rows, put that right, and send it again.",
    )
