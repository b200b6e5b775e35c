"""What Hellotext.js calls, with the public business id as its bearer.

An event of the browser is accepted first and judged afterwards (later help site): one that would have been
refused is answered with 200 as well, dropped, and the log says why.
"""

from __future__ import annotations

from typing import Any

from . import events, sessions
from .parameters import accept, without
from .refusals import Refused, not_found
from .validation import Reader, key, mapping, moment, read, text
from .world import Answer, Call, World

_SESSION = key(null=True)


def public_business(world: World) -> dict[str, Any]:
    """Return the public settings; widgets and style stay null, so that the client loads nothing more."""
    return {
        "id": world.business_id,
        "country": {"code": world.options.country_code, "prefix": world.options.country_prefix},
        "features": {"white_label": False},
        "locale": "en",
        "style_url": None,
        "webchat": None,
        "whatsapp": None,
        "whitelist": "disabled",
    }


def retrieve_public_business(world: World, call: Call) -> Answer:
    """Answer retrieve_public_business."""
    if call.path["id"] != world.business_id:
        raise not_found()
    return 200, public_business(world)


def acknowledge_session(world: World, call: Call) -> Answer:
    """Answer acknowledge_session: the session is known from now on."""
    values = world.read(call.data, {"at": moment(), "session": _SESSION, "utm_params": mapping()}, required=("at",))
    if values.get("session") is not None:
        sessions.know(world, values["session"], utm=values.get("utm_params"), origin="browser")
    return 200, events.RECEIVED


def track_browser_event(world: World, call: Call) -> Answer:
    """Answer track_browser_event; only its outline is judged before the answer."""
    outline: dict[str, Reader] = {
        "action": key(),
        "session": _SESSION,
        "user_parameters": mapping(),
        "page": mapping(),
        "utm_params": mapping(),
    }
    values = world.read(call.data, outline, required=("action",))
    if values.get("session") is None:
        world.note = "dropped: the event has no session"
        return 200, events.RECEIVED
    sessions.know(world, values["session"], utm=values.get("utm_params"), origin="browser")
    world.store.commit()
    data = without(call.data, "profile")
    address = values.get("page", {}).get("url")
    accept(values.get("page", {}))  # its title and path tell the emulator nothing
    if "url" not in data and isinstance(address, str) and address:
        data["url"] = address
    try:
        events.record(world, data)
    except Refused as refused:
        world.store.roll_back()
        world.note = f"dropped: {refused.reason()}"
    return 200, events.RECEIVED


def identify_visitor(world: World, call: Call) -> Answer:
    """Answer identify_visitor: queued. The emulator is connected to no platform, so nobody is identified."""
    spec = {
        "user_id": key(),
        "session": _SESSION,
        "email": text(null=True),
        "phone": text(null=True),
        "name": text(null=True),
        "source": text(null=True),
    }
    values = world.read(call.data, spec, required=("user_id",))
    if values.get("session") is not None:
        sessions.know(world, values["session"], origin="browser")
    world.note = "nobody identified: identify() is for platforms Hellotext is connected to"
    return 200, events.RECEIVED


def create_session(world: World, call: Call) -> Answer:
    """Answer create_session: a new, known session."""
    return 200, {"id": sessions.know(world, world.ids.new(), origin="browser")["id"]}


def retrieve_public_form(world: World, call: Call) -> Answer:
    """Answer retrieve_public_form with a form of one input."""
    row = world.store["form"].get(call.path["id"])
    if row is None:
        raise not_found()
    step = {
        "header": {"content": f"<p>{_escaped(row['name'])}</p>"},
        "inputs": [{"kind": "email", "type": "email", "label": "Email", "placeholder": None, "required": True}],
        "button": {"text": "Subscribe"},
        "footer": {"content": "<p>No spam</p>"},
    }
    return 200, {"id": row["id"], "business": public_business(world), "steps": [step]}


def submit_public_form(world: World, call: Call) -> Answer:
    """Answer submit_public_form; an event of the session shows that it was completed."""
    row = world.store["form"].get(call.path["id"])
    if row is None:
        raise not_found()
    values = read(call.data, {"session": _SESSION})
    if values.get("session") is not None:
        sessions.know(world, values["session"], origin="browser")
        events.record(world, {"action": "form.completed", "session": values["session"], "object": row["id"]})
    return 200, {"id": world.ids.new()}


def retrieve_widget(world: World, call: Call) -> Answer:
    """Answer retrieve_webchat and retrieve_whatsapp_widget with empty markup."""
    return 200, {"html": "<article></article>", "business": public_business(world), "locale": "en"}


def list_webchat_messages(world: World, call: Call) -> Answer:
    """Answer list_webchat_messages: there are none."""
    return 200, {"messages": [], "next": None}


def send_webchat_message(world: World, call: Call) -> Answer:
    """Answer send_webchat_message; the message is not kept."""
    world.note = "not kept: the webchat is a stub"
    return 200, {"id": world.ids.new(), "created_at": world.now()}


def mark_seen(world: World, call: Call) -> Answer:
    """Answer mark_webchat_seen and mark_webchat_message_seen."""
    return 200, events.RECEIVED


def _escaped(value: str) -> str:
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
