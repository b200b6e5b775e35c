"""Definitions of the attributes a profile can have."""

from __future__ import annotations

import re

from django_hellotext.api.arguments import Arguments, segment
from django_hellotext.api.pages import Page
from django_hellotext.api.types.people import Property
from django_hellotext.api.types.results import Deleted
from django_hellotext.api.types.values import UNSET, Unset

from .base import DEFAULT_LIMIT, Resource

_PATH = "/v1/properties"
_KINDS = ("address", "email", "phone", "checkbox", "date", "number", "tags", "text", "url")
_OWNED_KINDS = frozenset({"address", "email", "phone"})
_NAME = re.compile(r"(?![0-9])[^{}]*")


class Properties(Resource):
    """Operations on property definitions."""

    def create(
        self,
        *,
        kind: str,
        name: str | Unset = UNSET,
        position: int | Unset = UNSET,
        profile: str | Unset = UNSET,
        unique: bool | Unset = UNSET,
    ) -> Property:
        """Define a property (``create_property``).

        ``kind`` is one of address, email, phone, checkbox, date, number, tags, text, url; the first three need
        ``profile``, the only one that will have it. ``name`` is unique, begins with no digit and holds no curly
        bracket. ``position`` counts from 1 and defaults to the last place. ``unique`` is ignored for checkbox, date
        and tags.
        Raises ValueError for what is said here, ValidationError ``parameter_not_unique`` for a taken name.
        """
        body = Arguments()
        body.choice("kind", kind, _KINDS)
        if kind in _OWNED_KINDS and profile is UNSET:
            raise ValueError(f"profile is needed for the kind {kind}.")
        _name(body, name)
        body.position("position", position)
        body.identifier("profile", profile)
        body.flag("unique", unique)
        return self._call("POST", _PATH, Property.from_json, json=body.values)

    def list(
        self,
        *,
        starting_after: str | Unset = UNSET,
        ending_before: str | Unset = UNSET,
        limit: int = DEFAULT_LIMIT,
        profile: str | Unset = UNSET,
    ) -> Page[Property]:
        """Return a page of definitions (``list_properties``). The filter ``profile`` is an inferred name.

        Raises ValueError unless ``limit`` is 1-100, and when both cursors are given; ValidationError for an unknown
        cursor.
        """
        filters = Arguments()
        filters.identifier("profile", profile)
        return self._page(
            _PATH,
            "properties",
            Property.from_json,
            starting_after=starting_after,
            ending_before=ending_before,
            limit=limit,
            filters=filters,
        )

    def retrieve(self, id: str) -> Property:
        """Return a definition (``retrieve_property``). Raises NotFound."""
        return self._call("GET", _property(id), Property.from_json)

    def update(
        self,
        id: str,
        *,
        name: str | Unset = UNSET,
        position: int | str | Unset = UNSET,
        unique: bool | Unset = UNSET,
    ) -> Property:
        """Change a definition (``update_property``). ``position=""`` moves it to the end.

        Turning ``unique`` on fails while two profiles share a value.
        Raises NotFound, ValidationError ``parameter_not_unique`` for a taken name.
        """
        body = Arguments()
        _name(body, name)
        body.position("position", position, last=True)
        body.flag("unique", unique)
        return self._call("PATCH", _property(id), Property.from_json, json=body.values)

    def delete(self, id: str) -> Deleted:
        """Delete a definition for good (``delete_property``). Raises NotFound."""
        return self._delete(_property(id), id=id)


def _property(id: str) -> str:
    return f"{_PATH}/{segment('id', id)}"


def _name(body: Arguments, name: str | Unset) -> None:
    body.text("name", name)
    if name is not UNSET and not _NAME.fullmatch(body.values["name"]):
        raise ValueError("name must not begin with a digit nor hold curly brackets.")
