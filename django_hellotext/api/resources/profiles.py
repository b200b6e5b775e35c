"""Profiles: people known to the business."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django_hellotext.api.arguments import Arguments, segment
from django_hellotext.api.pages import Page
from django_hellotext.api.types.people import Profile, ProfileCreated, ProfileUpdated, Verification
from django_hellotext.api.types.results import Deleted
from django_hellotext.api.types.values import UNSET, Address, Unset

from .base import DEFAULT_LIMIT, Resource

_PATH = "/v1/profiles"
_ORDERS = ("activity", "alphabetically", "created_at")


class Profiles(Resource):
    """Operations on profiles. Creating is not consent: a new profile is unconfirmed."""

    def create(
        self,
        *,
        first_name: str | Unset = UNSET,
        last_name: str | Unset = UNSET,
        email: str | Unset = UNSET,
        emails: Mapping[str, str] | Unset = UNSET,
        phone: str | Unset = UNSET,
        phones: Mapping[str, str] | Unset = UNSET,
        address: Address | Mapping[str, Any] | Unset = UNSET,
        addresses: Mapping[str, str] | Unset = UNSET,
        lists: Sequence[str] | Unset = UNSET,
        properties: Mapping[str, Any] | Unset = UNSET,
        properties_by_id: Mapping[str, Any] | Unset = UNSET,
        subscribe: bool | Unset = UNSET,
    ) -> ProfileCreated:
        """Create a profile, or match an existing one by e-mail or phone (``create_profile``).

        ``phone`` is E.164 or local to the business's country. ``emails``, ``phones``, ``addresses`` hold named values:
        ``{"work": ...}``. ``lists`` are list names; missing lists are made. ``properties`` are values by name (or by
        kind), ``properties_by_id`` by ID. ``subscribe`` is an inferred name and only right with recorded consent:
        prefer create, then :meth:`subscribe`.
        Answers with the ID alone. Raises ValueError when nothing is given (API reference: object_invalid).
        """
        body = _attributes(
            first_name, last_name, email, emails, phone, phones, addresses, lists, properties, properties_by_id
        )
        body.address("address", address)
        body.flag("subscribe", subscribe)
        return self._call("POST", _PATH, ProfileCreated.from_json, json=_something(body))

    def list(
        self,
        *,
        starting_after: str | Unset = UNSET,
        ending_before: str | Unset = UNSET,
        limit: int = DEFAULT_LIMIT,
        email: str | Unset = UNSET,
        first_name: str | Unset = UNSET,
        last_name: str | Unset = UNSET,
        order: str | Unset = UNSET,
        phone: str | Unset = UNSET,
        properties: Mapping[str, str] | Unset = UNSET,
    ) -> Page[Profile]:
        """Return a page of profiles, newest activity first (``list_profiles``).

        The filters and ``order`` (activity, alphabetically, created_at) are inferred names: the server may ignore
        them, so check what comes back. Activity can reorder pages while they are walked.
        Raises ValueError unless ``limit`` is 1-100, and when both cursors are given; ValidationError for an unknown
        cursor.
        """
        filters = Arguments()
        filters.text("email", email, empty=False)
        filters.text("first_name", first_name, empty=False)
        filters.text("last_name", last_name, empty=False)
        filters.choice("order", order, _ORDERS)
        filters.text("phone", phone, empty=False)
        filters.named("properties", "property", properties)
        return self._page(
            _PATH,
            "profiles",
            Profile.from_json,
            starting_after=starting_after,
            ending_before=ending_before,
            limit=limit,
            filters=filters,
        )

    def retrieve(self, id: str) -> Profile:
        """Return a profile (``retrieve_profile``). Raises NotFound."""
        return self._call("GET", _profile(id), Profile.from_json)

    def update(
        self,
        id: str,
        *,
        first_name: str | Unset = UNSET,
        last_name: str | Unset = UNSET,
        email: str | Unset = UNSET,
        emails: Mapping[str, str] | Unset = UNSET,
        phone: str | Unset = UNSET,
        phones: Mapping[str, str] | Unset = UNSET,
        address: Address | Mapping[str, Any] | str | Unset = UNSET,
        addresses: Mapping[str, str] | Unset = UNSET,
        lists: Sequence[str] | Unset = UNSET,
        properties: Mapping[str, Any] | Unset = UNSET,
        properties_by_id: Mapping[str, Any] | Unset = UNSET,
        new_default_address: Address | Mapping[str, Any] | Unset = UNSET,
        new_default_email: str | Unset = UNSET,
        new_default_phone: str | Unset = UNSET,
    ) -> ProfileUpdated:
        """Change a profile (``update_profile``). Arguments as in :meth:`create`.

        An empty text removes: ``email=""`` the default e-mail, ``phones={"work": ""}`` that phone, ``address=""`` the
        address; ``lists=[]`` leaves every list. ``new_default_*`` are inferred names.
        Raises ValueError when nothing is given.
        """
        body = _attributes(
            first_name, last_name, email, emails, phone, phones, addresses, lists, properties, properties_by_id
        )
        body.address("address", address, removable=True)
        body.address("new_default_address", new_default_address)
        body.text("new_default_email", new_default_email, empty=False)
        body.text("new_default_phone", new_default_phone, empty=False)
        return self._call("PATCH", _profile(id), ProfileUpdated.from_json, json=_something(body))

    def delete(self, id: str) -> Deleted:
        """Clear a profile (``delete_profile``): its properties go, its conversations stay. Raises NotFound."""
        return self._delete(_profile(id), id=id)

    def subscribe(self, id: str) -> Profile:
        """Subscribe to promotional messages (``subscribe_profile``). Only with recorded consent (demand A1).

        Raises NotFound.
        """
        return self._call("POST", f"{_profile(id)}/subscribe", Profile.from_json)

    def unsubscribe(self, id: str) -> Profile:
        """Unsubscribe from promotional messages (``unsubscribe_profile``). Raises NotFound."""
        return self._call("POST", f"{_profile(id)}/unsubscribe", Profile.from_json)

    def verify(self, id: str, *, email: str | Unset = UNSET, phone: str | Unset = UNSET) -> Verification:
        """Mark one e-mail or one phone as verified (``verify_profile``). Give exactly one of the two.

        Raises ValueError unless it is one, NotFound for the profile, ValidationError when the profile has no such
        contact.
        """
        return self._call("POST", f"{_profile(id)}/verify", Verification.from_json, json=_contact(email, phone))

    def unverify(self, id: str, *, email: str | Unset = UNSET, phone: str | Unset = UNSET) -> Verification:
        """Mark one e-mail or one phone as not verified (``unverify_profile``): a DELETE with a body.

        Give exactly one of the two. Some proxies drop the body of a DELETE; Hellotext then refuses.
        Raises as :meth:`verify`.
        """
        return self._call("DELETE", f"{_profile(id)}/verify", Verification.from_json, json=_contact(email, phone))


def _profile(id: str) -> str:
    return f"{_PATH}/{segment('id', id)}"


def _something(body: Arguments) -> dict[str, Any]:
    if not body.values:
        raise ValueError("Give at least one attribute, such as email or phone.")
    return body.values


def _contact(email: str | Unset, phone: str | Unset) -> dict[str, Any]:
    if (email is UNSET) == (phone is UNSET):
        raise ValueError("Give either email or phone.")
    body = Arguments()
    body.text("email", email, empty=False)
    body.text("phone", phone, empty=False)
    return body.values


def _attributes(
    first_name: str | Unset,
    last_name: str | Unset,
    email: str | Unset,
    emails: Mapping[str, str] | Unset,
    phone: str | Unset,
    phones: Mapping[str, str] | Unset,
    addresses: Mapping[str, str] | Unset,
    lists: Sequence[str] | Unset,
    properties: Mapping[str, Any] | Unset,
    properties_by_id: Mapping[str, Any] | Unset,
) -> Arguments:
    body = Arguments()
    body.text("first_name", first_name)
    body.text("last_name", last_name)
    body.text("email", email)
    body.named("emails", "email", emails)
    body.text("phone", phone)
    body.named("phones", "phone", phones)
    body.named("addresses", "address", addresses)
    body.texts("lists", lists)
    body.named("properties", "property", properties, text=False)
    body.named("properties_by_id", "property_by_id", properties_by_id, text=False)
    return body
