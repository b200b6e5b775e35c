"""Why was this, or was this not, sent? One answer for the admin, ``manage.py hellotext_explain`` and tests.

Reads rows, adapters and settings; sends nothing, changes nothing, and asks a bounded number of questions. What it says
holds no personal data: rows, models and keys, and errors as they were masked when they were stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import models
from django.utils.translation import gettext as _

from .. import clock, consent
from ..actions import Purpose, purpose_of
from ..adapters import Adapter, registry
from ..adapters.rendering import neutral
from ..adjustments import Adjustments
from ..conf import hellotext_settings
from ..models import Change, Event, Kind, Lane, RemoteObject, Session, SkipReason, State
from ..models.deliverable import Deliverable
from ..models.sessions import attachment_of
from ..redaction import mask
from ..sanitize import one_line
from . import advice
from .data_quality import adjustment_lines, text_of
from .event_links import event_links, profile_of
from .mirrors import hosts_of
from .obstacles import Line, deeper, left_for_another, named, needs, obstacles, told
from .preview import Preview, preview

MOST_EVENTS = 10  # of one object, newest first
OPEN = (State.PENDING, State.SENDING, State.UNCERTAIN)


@dataclass(frozen=True)
class Explanation:
    """What can be said of one row or object of the shop."""

    subject: str
    lines: list[Line] = field(default_factory=list)

    @property
    def codes(self) -> list[str]:
        """The codes of all lines, in order."""
        return [line.code for line in self.lines]

    def __str__(self) -> str:
        return "\n".join(self.as_lines())

    def as_lines(self) -> list[str]:
        """Return the subject and each line as one line of a terminal."""
        return [one_line(self.subject), *(f"{'  ' * line.depth}- {one_line(line.text)}" for line in self.lines)]


def explain(what: models.Model, *, using: str | None = None) -> Explanation:
    """Explain one of our rows (an event, a mirrored object, a session) or an object of the shop."""
    alias = using or what._state.db or hellotext_settings.DATABASES[0]
    if isinstance(what, Deliverable):
        return explain_row(what, using=alias)
    adapter = registry.for_model(what.__class__)
    label = adapter.label if adapter is not None else what._meta.concrete_model._meta.label_lower  # type: ignore[union-attr]  # of a saved object
    return explain_object(label, str(what.pk), using=alias)


def explain_row(row: Deliverable, *, using: str) -> Explanation:
    """Explain one row."""
    return Explanation(named(row), list(_Row(row, using).lines()))


def explain_object(label: str, pk: str, *, using: str) -> Explanation:
    """Explain the object with the key ``pk`` of the model ``label`` (``shop.order``); neither need exist.

    A ``pk`` that is no key of theirs may be the reference that the object is mirrored by, such as an order's number.
    """
    found = list(_object_lines(label, pk, using))
    if found[-1].code == "unknown":
        rows = RemoteObject.objects.using(using).filter(account=hellotext_settings.account, reference=pk)
        adapter = registry.for_label(label)
        mirror = rows.filter(host_label=adapter.label).order_by("pk").first() if pk and adapter is not None else None
        if mirror is not None:
            return explain_object(mirror.host_label, mirror.host_pk, using=using)
    return Explanation(f"{label.lower()} {pk}", found)


# One row


class _Row:
    """What is true of one row; each question is asked once."""

    def __init__(self, row: Deliverable, using: str) -> None:
        self.row = row
        self.using = using

    def lines(self) -> Iterator[Line]:
        row = self.row
        yield from self._state()
        if row.state in OPEN:
            yield from obstacles(row.account, using=self.using)
        left = list(left_for_another(row))
        yield from left
        if row.state == State.PENDING and not left:
            yield from self._waiting()
        if row.state in (State.FAILED, State.SKIPPED) or row.error_type:
            yield from self._error()
        yield from adjustment_lines(row)
        if isinstance(row, Event):
            yield from self._conflict(row)
            yield from self._consent(row)
        if isinstance(row, RemoteObject) and row.state != State.DELETED and not left:
            yield from _preview_lines(row, preview(row, using=self.using), using=self.using)

    def _state(self) -> Iterator[Line]:
        row = self.row
        texts = {
            State.PENDING: _("It waits to be sent, since %(created)s."),
            State.SENDING: _("A worker has it in hand, since %(attempted)s."),
            State.SYNCED: _("It was sent: Hellotext has it since %(finished)s."),
            State.DELIVERED: _("It was sent: Hellotext received it at %(finished)s."),
            State.UNCERTAIN: _(
                "It was sent at %(attempted)s, and no answer came. It is looked for before it is sent again."
            ),
            State.FAILED: _("It was refused, and waits for a person."),
            State.SKIPPED: _("It is not sent: %(reason)s."),
            State.DELETED: _("It was deleted in the shop; a tombstone remains."),
        }
        values = {
            "created": told(row.created_at),
            "attempted": told(row.attempted_at),
            "finished": told(row.finished_at),
            "reason": row.why,
        }
        if isinstance(row, RemoteObject) and row.attributed:
            texts[State.SYNCED] = _("None of its values are sent.")
        if isinstance(row, Session) and row.is_conflict:
            texts[State.FAILED] = _("It was not attached, and waits for nobody.")
        yield Line(str(row.state), texts[State(row.state)] % values)

    def _waiting(self) -> Iterator[Line]:
        row = self.row
        found = [*self._later(), *self._behind(), *self._needs()]
        yield from found
        if row.lane == Lane.BACKFILL:
            yield Line("backfill", _("It is part of a back-fill, which goes after everything live."))
        if not found and not list(obstacles(row.account, using=self.using)):
            yield Line("due", _("Nothing stands in its way: the next drain takes it."))

    def _later(self) -> Iterator[Line]:
        row = self.row
        if not row.waits(clock.now()):
            return
        if row.attempts:
            text = _("The next attempt is at %(when)s, after %(count)d without success. The last answer: %(why)s.")
        else:
            text = _("The next look is at %(when)s; something that it needs was not ready.")
        values = {"when": told(row.next_attempt_at), "count": row.attempts, "why": row.why or "?"}
        yield Line("next_attempt", text % values)

    def _behind(self) -> Iterator[Line]:
        """The row before it under the same ordering key (demand C7)."""
        row = self.row
        if not isinstance(row, Event):
            return
        rows = Event.objects.using(self.using).filter(
            ordering_key=row.ordering_key, state__in=OPEN, pk__lt=row.pk, lane=row.lane, account=row.account
        )
        first = rows.order_by("pk").first()
        if first is not None:
            values = {"other": named(first), "state": first.get_state_display()}
            yield Line("waiting_for_order", _("It waits its turn, after %(other)s (%(state)s).") % values)

    def _needs(self) -> Iterator[Line]:
        row = self.row
        if isinstance(row, Event):
            yield from needs(event_links(row), row.account, using=self.using)
            yield from self._joined(row)
        elif isinstance(row, Session):
            yield from needs([profile_of(row)], row.account, using=self.using)

    def _joined(self, event: Event) -> Iterator[Line]:
        if not event.session or not event.profile_label:
            return
        attachment = self._attachment(event)
        if attachment is None or attachment.state in (State.PENDING, State.SENDING, State.UNCERTAIN):
            seconds = hellotext_settings.SESSION_WAIT
            text = _("It waits for its session to be attached to the customer, for %(seconds)d seconds at most.")
            yield Line("waiting_for_session", text % {"seconds": seconds})

    def _attachment(self, event: Event) -> Session | None:
        """The row that joins the event's session with its customer."""
        if not event.session or not event.profile_label:
            return None
        identity = attachment_of(event.account, event.session, event.profile_label, event.profile_pk)
        return Session.objects.using(self.using).filter(identity=identity).first()

    def _conflict(self, event: Event) -> Iterator[Line]:
        """The session that the event goes, or went, without (demand G6)."""
        if event.state == State.SKIPPED:
            return
        attachment = self._attachment(event)
        if attachment is not None and attachment.state == State.FAILED and attachment.error_type == Session.CONFLICT:
            text = _("It goes with the customer alone: its session belongs to another customer at Hellotext.")
            yield Line("session_conflict", text)

    def _error(self) -> Iterator[Line]:
        row = self.row
        if row.state == State.SKIPPED:
            text = advice.for_skip(SkipReason(row.skip_reason)) if row.skip_reason in SkipReason.values else ""
            if text:
                yield Line(f"skipped_{row.skip_reason}", text)
            return
        if row.state == State.FAILED:
            values = {"why": row.why or _("no reason was given"), "count": row.attempts}
            yield Line("refused", _("The reason: %(why)s (attempts: %(count)d).") % values)
            yield Line("advice", advice.for_error(row.error_type, row.error_status))
            if isinstance(row, Event):
                yield from needs(event_links(row), row.account, using=self.using)
        elif row.state == State.PENDING and not row.attempts:
            yield Line("last_error", _("What went wrong before: %(why)s.") % {"why": row.why})

    def _consent(self, event: Event) -> Iterator[Line]:
        if event.state not in (State.PENDING, State.FAILED, State.SKIPPED):
            return
        if event.consent is True:
            yield Line("consent_given", _("The visitor had agreed when it was recorded."))
        subject = profile_of(event) if event.profile_label else None
        host = hosts_of([subject], using=self.using).get(subject) if subject is not None else None
        if consent.decide(None, purpose=purpose_of(event.action), subject=host) is False:
            text = _("Your consent hook refuses “%(purpose)s” now, so it will not be sent.")
            yield Line("consent", text % {"purpose": purpose_of(event.action).value})


