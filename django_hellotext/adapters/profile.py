"""Customers."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model, QuerySet

from .base import Adapter, Lookup, M
from .fields import IfPresent, Shape, Spec
from .verification import ALLAUTH_EMAILS, knows_emails


class ProfileAdapter(Adapter):
    """Mirrors customers as profiles.

    ``first_name``, ``last_name``, ``email``: text; by default the model's fields of these names, where it has them.
    ``phone``: sent as E.164; a local one belongs to the country ``phone_region`` (ISO 3166 alpha-2), else to that of
    the address, else to ``HELLOTEXT["PHONE_REGION"]``, and is left out where none of them is known. ``address``: a
    mapping with ``street`` (text, or ``name`` and ``number``), ``city``, ``postal_code``, ``region``, ``subregion``,
    ``country`` (a code, a name or an object with a code), ``notes``, ``latitude``, ``longitude``; or an
    ``api.types.Address``; or a text. ``emails``, ``phones``, ``addresses``: further ones, by name (``{"work": …}``).
    ``lists``: names of lists; membership is not consent. ``properties``: values by the property's name, dates as such;
    ``properties_by_id``: by its ID.

    ``keeps_former``: those of ``email``, ``phone`` and ``address`` of which Hellotext keeps the former value when the
    shop's changes: the new one becomes the default there, and the other stays beside it. By default the new one takes
    its place. What the shop empties is taken away either way.

    E-mails and phones that the customer has only claimed are left out until they are verified, see
    ``HELLOTEXT["VERIFIED"]``. A profile carries no reference and no source, and never a subscription state (promise 9,
    demand A1). Deleting the customer clears the profile (``on_delete``): its values go, its conversations stay.
    """

    kind = "profile"
    attributes: ClassVar = {
        "reference": Shape.TEXT,
        "first_name": Shape.TEXT,
        "last_name": Shape.TEXT,
        "email": Shape.TEXT,
        "phone": Shape.TEXT,
        "address": Shape.MAPPING,
        "emails": Shape.MAPPING,
        "phones": Shape.MAPPING,
        "addresses": Shape.MAPPING,
        "lists": Shape.NAMES,
        "properties": Shape.MAPPING,
        "properties_by_id": Shape.MAPPING,
        "phone_region": Shape.TEXT,
    }
    sent = tuple(name for name in attributes if name not in ("reference", "phone_region"))
    sends_reference = False
    natural_key = ""
    on_delete = "clear"

    first_name: Spec = IfPresent("first_name")
    last_name: Spec = IfPresent("last_name")
    email: Spec = IfPresent("email")
    phone: Spec = None
    address: Spec = None
    emails: Spec = None
    phones: Spec = None
    addresses: Spec = None
    lists: Spec = None
    properties: Spec = None
    properties_by_id: Spec = None
    keeps_former: tuple[str, ...] = ()
    phone_region: Spec = None

    def queryset(self, queryset: QuerySet[M]) -> QuerySet[M]:
        """See ``Adapter.queryset``; with django-allauth, its addresses come along."""
        prepared = super().queryset(queryset)
        return prepared.prefetch_related(ALLAUTH_EMAILS) if knows_emails(self.model) else prepared


class UserProfileAdapter(ProfileAdapter):
    """The default adapter of ``AUTH_USER_MODEL``: leaves out staff, superusers and inactive users.

    The e-mail is read from the model's ``EMAIL_FIELD``. Registered by itself when the project registers no
    profile adapter.
    """

    watches = ("is_active", "is_staff", "is_superuser")

    def __init__(self, model: type[Model], *, registry: Lookup | None = None) -> None:
        super().__init__(model, registry=registry)
        named = getattr(model, "get_email_field_name", None)
        if named is None or self.spec("email") is not ProfileAdapter.email:
            return
        try:
            model._meta.get_field(named())
        except FieldDoesNotExist:
            return
        self.email = IfPresent(named())

    def should_sync(self, obj: Any) -> bool:
        """Whether ``obj`` is an active user who is neither staff nor superuser."""
        staff = getattr(obj, "is_staff", False) or getattr(obj, "is_superuser", False)
        return not staff and bool(getattr(obj, "is_active", True))
