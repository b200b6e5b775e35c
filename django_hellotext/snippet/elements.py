"""Small elements of a page: options for this page alone, a form of Hellotext."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.utils.html import conditional_escape, format_html, json_script
from django.utils.safestring import SafeString

from .. import js
from ..clock import AwareJSONEncoder
from .faults import contained
from .permission import is_allowed

WIDGETS = ("webchat", "whatsappWidget")
NOTHING = SafeString("")


def data_element(kind: str, value: Mapping[str, Any]) -> SafeString:
    """``value`` as a JSON element that the page's script finds; equal values have equal IDs, whoever looks."""
    text = json.dumps(value, cls=AwareJSONEncoder, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return json_script(value, f"hellotext-{kind}-{digest}", encoder=AwareJSONEncoder)


def checked_options(options: Mapping[str, Any], *, where: str) -> dict[str, Any]:
    """``options`` of a tag as the library takes them; a wrong one is left out and logged, naming it."""
    right: dict[str, Any] = {}
    with contained("snippet.wrong_option", where=where):
        for name, value in js.nested(options).items():
            with contained("snippet.wrong_option", where=where):
                wrong = js.wrong_option({name: value})
                if wrong:
                    raise TypeError(f"{where} {wrong}.")
                right[name] = _harmless(value) if name == "forms" else value
    return right


def _harmless(forms: Mapping[str, Any]) -> dict[str, Any]:
    """The options of forms for ``innerHTML``, into which the library puts the message as it is (demand H3)."""
    message = forms.get("successMessage", True)
    return dict(forms) if isinstance(message, bool) else {**forms, "successMessage": conditional_escape(message)}


def widget(name: str, *, request: Any | None = None, on: bool = True, options: Mapping[str, Any]) -> SafeString:
    """The options of the webchat or the WhatsApp widget for this page; ``on=False`` keeps it off this page.

    They win over ``HELLOTEXT["JS"]`` and the tag that loads the library. Raises ``ValueError`` for another ``name``.
    """
    if name not in WIDGETS:
        raise ValueError(f"{name!r} is none of {', '.join(WIDGETS)}.")
    if not is_allowed(request):
        return NOTHING
    found = checked_options({name: js.nested(options) if on else False}, where=name)
    return data_element("options", found) if found.get(name) not in (None, {}) else NOTHING


def form(form_id: object, *, request: Any | None = None) -> SafeString:
    """The place for the form with ``form_id`` (text, from Hellotext); Hellotext.js fills it in by itself."""
    text = "" if form_id is None else str(form_id).strip()
    if not text or not is_allowed(request):
        return NOTHING
    return format_html('<form data-hello-form="{}"></form>', text)
