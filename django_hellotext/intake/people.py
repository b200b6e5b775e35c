"""Who a person is in this shop: every customer, order and cart under one name, and our rows about them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import FieldError
from django.db import models
from django.db.models import Q

from ..adapters import Adapter, Guest, IfPresent, Link, OrderAdapter, RefundAdapter, contacts, registry
from ..adapters.session_cart import SESSION_CARTS
from ..adapters.unknown_customer import unknown_customer
from ..conf import hellotext_settings
from ..models import Change, Event, Kind, RemoteObject, Session
from ..models.changes import ChangeQuerySet
from .subjects import OWNED, link_to

logger = logging.getLogger("django_hellotext.intake")

EMAIL, PHONE = "email", "phone"


@dataclass(kw_only=True)
class Person:
    """One person on one database.

    ``links``: the profiles that they are, as accounts and as guests. ``objects``: their carts, orders and refunds.
    ``addresses``: kind and value of what they are found by. ``unsearched``: adapters that could not be searched by
    e-mail, because they read it with a method or a callable.
    """

    using: str
    account: str
    links: set[Link] = field(default_factory=set)
    objects: set[Link] = field(default_factory=set)
    addresses: set[tuple[str, str]] = field(default_factory=set)
    unsearched: set[str] = field(default_factory=set)

    @property
    def emails(self) -> list[str]:
        """Their e-mails, in order."""
        return sorted(value for kind, value in self.addresses if kind == EMAIL)

    @property
    def has_account(self) -> bool:
        """Whether one of the profiles is an account's."""
        return any(map(_is_account, self.links))

    def mirrors(self) -> models.QuerySet[RemoteObject]:
        """Their profiles, and those that stand in for them while theirs cannot be sent."""
        return self._mirrors(self.links | {unknown_customer(link) for link in self.links | self.objects})

    def belongings(self) -> models.QuerySet[RemoteObject]:
        """Their carts, orders and refunds."""
        return self._mirrors(self.objects)

    def events(self) -> models.QuerySet[Event]:
        """What was recorded of them: under their name, about their carts and orders, or in a session of theirs."""
        wanted = Q(pk__in=[])
        for link in self.links:
            wanted |= Q(profile_label=link.label, profile_pk=link.pk)
        for link in self.objects:
            wanted |= Q(object_label=link.label, object_pk=link.pk)
        browsers = self.browsers()
        if browsers:
            wanted |= Q(session__in=browsers, profile_label="")
        return Event.objects.using(self.using).filter(wanted, account=self.account)

    def browsers(self) -> set[str]:
        """The sessions of their browsers, as they stand in any row of theirs."""
        found = set(self.sessions().values_list("session", flat=True))
        return found | set(self.belongings().exclude(session="").values_list("session", flat=True))

    def sessions(self) -> models.QuerySet[Session]:
        """Their browsers."""
        wanted = Q(pk__in=[])
        for link in self.links:
            wanted |= Q(profile_label=link.label, profile_pk=link.pk)
        return Session.objects.using(self.using).filter(wanted, account=self.account)

    def changes(self) -> ChangeQuerySet:
        """Unfolded changes of theirs."""
        wanted = Q(pk__in=[])
        for link in self.links | self.objects:
            wanted |= Q(object_label=link.label, object_pk=link.pk)
        return Change.objects.using(self.using).filter(wanted, account=self.account)

    def _mirrors(self, links: set[Link]) -> models.QuerySet[RemoteObject]:
        wanted = Q(pk__in=[])
        for link in links:
            wanted |= Q(kind=link.kind, host_label=link.label, host_pk=link.pk)
        rows: models.QuerySet[RemoteObject] = RemoteObject.objects.using(self.using).filter(
            wanted, account=self.account
        )
        return rows