def _preview_lines(row: RemoteObject, seen: Preview, *, using: str) -> Iterator[Line]:
    known = set(Adjustments.from_json(row.adjustments))
    for one in seen.adjustments:
        if one not in known:
            yield Line("would_adjust", _("Would be adjusted now: %(what)s") % {"what": text_of(one)})
    if seen.removal:
        if seen.removal == "clear":
            yield Line("removal", _("It is to be emptied at Hellotext."))
        else:
            yield Line("removal", _("It is to be deleted at Hellotext."))
    elif seen.gone:
        yield Line("gone", _("The object does not exist in the shop any more."))
    elif seen.fault:
        values = {"type": seen.fault.get("error_type", ""), "text": seen.fault.get("error_message", "")}
        yield Line("unrenderable", _("It cannot be sent as it is: %(type)s · %(text)s") % values)
    elif seen.skip is SkipReason.NOT_SYNCABLE:
        yield Line("not_syncable", _("Its adapter's should_sync() says no."))
    elif seen.skip is not None:
        yield Line("anonymous", advice.for_skip(seen.skip))
    elif seen.now is not None and not seen.changed and row.attributed:
        text = _(
            "Its profile is that of an account with the same e-mail. Orders and events go there; its name, phone and "
            "session do not, because no login has confirmed them."
        )
        yield Line("attributed", text)
    elif seen.now is not None and not seen.changed and row.remote_id:
        if seen.left_out:
            text = _("Left out, because another profile at Hellotext has it: %(names)s.")
            yield Line("left_out", text % {"names": ", ".join(seen.left_out)})
        yield Line("unchanged", _("Hellotext has exactly what would be sent now, so nothing would be sent."))
    elif row.state == State.SYNCED:
        text = _(
            "It differs from what was sent, and no change was recorded: something wrote past Django's signals, such as "
            "update() or bulk_create(), or a related object changed that depends_on does not name. Call "
            "hellotext.sync() with it."
        )
        yield Line("drifted", text)
    if seen.now is not None and row.state in (State.PENDING, State.FAILED):
        yield from needs(seen.links, row.account, using=using)


