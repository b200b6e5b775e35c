"""What to do about each type of error, in a sentence; docs/reference/errors.md says more."""

from __future__ import annotations

OWN_DATA = "Correct the object in the shop and save it; it is sent again by itself."
ADVICE = {
    "adapter_failed": "Correct the adapter, then run this again.",
    "prerequisite_failed": "Repair what it refers to; this one is then sent by itself.",
    "parameter_not_unique": "Two objects share a value that must be unique at Hellotext; correct one of them.",
    "definition_clash": "Make HELLOTEXT agree with what is there, or change it at Hellotext; nothing was touched.",
    "undefined_property": "Define the property at Hellotext, or take it out of the adapter.",
    "not_found": "What it names does not exist at Hellotext; create it there, then run this again.",
    "reference_empty": "Give the object its permanent number, then run this again.",
    "lease_expired": "A worker disappeared with it in hand; it is looked for by itself.",
    "lookup_failed": "It may have arrived; send it again: it is looked for first.",
    "unusable_id": "Report the ID to Hellotext, then run this again: it is looked for first.",
    "unwritable": "Correct the database as the message says, then run this again.",
    "killed_worker": "Find out in the worker's log why its process ends, then send it again.",
    "unexpected_error": "A fault of django-hellotext: the log has the traceback; please report it.",
    "session_assigned_to_another_profile": "Nothing: its events go with the customer alone.",
}


def advice_for(type: str) -> str:
    """A sentence for the error ``type``; the refusals of a value are about the shop's own data."""
    return ADVICE.get(type, OWN_DATA)
