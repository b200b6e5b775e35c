"""Named groups of profiles."""

from __future__ import annotations

from django_hellotext.api.arguments import Arguments, segment
from django_hellotext.api.pages import Page
from django_hellotext.api.types.people import Profile, ProfileList
from django_hellotext.api.types.results import Deleted
from django_hellotext.api.types.values import UNSET, Unset

from .base import DEFAULT_LIMIT, Resource

_PATH = "/v1/lists"


class Lists(Resource):
    """Operations on lists. ``id`` may be the ID or the name. Being on a list is not consent."""

    def create(self, *, name: str) -> ProfileList:
        """Create a list with a unique name (``create_list``). Raises ValidationError: parameter_not_unique."""
        return self._call("POST", _PATH, ProfileList.from_json, json=_body(name))

    def list(
        self,
        *,
        starting_after: str | Unset = UNSET,
        ending_before: str | Unset = UNSET,
        limit: int = DEFAULT_LIMIT,
        name: str | Unset = UNSET,
    ) -> Page[ProfileList]:
        """Return a page of lists (``list_lists``). ``name`` (an inferred name) filters by the beginning of the name.

        Raises ValueError unless ``limit`` is 1-100, and when both cursors are given; ValidationError for an unknown
        cursor.
        """
        filters = Arguments()
        filters.text("name", name, empty=False)
        return self._page(
            _PATH,
            "lists",
            ProfileList.from_json,
            starting_after=starting_after,
            ending_before=ending_before,
            limit=limit,
            filters=filters,
        )

    def retrieve(self, id: str) -> ProfileList:
        """Return a list by ID or name (``retrieve_list``). Raises NotFound."""
        return self._call("GET", _list("id", id), ProfileList.from_json)

    def update(self, id: str, *, name: str) -> ProfileList:
        """Rename a list (``update_list``).

        Raises NotFound, ValidationError ``parameter_not_unique`` for a taken name.
        """
        return self._call("PATCH", _list("id", id), ProfileList.from_json, json=_body(name))

    def delete(self, id: str) -> Deleted:
        """Delete a list, by ID or name (``delete_list``). Raises NotFound."""
        return self._delete(_list("id", id), id=id)

    def add_profile(self, list: str, profile: str) -> Profile:
        """Put a profile on a list, given by ID or name (``add_profile_to_list``). Returns the profile.

        Raises NotFound for either of them.
        """
        return self._call("POST", _membership(list, profile), Profile.from_json)

    def remove_profile(self, list: str, profile: str) -> Profile:
        """Take a profile off a list, given by ID or name (``remove_profile_from_list``). Returns the profile.

        Raises NotFound for either of them.
        """
        return self._call("DELETE", _membership(list, profile), Profile.from_json)


def _list(name: str, id: str) -> str:
    return f"{_PATH}/{segment(name, id)}"


def _membership(list: str, profile: str) -> str:
    return f"{_list('list', list)}/profiles/{segment('profile', profile)}"


def _body(name: str) -> dict[str, str]:
    body = Arguments()
    body.text("name", name, empty=False)
    return body.values