# An object of the shop


def _object_lines(label: str, pk: str, using: str) -> Iterator[Line]:
    adapter = registry.for_label(label)
    yield from obstacles(hellotext_settings.account, using=using)
    if adapter is None:
        yield from _unregistered_lines(label, pk, using)
        return
    label = adapter.label
    host = _host(adapter, pk, using=using)
    waiting = Change.objects.using(using).of(label, pk).first()
    rows = _mirrors(label, pk, using)
    if host is None and not rows and waiting is None:
        yield Line("unknown", _("There is no such object in the shop, and there never was one that was mirrored."))
        return
    if host is None:
        yield Line("gone", _("The object does not exist in the shop any more."))
    if waiting is not None:
        text = _("A change of it waits to be looked at by a worker, since %(when)s.")
        yield Line("unseen_change", text % {"when": told(waiting.happened_at)})
    if not rows:
        yield from _never_mirrored(adapter, host, has_change=waiting is not None)
    yield from _mirror_lines(rows, using)
    yield from _event_lines(adapter, host, rows, pk, using=using, has_change=waiting is not None)


def _unregistered_lines(label: str, pk: str, using: str) -> Iterator[Line]:
    """What is known of an object of a model that no adapter mirrors, or none any more."""
    rows = _mirrors(label.lower(), pk, using)
    if rows:
        text = _(
            "No adapter is registered for %(label)s any more: what Hellotext has of it stays as it is. Register one "
            "again to keep it in step."
        )
    else:
        text = _("No adapter is registered for %(label)s, so nothing is mirrored: register one in hellotext.py.")
    yield Line("unregistered", text % {"label": label})
    yield from _mirror_lines(rows, using)