def find(who: models.Model | str, *, using: str) -> Person:
    """The person named by a customer, by an order or cart of a guest, or by an e-mail.

    An object stands for its person alone: what they have only claimed, such as the e-mail of a guest, or of an account
    that was never confirmed, leads to no account of somebody else. An e-mail names everybody who says it is theirs.

    Raises ``ValueError`` for a text that is no e-mail, ``TypeError`` for an object without an adapter, or anything
    else.
    """
    person = Person(using=using, account=hellotext_settings.account)
    if isinstance(who, str):
        if "@" not in who:
            # The empty one above all: every customer without an e-mail has it.
            raise ValueError("Expected an e-mail; name whoever has none by their customer, order or cart.")
        person.addresses.add((EMAIL, who.strip()))
    elif isinstance(who, models.Model):
        _add_object(person, who)
    else:
        raise TypeError(f"Expected a customer, an order or an e-mail, not {type(who).__name__}.")
    is_guest = isinstance(who, models.Model) and not person.has_account
    for adapter in registry.all():
        # The e-mail of a guest's order may be anybody's: it leads to other guests, and to no account.
        if not (is_guest and adapter.kind == Kind.PROFILE):
            _search(person, adapter, claims=isinstance(who, str))
    _add_twins(person)
    for adapter in registry.all():
        _add_belongings(person, adapter)
    _add_carts(person)
    for adapter in registry.all():
        _add_refunds(person, adapter)
    return person


def _add_object(person: Person, who: models.Model) -> None:
    adapter = registry.for_model(who.__class__)
    if adapter is None:
        raise TypeError(f"No adapter is registered for {type(who).__name__}.")
    link = link_to(who, adapter) if adapter.kind == Kind.PROFILE else adapter.profile_link(who)
    if link is None:
        return
    person.links.add(link)
    if adapter.kind == Kind.PROFILE:
        person.addresses.update(_addresses(adapter, who))
    elif link.label == adapter.label:
        person.objects.add(link_to(who, adapter))
        person.addresses.update(contacts.addresses_of(adapter.guest_payload(who) or {}))
    elif (owner := registry.for_label(link.label)) is not None:
        for customer in _hosts(person, owner, pk=link.pk):
            person.addresses.update(_addresses(owner, customer))


def _addresses(adapter: Adapter, customer: models.Model) -> list[tuple[str, str]]:
    """The e-mails and phones of an account as they are sent: those that are certainly theirs."""
    try:
        return contacts.addresses_of(adapter.payload(customer))
    except Exception as error:
        # The host's own code. Whoever's profile cannot be made can be forgotten all the same.
        logger.warning("adapter.failed", extra={"adapter": type(adapter).__name__, "error": type(error).__name__})
        named = {name: adapter.shaped(customer, name) for name in (EMAIL, PHONE)}
        region = adapter.shaped(customer, contacts.REGION)
        return contacts.addresses_of(
            contacts.usable(named, region=region, customer=customer, where=adapter.where(EMAIL))
        )


def _search(person: Person, adapter: Adapter, *, claims: bool) -> None:
    """Add whom ``adapter`` knows under an e-mail of ``person``. A phone is shared too often to be searched by.

    With ``claims`` also the accounts of which nobody knows that the e-mail is theirs.
    """
    is_account = adapter.kind == Kind.PROFILE
    if not person.emails or not (is_account or adapter.kind in OWNED):
        return
    declared = adapter.spec("email" if is_account else "guest")
    getter = adapter.getter("email" if is_account else "guest")
    path = _path(declared.email if isinstance(declared, Guest) else declared)
    if declared is None and getter is None:
        return
    if path is None or getter is not None:
        person.unsearched.add(adapter.model._meta.label)
        return
    if isinstance(declared, IfPresent) and not adapter.has(declared):
        return
    for email in person.emails:
        for obj in _hosts(person, adapter, **{f"{path}__iexact": email}):
            _add_found(person, adapter, obj, claims=claims)


def _add_found(person: Person, adapter: Adapter, obj: models.Model, *, claims: bool) -> None:
    link = link_to(obj, adapter)
    if adapter.kind == Kind.PROFILE:
        found = _addresses(adapter, obj)
        known = {email.casefold() for email in person.emails}
        if claims or any(kind == EMAIL and value.casefold() in known for kind, value in found):
            person.links.add(link)
            person.addresses.update(found)
        return
    owner = adapter.profile_link(obj)
    # An order of an account with this contact e-mail is that account's, whoever it is.
    if owner is not None and owner.label == link.label and owner.pk == link.pk:
        person.links.add(owner)
        person.objects.add(link)


