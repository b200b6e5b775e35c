"""What stands in the way of a row: of all rows of an account, or of this one. The parts of an explanation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import formats, timezone
from django.utils.translation import gettext as _

from .. import clock
from ..adapters import Link
from ..conf import hellotext_settings
from ..models import Account, Event, Kind, RemoteObject, Session
from ..models.deliverable import Deliverable
from .left_rows import WAITING, why_left
from .mirrors import identity_for
from .unknown_models import is_known, labels_of

QUIET = timedelta(minutes=5)  # without a drain for so long, nobody looks after the rows


@dataclass(frozen=True)
class Line:
    """One thing that is true. ``code`` is stable and for programs, ``text`` is for people; ``depth`` indents it."""

    code: str
    text: str
    depth: int = 0


def obstacles(account: str, *, using: str) -> Iterator[Line]:
    """What holds back every row of ``account``."""
    if not hellotext_settings.active:
        problems = hellotext_settings.problems()
        why = problems[0].message if problems else _("BUSINESS_ID, API_TOKEN or ENVIRONMENT is not set.")
        yield Line("inactive", _("The app is not active, so nothing is recorded or sent: %(why)s") % {"why": why})
        return
    if account != hellotext_settings.account:
        values = {"account": account, "ours": hellotext_settings.account}
        yield Line("foreign", _("It belongs to the account %(account)s; this site sends for %(ours)s.") % values)
        return
    rows = list(Account.objects.using(using).filter(business_id=hellotext_settings.BUSINESS_ID).order_by("pk"))
    if rows and rows[0].key != account:
        text = _("This database belongs to %(owner)s; nothing is sent from it for %(ours)s.")
        yield Line("foreign", text % {"owner": rows[0].key, "ours": account})
        return
    own = next((row for row in rows if row.key == account), None)
    if own is None or own.drained_at is None:
        yield Line("no_worker", _("No worker has ever looked at this database: start one."))
        return
    if own.halted_reason:
        values = {"reason": own.halted_reason, "when": told(own.halted_at), "next": told(own.halted_until)}
        text = _("The account is halted since %(when)s, next try %(next)s: %(reason)s")
        yield Line("halted", text % values)
    elif own.paused_reason:
        values = {"reason": own.paused_reason, "when": told(own.paused_until)}
        yield Line("paused", _("The account is paused until %(when)s at least: %(reason)s.") % values)
    if own.drained_at < clock.now() - QUIET:
        text = _("No worker has looked at this database since %(when)s.")
        yield Line("no_worker", text % {"when": told(own.drained_at)})


def needs(links: Iterable[Link], account: str, *, using: str) -> Iterator[Line]:
    """What must be at Hellotext first, and is not."""
    wanted = {identity_for(link, account): link for link in links if link.label}
    found = {row.identity: row for row in RemoteObject.objects.using(using).identified(wanted)}
    for identity, link in wanted.items():
        row = found.get(identity)
        if row is not None and row.remote_id:
            continue
        if not is_known(link.label):
            yield Line("left", why_left(link.label))
        values = {"kind": Kind(link.kind).label, "label": link.label, "pk": link.pk}
        if row is None:
            text = _("It needs the %(kind)s %(label)s %(pk)s, which was not mirrored yet.")
            yield Line("waiting_for", text % values)
            continue
        values |= {"state": row.get_state_display(), "why": f" ({row.why})" if row.why else ""}
        yield Line("waiting_for", _("It needs the %(kind)s %(label)s %(pk)s, which is: %(state)s%(why)s.") % values)


def left_for_another(row: Deliverable) -> Iterator[Line]:
    """Why this process leaves ``row`` to a process of another release."""
    for label in labels_of(row) if row.state in WAITING else ():
        text = _("%(why)s It waits for a process of the release that knows it.")
        yield Line("left", text % {"why": why_left(label)})


def deeper(lines: Iterable[Line]) -> Iterator[Line]:
    """Indent ``lines`` by one step."""
    for line in lines:
        yield Line(line.code, line.text, line.depth + 1)


def named(row: Deliverable) -> str:
    """What a person calls ``row``."""
    if isinstance(row, Event):
        return f"{row.action} · {told(row.tracked_at)}"
    if isinstance(row, RemoteObject):
        return f"{row.get_kind_display()} {row.reference or f'{row.host_label} {row.host_pk}'}"
    if isinstance(row, Session):
        return f"{_('session')} · {row.profile_label} {row.profile_pk}"
    return str(row)


def told(moment: datetime | None) -> str:
    """``moment`` in the current time zone, alike in every language; a question mark where there is none."""
    if moment is None:
        return "?"
    return formats.date_format(timezone.localtime(moment), "Y-m-d H:i:s")
