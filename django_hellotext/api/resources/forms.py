"""Named forms used by form events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django_hellotext.api.arguments import Arguments, segment
from django_hellotext.api.pages import Page
from django_hellotext.api.types.people import Form
from django_hellotext.api.types.results import Deleted
from django_hellotext.api.types.values import UNSET, Unset

from .base import DEFAULT_LIMIT, Resource

_PATH = "/v1/attribution/forms"


class Forms(Resource):
    """Operations on forms."""

    def create(self, *, name: str, metadata: Mapping[str, Any] | Unset = UNSET) -> Form:
        """Create a form with a unique name (``create_form``).

        Raises ValidationError ``parameter_not_unique`` for a taken name.
        """
        return self._call("POST", _PATH, Form.from_json, json=_body(name, metadata))

    def list(
        self,
        *,
        starting_after: str | Unset = UNSET,
        ending_before: str | Unset = UNSET,
        limit: int = DEFAULT_LIMIT,
    ) -> Page[Form]:
        """Return a page of forms, newest first (``list_forms``). There are no filters.

        Raises ValueError unless ``limit`` is 1-100, and when both cursors are given; ValidationError for an unknown
        cursor.
        """
        return self._page(
            _PATH, "forms", Form.from_json, starting_after=starting_after, ending_before=ending_before, limit=limit
        )

    def retrieve(self, id: str) -> Form:
        """Return a form (``retrieve_form``). Raises NotFound."""
        return self._call("GET", _form(id), Form.from_json)

    def update(self, id: str, *, name: str | Unset = UNSET, metadata: Mapping[str, Any] | Unset = UNSET) -> Form:
        """Change a form (``update_form``).

        Raises NotFound, ValidationError ``parameter_not_unique`` for a taken name.
        """
        return self._call("PATCH", _form(id), Form.from_json, json=_body(name, metadata))

    def delete(self, id: str) -> Deleted:
        """Delete a form for good (``delete_form``). Raises NotFound."""
        return self._delete(_form(id), id=id)


def _form(id: str) -> str:
    return f"{_PATH}/{segment('id', id)}"


def _body(name: str | Unset, metadata: Mapping[str, Any] | Unset) -> dict[str, Any]:
    body = Arguments()
    body.text("name", name, empty=False)
    body.mapping("metadata", metadata)
    return body.values