def _add_twins(person: Person) -> None:
    """Guests that Hellotext has joined with this person; never the account whose e-mail a guest has only typed."""
    ids = set(person.mirrors().filter(attributed=False).exclude(remote_id="").values_list("remote_id", flat=True))
    twins = RemoteObject.objects.using(person.using).filter(
        account=person.account, kind=Kind.PROFILE, remote_id__in=ids
    )
    links = {Link(row.kind, row.host_label, row.host_pk) for row in twins}
    person.links.update(links if person.has_account else {link for link in links if not _is_account(link)})


def _is_account(link: Link) -> bool:
    adapter = registry.for_label(link.label)
    return adapter is not None and adapter.kind == Kind.PROFILE


def accounts_of_others(person: Person) -> set[Link]:
    """The accounts that certainly have an e-mail of ``person``, who has none."""
    other = Person(using=person.using, account=person.account, addresses=set(person.addresses))
    for adapter in registry.all():
        if adapter.kind == Kind.PROFILE:
            _search(other, adapter, claims=False)
    return other.links - person.links


def _add_belongings(person: Person, adapter: Adapter) -> None:
    """The carts and orders of the accounts, and of the guests, who are each an order or cart themselves."""
    if adapter.kind not in OWNED:
        return
    person.objects.update(
        Link(adapter.kind, link.label, link.pk) for link in person.links if link.label == adapter.label
    )
    path = _path(adapter.spec("profile")) if adapter.getter("profile") is None else None
    if path is None:
        return
    for link in list(person.links):
        other = registry.for_label(link.label)
        if other is not None and other.kind == Kind.PROFILE:
            for obj in _hosts(person, adapter, **{path: link.pk}):
                person.objects.add(link_to(obj, adapter))


def _add_carts(person: Person) -> None:
    """The carts that their orders were made of, and those of their browsers, unless they are somebody else's."""
    found: set[Link] = set()
    for link in person.objects:
        adapter = registry.for_label(link.label)
        if isinstance(adapter, OrderAdapter):
            found.update(filter(None, map(adapter.cart_link, _hosts(person, adapter, pk=link.pk))))
    rows = RemoteObject.objects.using(person.using).filter(
        account=person.account, kind=Kind.CART, session__in=person.browsers()
    )
    found.update(Link(row.kind, row.host_label, row.host_pk) for row in rows)
    person.objects.update(link for link in found - person.objects if _is_theirs(person, link))


def _is_theirs(person: Person, cart: Link) -> bool:
    adapter = registry.for_label(cart.label)
    if adapter is None or cart.label == SESSION_CARTS:
        return True
    owners = {adapter.profile_link(obj) for obj in _hosts(person, adapter, pk=cart.pk)}
    return owners <= {None, *person.links}


def _add_refunds(person: Person, adapter: Adapter) -> None:
    """The refunds of their orders."""
    path = _path(adapter.spec("order")) if adapter.getter("order") is None else None
    if not isinstance(adapter, RefundAdapter) or path is None:
        return
    for link in [link for link in person.objects if link.kind == Kind.ORDER]:
        person.objects.update(link_to(obj, adapter) for obj in _hosts(person, adapter, **{path: link.pk}))


def _hosts(person: Person, adapter: Adapter, **wanted: Any) -> Iterator[models.Model]:
    try:
        yield from adapter.queryset(adapter.model._base_manager.using(person.using).filter(**wanted))
    except (FieldError, ValueError):
        # The path leads over a property or a method, or to another kind of key.
        person.unsearched.add(adapter.model._meta.label)


def _path(spec: Any) -> str | None:
    path = spec.path if isinstance(spec, IfPresent) else spec
    return path.replace(".", "__") if isinstance(path, str) else None
