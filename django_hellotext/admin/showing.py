"""How the admin draws a state, an explanation, JSON, and a payload beside what Hellotext has."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import DateTimeField, Model
from django.utils import formats, timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_hellotext import clock
from django_hellotext.adjustments import Adjustments
from django_hellotext.delivery.data_quality import text_of
from django_hellotext.delivery.explain import Explanation
from django_hellotext.delivery.preview import Preview
from django_hellotext.models import Kind, Session, State
from django_hellotext.models.deliverable import Deliverable
from django_hellotext.redaction import REDACTED, hide, mask_data

from .hosts import EMPTY

# A mark beside the word, so that a state is never told by its colour alone.
MARKS = {
    State.PENDING: "…",
    State.SENDING: "→",
    State.SYNCED: "✓",
    State.DELIVERED: "✓",
    State.UNCERTAIN: "?",
    State.FAILED: "✗",
    State.SKIPPED: "○",
    State.DELETED: "○",
}
TONES = {State.SYNCED: "good", State.DELIVERED: "good", State.UNCERTAIN: "doubt", State.FAILED: "bad"}

MOST_CHARACTERS = 20_000  # of one JSON value; a page is for people


def badge(row: Deliverable) -> SafeString:
    """The state, as a mark, a word and a colour."""
    state = State(row.state)
    if isinstance(row, Session) and row.is_conflict:
        # Refused for good, and nobody has to do anything: it is no alarm (demand G6).
        return format_html('<span class="hellotext-state hellotext-state-plain">○ {}</span>', _("in conflict"))
    tone = TONES.get(state, "plain")
    return format_html('<span class="hellotext-state hellotext-state-{}">{} {}</span>', tone, MARKS[state], state.label)


def standing(row: Deliverable) -> SafeString:
    """The badge; beneath it the reason where there is one, and the next attempt where one is set."""
    said = [row.why] if row.why else []
    if row.state == State.PENDING and row.next_attempt_at is not None:
        now = clock.now()
        if row.waits(now):
            values = {"count": row.attempts, "time": lasting(now, row.next_attempt_at)}
            said.append(_("attempts: %(count)d, the next in %(time)s") % values)
        else:
            said.append(_("attempts: %(count)d, the next is due") % {"count": row.attempts})
    if not said:
        return badge(row)
    beneath = format_html_join("", "<div>{}</div>", ((text,) for text in said))
    return format_html('{}<div class="hellotext-beneath hellotext-reason">{}</div>', badge(row), beneath)


def local_time(field: DateTimeField[Any, Any]) -> Callable[[Model], str | None]:
    """Return a column that shows ``field`` in the current time zone; under ``USE_TZ=False`` Django would show UTC."""

    @admin.display(description=field.verbose_name)
    def column(row: Model) -> str | None:
        moment: datetime | None = getattr(row, field.name)
        return None if moment is None else formats.localize(timezone.localtime(moment))

    column.__name__ = field.name  # the admin makes the CSS class of it
    return column


def lasting(first: datetime, last: datetime) -> str:
    """The time from ``first`` to ``last`` in words; below a minute in seconds."""
    seconds = max(0, round((last - first).total_seconds()))
    if seconds >= 60:
        return timesince(first, last)
    return ngettext("%(count)d second", "%(count)d seconds", seconds) % {"count": seconds}


def explanation(found: Explanation) -> SafeString:
    """The lines of an explanation, as a list."""
    lines = format_html_join(
        "", '<li class="hellotext-depth-{}">{}</li>', ((min(line.depth, 3), line.text) for line in found.lines)
    )
    return format_html('<ul class="hellotext-explanation">{}</ul>', lines)


def adjustments(made: Adjustments) -> SafeString | str:
    """What was changed or left out of a row so that it could be sent, or would be."""
    if not len(made):
        return EMPTY
    lines = [text_of(one) for one in made]
    if made.more:
        lines.append(_("and %(count)d more") % {"count": made.more})
    items = format_html_join("", '<li class="hellotext-depth-0">{}</li>', ((text,) for text in lines))
    return format_html('<ul class="hellotext-explanation">{}</ul>', items)


def with_adjustments(shown: SafeString | str, made: Adjustments) -> SafeString | str:
    """``shown``, and below it what the rendering that it shows has adjusted."""
    if not len(made):
        return shown
    head = _("Changed or left out of it:")
    return format_html('{}<div class="hellotext-made"><p>{}</p>{}</div>', shown, head, adjustments(made))


def as_json(value: Any) -> SafeString | str:
    """A JSON value, one member a line; a very long one is cut."""
    if not value:
        return EMPTY
    text = json.dumps(value, indent=2, ensure_ascii=False)
    cut = text if len(text) <= MOST_CHARACTERS else text[:MOST_CHARACTERS] + "…"
    return format_html('<pre class="hellotext-json">{}</pre>', cut)


def copyable(text: str) -> SafeString | str:
    """A text that one click chooses, and a button copies where the page may."""
    if not text:
        return EMPTY
    return format_html(
        '<code class="hellotext-copy" data-label="{}" data-done="{}">{}</code>', _("Copy"), _("Copied"), text
    )


def comparison(seen: Preview, *, kind: str, personal_data: bool) -> SafeString | str:
    """What would be sent now beside what Hellotext answered last, a line for each name, differences marked."""
    if seen.now is None:
        return EMPTY
    dropped = (seen.differs or frozenset()) - seen.now.keys()
    marks = {True: ("differs", "≠", _("differs")), False: ("same", "=", _("as sent"))}
    unsent = ("new", "+", _("not sent yet"))
    lines = []
    for name in [*seen.now, *sorted(dropped)]:
        tone, mark, word = unsent if seen.differs is None else marks[name in seen.differs]
        now = _value(name, seen.now.get(name), kind=kind, personal_data=personal_data)
        there = _value(name, seen.answered.get(name), kind=kind, personal_data=personal_data)
        lines.append((tone, mark, word, name, now, there))
    body = format_html_join(
        "",
        '<tr class="hellotext-{}"><td><span aria-hidden="true">{}</span> {}</td><th scope="row">{}</th>'
        "<td>{}</td><td>{}</td></tr>",
        lines,
    )
    return format_html(
        '<div class="hellotext-scroll"><table class="hellotext-comparison"><thead><tr><th scope="col">{}</th>'
        '<th scope="col">{}</th><th scope="col">{}</th><th scope="col">{}</th></tr></thead>'
        "<tbody>{}</tbody></table></div>",
        _("since it was sent last"),
        _("name"),
        _("would be sent now"),
        _("Hellotext's last answer"),
        body,
    )


def payload(seen: Mapping[str, Any] | None, *, personal_data: bool) -> SafeString | str:
    """What would be sent of an event now, a line for each name."""
    if seen is None:
        return EMPTY
    values = seen if personal_data else {name: _of_an_event(name, value) for name, value in seen.items()}
    return format_html(
        '<div class="hellotext-scroll"><table class="hellotext-comparison"><thead><tr><th scope="col">{}</th>'
        '<th scope="col">{}</th></tr></thead><tbody>{}</tbody></table></div>',
        _("name"),
        _("would be sent now"),
        format_html_join(
            "",
            '<tr><th scope="row">{}</th><td>{}</td></tr>',
            ((name, _shown(value)) for name, value in values.items()),
        ),
    )


def _of_an_event(name: str, value: Any) -> Any:
    """A value of an event for whoever may not see personal data: the page's address may hold anything."""
    return REDACTED if name in ("session", "url") else masked(name, value, kind="")


def masked(name: str, value: Any, *, kind: str) -> Any:
    """A value of a payload for whoever may not see personal data.

    Of a customer, and of what the shop names by itself, nothing is shown but its shape.
    """
    if kind == Kind.PROFILE or name in ("metadata", "properties"):
        return hide(value)
    return mask_data({name: value})[name]


def _value(name: str, value: Any, *, kind: str, personal_data: bool) -> SafeString | str:
    if value is None:
        return EMPTY
    return _shown(value if personal_data else masked(name, value, kind=kind))


def _shown(value: Any) -> SafeString | str:
    if isinstance(value, dict | list):
        return as_json(value)
    return str(value)[:MOST_CHARACTERS]
