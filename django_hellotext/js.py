"""The options of ``Hellotext.initialize`` and what each may be.

Source: ``hellotext-facts`` §8 and the documents and type definitions of Hellotext.js 2.5.5. The library itself
raises for some wrong values in the visitor's browser, where nobody reads it; here they are named in a check.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from django.utils.functional import Promise

VERSION = "2.5.5"

Rule = Callable[[Any], str | None]
Rules = Mapping[str, "Rule | Group"]

PLACEMENTS = ("top-left", "top-right", "bottom-left", "bottom-right")
DELAYS = (0, 5, 10, 30)  # seconds

_COLOUR = re.compile(
    r"#(?:[A-Fa-f0-9]{6}|[A-Fa-f0-9]{3})|rgba?\(\s*\d{1,3},\s*\d{1,3},\s*\d{1,3},?\s*(?:0|1|0?\.\d+)?\s*\)", re.ASCII
)
_INTEGRITY = re.compile(
    r"sha(?:256|384|512)-[A-Za-z0-9+/]+={0,2}(?: sha(?:256|384|512)-[A-Za-z0-9+/]+={0,2})*", re.ASCII
)
_SESSION = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class Group:
    """Options inside an option; ``off``: ``False`` switches the whole of it off."""

    def __init__(self, rules: Rules, *, off: bool = False) -> None:
        self.rules = rules
        self.off = off


def _text(value: Any) -> str | None:
    # A translation is not looked at: settings are checked before any language is known.
    right = isinstance(value, Promise) or (isinstance(value, str) and value)
    return None if right else "must be text that is not empty"


def _flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else "must be True or False"


def _flag_or_text(value: Any) -> str | None:
    return None if isinstance(value, bool) or not _text(value) else "must be True, False or text"


def _one_of(*values: str | int) -> Rule:
    def rule(value: Any) -> str | None:
        # True is 1 for Python, never here.
        found = not isinstance(value, bool) and value in values if isinstance(value, str | int) else False
        return None if found else f"must be one of {', '.join(map(str, values))}"

    return rule


def _colour(value: Any) -> str | None:
    right = isinstance(value, str) and _COLOUR.fullmatch(value)
    return None if right else "must be a colour such as #1f4d3a or rgb(31, 77, 58)"


def _address(value: Any) -> str | None:
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
    except ValueError:
        parts = None
    right = parts is not None and parts.scheme in ("http", "https") and parts.hostname
    return None if right else "must be a full http(s) address"


def _session(value: Any) -> str | None:
    right = isinstance(value, str) and _SESSION.fullmatch(value)
    return None if right else "must be a session of Hellotext"


def _integrity(value: Any) -> str | None:
    right = isinstance(value, str) and _INTEGRITY.fullmatch(value)
    return None if right else "must be a hash as browsers take it, such as sha384-…; manage.py hellotext_js prints it"


_ICON = Group({"iconUrl": _address})

LIBRARY: Rules = {
    "session": _session,
    "autoGenerateSession": _flag,
    "forms": Group({"autoMount": _flag, "successMessage": _flag_or_text}),
    "webchat": Group(
        {
            "id": _text,
            "container": _text,
            "placement": _one_of(*PLACEMENTS),
            "mode": _one_of("modal", "popover"),
            "strategy": _one_of("absolute", "fixed"),
            "behaviour": Group(
                {
                    "trigger": _one_of("onClick", "onLoad"),
                    "delaySeconds": _one_of(*DELAYS),
                    "firstVisitOnly": _flag,
                    "oncePerSession": _flag,
                }
            ),
            "appearance": Group({"header": Group({"name": _text}), "launcher": _ICON}),
            "whatsapp": Group({"number": _text, "restrictToChannel": _flag}),
            "style": Group({"primaryColor": _colour, "secondaryColor": _colour, "typography": _text}),
        },
        off=True,
    ),
    "whatsappWidget": Group(
        {
            "id": _text,
            "container": _text,
            "placement": _one_of(*PLACEMENTS),
            "number": _text,
            "body": _text,
            "appearance": Group({"launcher": _ICON}),
        },
        off=True,
    ),
    "locale": _text,
    "apiRoot": _address,
}
"""What ``Hellotext.initialize`` takes."""

OURS: Rules = {"inline": _flag, "integrity": _integrity}
"""How the page loads it: for the tag, not for the library."""


def complaint(value: Mapping[str, Any]) -> str | None:
    """What is wrong with ``HELLOTEXT["JS"]``, naming the option; ``None`` when all is well."""
    if "session" in value:
        return "must not hold session: it would make all visitors one. Give it to the tag of a private page"
    return wrong_option(value, {**LIBRARY, **OURS})


def wrong_option(value: Mapping[Any, Any], rules: Rules = LIBRARY, *, inside: str = "") -> str | None:
    """The first wrong option in words ("has a wrong option: webchat.mode must be …"), or ``None``."""
    for name, given in value.items():
        path = f"{inside}{name}"
        rule = rules.get(name) if isinstance(name, str) else None
        if rule is None:
            near = difflib.get_close_matches(str(name), rules, n=1)
            hint = f"did you mean {inside}{near[0]}?" if near else f"known are {', '.join(rules)}"
            return f"has the unknown option {path}: {hint}"
        if not isinstance(rule, Group):
            found = rule(given)
            if found:
                return f"has a wrong option: {path} {found}"
        elif isinstance(given, Mapping):
            deeper = wrong_option(given, rule.rules, inside=f"{path}.")
            if deeper:
                return deeper
        elif not (rule.off and given is False):
            return f"has a wrong option: {path} must be {'False or ' if rule.off else ''}a dict of options"
    return None


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Options as a template can say them: ``webchat__placement`` is ``placement`` within ``webchat``.

    Raises ``TypeError`` when an option is given both as a whole and in parts.
    """
    found: dict[str, Any] = {}
    for name, value in flat.items():
        *groups, last = name.split("__")
        place = found
        for group in groups:
            place = place.setdefault(group, {})
            if not isinstance(place, dict):
                raise TypeError(f"{name} is given, and {group} as well.")
        if last in place:
            raise TypeError(f"{name} is given twice.")
        place[last] = _copied(value)
    return found


def _copied(value: Any) -> Any:
    """``value``; its groups are copies at every depth, since a template may hand in a dict that others use too."""
    return {name: _copied(inner) for name, inner in value.items()} if isinstance(value, Mapping) else value


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with the options of ``over`` in it; groups are merged, everything else is replaced."""
    result = dict(base)
    for name, value in over.items():
        earlier = result.get(name)
        both = isinstance(value, Mapping) and isinstance(earlier, Mapping)
        result[name] = merged(earlier, value) if both and isinstance(earlier, Mapping) else value
    return result
