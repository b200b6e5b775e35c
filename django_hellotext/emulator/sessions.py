"""Sessions of visitors: known once a browser or a short link brought them, then attached to a profile once.

Attaching a session to a second profile answers 200 and changes nothing (later help site), unless the world's reading
lets it move (reference).
"""

from __future__ import annotations

from typing import Any

from .refusals import Problem, Refused, not_found, unknown
from .store import Row
from .validation import key
from .world import Answer, Call, World

_ASSIGNED = "This session belongs to another profile."


def know(world: World, id_: str, *, utm: dict[str, Any] | None = None, origin: str) -> Row:
    """Make a session known, as a browser or a short link does; a known one keeps its profile."""
    table = world.store["session"]
    row = table.get(id_)
    if row is None:
        row = {"id": id_, "created_at": world.now(), "profile": None, "utm": utm or {}, "origin": origin}
        return table.put(row)
    if utm and utm != row["utm"]:
        row = table.put({**row, "utm": utm})
    return row


def required(data: dict[str, Any]) -> list[str]:
    """Return the one of profile and session that ``data`` has to give, because the other is left out."""
    given: list[str] = [name for name in ("profile", "session") if name in data]
    return given if len(given) == 1 else []


def actor(world: World, values: dict[str, Any], *, status: int = 422) -> tuple[str | None, str | None]:
    """Return the profile and session that ``values`` name, the session's owner filled in.

    Refuses an unknown profile with ``status``, and a session of another customer.
    """
    profile, session = values.get("profile"), values.get("session")
    if profile is not None:
        row = world.store["profile"].get(profile)
        if row is None or row["deleted"]:
            raise not_found("profile") if status == 404 else unknown("profile")
    if session is None:
        return profile, None
    known = world.store["session"].get(session)
    if known is None:
        if world.options.strict_sessions:
            raise not_found("session") if status == 404 else unknown("session")
        return profile, session
    if profile is not None and known["profile"] not in {None, profile}:
        raise Refused(422, Problem("session_assigned_to_another_profile", _ASSIGNED, "session"))
    return profile or known["profile"], session


def attach(world: World, call: Call) -> Answer:
    """Answer attach_session; the session's events and carts follow it to the profile."""
    table = world.store["session"]
    row = table.get(call.path["id"])
    if row is None:
        raise not_found()
    profile = world.read(call.data, {"profile": key()}, required=("profile",))["profile"]
    owner = world.store["profile"].get(profile)
    if owner is None or owner["deleted"]:
        raise unknown("profile")
    if row["profile"] is None or (world.reading.sessions_move and row["profile"] != profile):
        row = _assign(world, row, profile)
    shown: int | None = owner["number"]
    if row["profile"] != profile:
        world.note = "not attached: the session belongs to another profile"
        other = world.store["profile"].get(row["profile"])
        shown = other["number"] if other is not None and world.options.conflict_answer == "owner" else None
    return 200, {"id": row["id"], "type": "session", "created_at": row["created_at"], "profile": shown}


def _assign(world: World, session: Row, profile: str) -> Row:
    """Attach a session; its carts and events follow it, except those of a third profile."""
    former = session["profile"]
    for kind in ("event", "cart"):
        table = world.store[kind]
        for row in table.with_key("session", session["id"]):
            if row["profile"] in {None, former}:
                table.put({**row, "profile": profile})
    world.store["profile"].touch(profile)
    return world.store["session"].put({**session, "profile": profile})


def attach_by_tracking(world: World, actor: tuple[str | None, str | None]) -> None:
    """Attach the session of an event to its profile, where the reading says that tracking does (reference)."""
    profile, session = actor
    row = None if session is None else world.store["session"].get(session)
    if profile is not None and row is not None and row["profile"] is None and world.reading.tracking_attaches:
        _assign(world, row, profile)