def _mirrors(label: str, pk: str, using: str) -> list[RemoteObject]:
    return list(RemoteObject.objects.using(using).filter(host_label=label, host_pk=pk).order_by("pk")[:MOST_EVENTS])


def _mirror_lines(rows: Iterable[RemoteObject], using: str) -> Iterator[Line]:
    for row in rows:
        yield Line("object", _("At Hellotext, as %(named)s:") % {"named": named(row)})
        yield from deeper(_Row(row, using).lines())


def _never_mirrored(adapter: Adapter, host: Any, *, has_change: bool) -> Iterator[Line]:
    if host is None:
        return
    try:
        if not adapter.should_sync(host):
            yield Line("not_syncable", _("Its adapter's should_sync() says no."))
    except Exception as error:
        # The host's own code; what it raised is the answer.
        values = {"adapter": type(adapter).__name__, "error": mask(f"{type(error).__name__}: {error}")}
        yield Line("unrenderable", _("%(adapter)s raised %(error)s") % values)
    if not has_change:
        text = _(
            "It was never mirrored: it was there before the installation, or something wrote past Django's signals. "
            "Call hellotext.sync() with it, or run manage.py hellotext_sync."
        )
        yield Line("never_recorded", text)


def _event_lines(
    adapter: Adapter, host: Any, rows: list[RemoteObject], pk: str, *, using: str, has_change: bool
) -> Iterator[Line]:
    events = Event.objects.using(using)
    label = adapter.label
    about = events.filter(object_label=label, object_pk=pk)
    if adapter.kind == Kind.PROFILE:
        about = events.filter(profile_label=label, profile_pk=pk)
    found = list(about.order_by("-pk")[:MOST_EVENTS])
    for event in found:
        yield Line("event", f"{named(event)}:")
        yield from deeper(_Row(event, using).lines())
    # The change that waits may be what makes one, such as the status of an order.
    if not found and not has_change:
        text = _(
            "No event about it was recorded. A visit by a crawler, a preview, a member of staff, a visitor without a "
            "session, or one who refuses to be seen leaves none."
        )
        yield Line("no_event", text)
    yield from _missing_status(adapter, host, rows, found, has_change=has_change)
    for purpose in Purpose:
        if host is not None and consent.decide(None, purpose=purpose, subject=host) is False:
            text = _("Your consent hook refuses “%(purpose)s” for it now.")
            yield Line("consent", text % {"purpose": purpose.value})


def _missing_status(
    adapter: Adapter, host: Any, rows: list[RemoteObject], events: list[Event], *, has_change: bool
) -> Iterator[Line]:
    """The event of the object's present status, where there is none (demands A6, A7)."""
    try:
        status = adapter.status(host) if host is not None else None
    except Exception as error:
        # The host's own code; what it raised is the answer.
        values = {"adapter": type(adapter).__name__, "error": mask(f"{type(error).__name__}: {error}")}
        yield Line("no_status", _("%(adapter)s raised %(error)s when it was asked for the status") % values)
        return
    action = adapter.action_for(status[0]) if status is not None else None
    if status is None or action is None or any(event.action == action for event in events):
        return
    mirror = next((row for row in rows if row.kind == adapter.kind), None)
    values = {"action": action, "status": status[0]}
    if has_change:
        return
    if mirror is None or mirror.baseline is None or mirror.baseline != status[0]:
        text = _(
            "No %(action)s was recorded although its status is “%(status)s”: the change was written past Django's "
            "signals. Call hellotext.sync() with it."
        )
        yield Line("status_unseen", text % values)
    else:
        text = _(
            "No %(action)s was recorded: its status was “%(status)s” already when it was seen first, and nothing of "
            "the past is sent by itself; or the event was refused consent, or was pruned since."
        )
        yield Line("status_baseline", text % values)


def _host(adapter: Adapter, pk: str, *, using: str) -> Any:
    try:
        with neutral():
            return adapter.model._base_manager.using(using).get(pk=pk)
    except (ObjectDoesNotExist, ValueError, ValidationError, OverflowError, TypeError):
        return None
