"""What a person does about a reason: one sentence for each error type and each reason for not sending."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _

from ..models import SkipReason
from .obstacles import told
from .standing import Condition


def error_types() -> list[str]:
    """The error types that we know of, ours and Hellotext's."""
    return sorted(_for_errors())


def for_error(type: str, status: int | None) -> str:
    """What to do about a refused row; see ``docs/reference/errors.md``."""
    known = _for_errors()
    if type in known:
        return known[type]
    if status is not None and status >= 500:
        return _("It failed often while everything else worked. Send it again once; if it fails again, ask Hellotext.")
    return _("Correct what the reason names, then send it again.")


def _for_errors() -> dict[str, str]:
    return {
        "adapter_failed": _("Correct the adapter, deploy, then send it again."),
        "prerequisite_failed": _("Repair the row that it names; this one is then sent by itself."),
        "reference_empty": _("Give the object its permanent number and save it; it is sent again by itself."),
        "number_invalid": _(
            "Correct the amount that the message names and save the object, then send its events again."
        ),
        "currency_invalid": _(
            "Correct the currency that the message names and save the object, then send its events again."
        ),
        "too_large": _("Record the event again with less data."),
        "not_recordable": _("The database refused the row: read the message, correct the call, record it again."),
        "killed_worker": _(
            "Find out in the worker's log why its process ends (memory, a crash, a time limit), then send it again."
        ),
        "unexpected_error": _("This is a fault of django-hellotext: report it with the traceback of the log."),
        "lookup_failed": _("It may have arrived. Send it again: it is looked for first."),
        "unusable_id": _("Report the ID to Hellotext, then send it again: it is looked for first."),
        "unwritable": _("Correct the database as the message says, then send it again: it is looked for first."),
        "not_found": _("Create what it names at Hellotext (an action of your own, for example), then send it again."),
        "parameter_not_unique": _("Two objects share a value that must be unique: correct one and save it."),
        "reference_shared": _("Two objects have the same reference: give one of them another, and save it."),
        "profile_shared": _("Two customers share an e-mail or a phone: correct one and save it."),
        "reference_changed": _("A reference never changes: put the old one back, and save the object."),
        "source_changed": _("HELLOTEXT['SOURCE'] never changes: put the old one back."),
        "object_shared": _("Two objects share what must be unique, such as a SKU: correct one and save it."),
        "session_assigned_to_another_profile": _(
            "The session belongs to another customer and stays there; events go with the customer alone."
        ),
        "undefined_property": _("Define the property at Hellotext, or take it out of the adapter's properties."),
        "unknown_action": _("Declare the action in HELLOTEXT['ACTIONS'], or correct its name."),
        "parameter_missing": _("Fill in what the parameter names and save the object, or record the event again."),
        "parameter_invalid": _("Correct what the parameter names and save the object, or record the event again."),
        "parameter_invalid_empty": _("Fill in what the parameter names and save the object; it is sent by itself."),
        "invalid": _("Correct what the parameter names and save the object; it is sent again by itself."),
        "object_invalid": _("Give the object at least one of the values that its adapter sends, and save it."),
    }


def for_skip(reason: SkipReason) -> str:
    """What a reason for not sending means, and what can be done."""
    return {
        SkipReason.CONSENT: _("The consent was refused, or withdrawn before it was sent. It stays here."),
        SkipReason.PERSON: _("A person decided so. Send it again to take that back."),
        SkipReason.SUPERSEDED: _("A later fact has overtaken it, such as the order that was made of the cart."),
        SkipReason.UNKNOWN: _(
            "Nobody could find out whether it had arrived, and sending it twice would do harm. "
            "Look at Hellotext before you send it again."
        ),
        SkipReason.NOT_SYNCABLE: _(
            "Its adapter's should_sync() says no; it is sent once that says yes and it is saved."
        ),
        SkipReason.ANONYMOUS: _("Neither a customer nor a session is known, and Hellotext needs one of them."),
        SkipReason.OPTED_OUT: _("The customer has opted out since. Only newer evidence of a consent subscribes again."),
        SkipReason.ERASED: _("The customer's data was erased on request. It must not be sent again."),
        SkipReason.ATTRIBUTED: _(
            "The profile belongs to an account with the same e-mail. Orders and events go there; the session does not, "
            "because no login has confirmed it."
        ),
        SkipReason.UNREGISTERED: _(
            "No adapter was registered for its model until the retention time was over. It is sent once one is "
            "registered again and it is saved."
        ),
    }[reason]


def word_for(condition: Condition) -> str:
    """The condition in one word for people; its value is the one for programs."""
    return {
        Condition.INACTIVE: _("inactive"),
        Condition.FOREIGN: _("foreign"),
        Condition.HALTED: _("halted"),
        Condition.STALLED: _("stalled"),
        Condition.PAUSED: _("paused"),
        Condition.OK: _("ok"),
    }[condition]


def for_condition(condition: Condition, *, next_try: datetime | None = None) -> str:
    """What a condition means, and what can be done. ``next_try``: when a halted account sends its next probe."""
    if condition == Condition.HALTED and next_try is not None:
        text = _(
            "Hellotext does not accept the credentials: nothing is sent until the token is accepted again; next try "
            "%(when)s."
        )
        return text % {"when": told(next_try)}
    return {
        Condition.INACTIVE: _("Not configured, or a setting is wrong: nothing is sent. See manage.py check."),
        Condition.FOREIGN: _(
            "This database belongs to another environment: nothing is sent. Correct HELLOTEXT['ENVIRONMENT'], or use "
            "another database."
        ),
        Condition.HALTED: _(
            "Hellotext does not accept the credentials: nothing is sent until the token is accepted again."
        ),
        Condition.STALLED: _("Rows wait, and no worker looks after them. Start one: manage.py hellotext_worker."),
        Condition.PAUSED: _("Hellotext is down, or asks for fewer requests. It is tried again by itself."),
        Condition.OK: _("What is recorded is delivered."),
    }[condition]
