"""Definitions of custom actions."""

from __future__ import annotations

from typing import Any

from django_hellotext.api.arguments import Arguments, segment
from django_hellotext.api.pages import Page
from django_hellotext.api.types.people import Action
from django_hellotext.api.types.results import Deleted
from django_hellotext.api.types.values import UNSET, Unset

from .base import DEFAULT_LIMIT, Resource

_PATH = "/v1/attribution/actions"


class Actions(Resource):
    """Operations on custom actions. An action must exist before its first event."""

    def create(
        self,
        *,
        name: str,
        title: str | Unset = UNSET,
        goal: bool | Unset = UNSET,
        passive: bool | Unset = UNSET,
    ) -> Action:
        """Define an action (``create_action``).

        ``name`` is what events send, such as ``appointment.booked``; unique, not a built-in one. ``title`` is for
        people. ``goal`` counts it as a conversion (default no), ``passive`` keeps the inbox order (default yes).
        Raises ValidationError ``parameter_not_unique`` for a taken name.
        """
        return self._call("POST", _PATH, Action.from_json, json=_body(name, title, goal, passive))

    def list(
        self,
        *,
        starting_after: str | Unset = UNSET,
        ending_before: str | Unset = UNSET,
        limit: int = DEFAULT_LIMIT,
    ) -> Page[Action]:
        """Return a page of actions, newest first (``list_actions``). There are no filters.

        Raises ValueError unless ``limit`` is 1-100, and when both cursors are given; ValidationError for an unknown
        cursor.
        """
        return self._page(
            _PATH, "actions", Action.from_json, starting_after=starting_after, ending_before=ending_before, limit=limit
        )

    def retrieve(self, id: str) -> Action:
        """Return an action (``retrieve_action``). Raises NotFound."""
        return self._call("GET", _action(id), Action.from_json)

    def update(
        self,
        id: str,
        *,
        name: str,
        title: str | Unset = UNSET,
        goal: bool | Unset = UNSET,
        passive: bool | Unset = UNSET,
    ) -> Action:
        """Change an action (``update_action``). ``name`` is required here too (API reference).

        Raises NotFound, ValidationError ``parameter_not_unique`` for a taken name.
        """
        return self._call("PATCH", _action(id), Action.from_json, json=_body(name, title, goal, passive))

    def delete(self, id: str) -> Deleted:
        """Delete an action for good (``delete_action``).

        Do not: by one source its events go with it, by another Hellotext refuses while it has events.
        Raises NotFound, ValidationError when Hellotext refuses because of its events.
        """
        return self._delete(_action(id), id=id)


def _action(id: str) -> str:
    return f"{_PATH}/{segment('id', id)}"


def _body(name: str, title: str | Unset, goal: bool | Unset, passive: bool | Unset) -> dict[str, Any]:
    body = Arguments()
    body.text("name", name, empty=False)
    body.text("title", title)
    body.flag("goal", goal)
    body.flag("passive", passive)
    return body.values
