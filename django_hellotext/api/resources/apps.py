"""Applications whose installs and spending are tracked."""

from __future__ import annotations

from django_hellotext.api.arguments import Arguments, segment
from django_hellotext.api.pages import Page
from django_hellotext.api.types.people import App
from django_hellotext.api.types.results import Deleted
from django_hellotext.api.types.values import UNSET, Unset

from .base import DEFAULT_LIMIT, Resource

_PATH = "/v1/attribution/apps"


class Apps(Resource):
    """Operations on apps."""

    def create(self, *, name: str, image_url: str | Unset = UNSET) -> App:
        """Create an app with a unique name (``create_app``). ``image_url`` is a public icon; a copy is stored.

        Raises ValidationError ``parameter_not_unique`` for a taken name.
        """
        body = Arguments()
        body.text("name", name, empty=False)
        body.url("image_url", image_url)
        return self._call("POST", _PATH, App.from_json, json=body.values)

    def list(
        self,
        *,
        starting_after: str | Unset = UNSET,
        ending_before: str | Unset = UNSET,
        limit: int = DEFAULT_LIMIT,
    ) -> Page[App]:
        """Return a page of apps, newest first (``list_apps``). There are no filters.

        Raises ValueError unless ``limit`` is 1-100, and when both cursors are given; ValidationError for an unknown
        cursor.
        """
        return self._page(
            _PATH, "apps", App.from_json, starting_after=starting_after, ending_before=ending_before, limit=limit
        )

    def retrieve(self, id: str) -> App:
        """Return an app (``retrieve_app``). Raises NotFound."""
        return self._call("GET", _app(id), App.from_json)

    def update(self, id: str, *, name: str | Unset = UNSET, image_url: str | Unset | None = UNSET) -> App:
        """Change an app (``update_app``). ``image_url=None`` removes the icon.

        Raises NotFound, ValidationError ``parameter_not_unique`` for a taken name.
        """
        body = Arguments()
        body.text("name", name, empty=False)
        body.url("image_url", image_url, nullable=True)
        return self._call("PATCH", _app(id), App.from_json, json=body.values)

    def delete(self, id: str) -> Deleted:
        """Delete an app for good (``delete_app``). Raises NotFound."""
        return self._delete(_app(id), id=id)


def _app(id: str) -> str:
    return f"{_PATH}/{segment('id', id)}"
