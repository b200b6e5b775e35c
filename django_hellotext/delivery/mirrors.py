"""Mirror rows and the host objects behind them, loaded many at a time."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction

from ..adapters import Link, registry
from ..adapters.placeholders import PLACEHOLDERS, Placeholder
from ..adapters.session_cart import SESSION_CARTS, SessionCart
from ..adapters.unknown_customer import UNKNOWN_CUSTOMERS, UnknownCustomer
from ..api.types import encode_json
from ..conf import hellotext_settings
from ..intake.backfill import read_objects
from ..models import Kind, RemoteObject
from ..models.deliverable import error_fields
from ..models.identity import ordering_key
from ..models.objects import identity_of
from ..savepoints import HostCode, raise_if_lost
from .amounts import adapter_fault

logger = logging.getLogger("django_hellotext.delivery")


def identity_for(link: Link, account: str) -> str:
    """The fingerprint under which ``link`` is mirrored for ``account``."""
    return identity_of(account, link.kind, link.label, link.pk)


def link_of(mirror: RemoteObject) -> Link:
    """The link that names the host object of ``mirror``."""
    title = mirror.seen.get("title", "") if mirror.host_label == PLACEHOLDERS else ""
    return Link(kind=mirror.kind, label=mirror.host_label, pk=mirror.host_pk, title=title)


def new_mirror(link: Link, *, lane: int) -> RemoteObject:
    """An unsaved mirror row that waits to be sent for the first time."""
    account = hellotext_settings.account
    identity = identity_for(link, account)
    return RemoteObject(
        account=account,
        lane=lane,
        identity=identity,
        ordering_key=ordering_key(label=f"{link.kind}:{link.label}", pk=link.pk),
        kind=link.kind,
        host_label=link.label,
        host_pk=link.pk,
        source=hellotext_settings.SOURCE,
        seen={"title": link.title} if link.title else {},
    )


def mirrors_for(links: Iterable[Link], *, account: str, lane: int, using: str) -> dict[Link, RemoteObject]:
    """The mirror of each link; those that are missing are made, to be sent like any other row."""
    by_identity = {identity_for(link, account): link for link in links}
    rows = RemoteObject.objects.using(using)
    found = {by_identity[row.identity]: row for row in rows.identified(by_identity)}
    for link in by_identity.values():
        if link not in found:
            found[link] = _make(link, lane=lane, using=using)
    return found


def _make(link: Link, *, lane: int, using: str) -> RemoteObject:
    mirror = new_mirror(link, lane=lane)
    try:
        with transaction.atomic(using=using):
            mirror.save(using=using, force_insert=True)
    except IntegrityError:
        # Another worker was faster.
        faster: RemoteObject = RemoteObject.objects.using(using).get(identity=mirror.identity)
        return faster
    return mirror


class Hosts(dict[Link, models.Model]):
    """Host objects by link. ``errors``, by model label, say why none of a model could be read."""

    def __init__(self, using: str) -> None:
        super().__init__()
        self.using = using
        self.errors: dict[str, Exception] = {}

    def fault_of(self, link: Link) -> dict[str, Any] | None:
        """Return the error of a row about ``link`` whose object could not be read."""
        error, adapter = self.errors.get(link.label), registry.for_label(link.label)
        return adapter_fault(adapter, error, using=self.using) if error is not None and adapter is not None else None


def hosts_of(links: Iterable[Link], *, using: str) -> Hosts:
    """Return the host objects behind ``links``, with a constant number of queries for each model.

    If the objects of a model cannot be read, those of the others are returned. Raises ``OperationalError`` if the
    connection to the database is lost.
    """
    by_label: dict[str, list[Link]] = defaultdict(list)
    for link in links:
        by_label[link.label].append(link)
    found = Hosts(using)
    for label, wanted in by_label.items():
        adapter = registry.for_label(label)
        if adapter is None:
            continue
        if label == SESSION_CARTS:
            found.update(_session_carts(wanted, using=using))
            continue
        if label == UNKNOWN_CUSTOMERS:
            found.update({link: UnknownCustomer(link.pk) for link in wanted})  # type: ignore[misc]  # no model
            continue
        if label == PLACEHOLDERS:
            named = {link: link.title or link.pk.partition(":")[2] for link in wanted}
            found.update({link: Placeholder(link.pk, title) for link, title in named.items()})  # type: ignore[misc]
            continue
        keys = list(_keys(adapter.model, wanted))
        try:
            with HostCode(using):
                hosts = read_objects(adapter, lambda rows, keys=keys: rows.in_bulk(keys), using=using)  # type: ignore[misc]  # bound
        except Exception as error:
            raise_if_lost(error, using)
            logger.warning("adapter.failed", extra={"adapter": type(adapter).__name__, "error": type(error).__name__})
            found.errors[label] = error.with_traceback(None)
            continue
        by_text = {str(host.pk): host for host in hosts.values()}
        found.update({link: by_text[link.pk] for link in wanted if link.pk in by_text})
    return found


def _session_carts(links: Iterable[Link], *, using: str) -> dict[Link, Any]:
    """Carts that no table of the host holds, as they were told."""
    wanted = {identity_for(link, hellotext_settings.account): link for link in links}
    carts = {row.identity: session_cart(row) for row in RemoteObject.objects.using(using).identified(wanted)}
    return {wanted[identity]: cart for identity, cart in carts.items() if cart is not None}


def session_cart(mirror: RemoteObject) -> SessionCart | None:
    """The cart of the Django session that ``mirror`` has been told; ``None`` before that."""
    content = mirror.seen.get("content")
    return SessionCart(pk=mirror.host_pk, content=content) if content else None


def _keys(model: type[models.Model], links: Iterable[Link]) -> Iterable[Any]:
    """The primary keys named by ``links`` in the model's own type; a text that is none names nothing."""
    for link in links:
        try:
            yield model._meta.pk.to_python(link.pk)
        except ValidationError:
            continue


def holder_of(row: RemoteObject, remote_id: str, *, using: str) -> RemoteObject | None:
    """Another mirror that holds ``remote_id``. A profile may be one for two: a guest and, later, the customer."""
    if row.kind == Kind.PROFILE:
        return None
    rows = RemoteObject.objects.using(using).filter(account=row.account, kind=row.kind, remote_id=remote_id)
    found: RemoteObject | None = rows.exclude(pk=row.pk).first()
    return found


def shared_with(holder: RemoteObject) -> dict[str, Any]:
    """The error of a row whose remote object is that of ``holder``."""
    message = (
        f"At Hellotext this is the {holder.kind} of {holder.host_label} {holder.host_pk}: two objects of the shop "
        "share what must be unique, such as a SKU or a code."
    )
    return error_fields(type="object_shared", parameter="", message=message)


def payload_hash(payload: Mapping[str, Any]) -> str:
    """SHA-256 of ``payload`` with its links as links: what Hellotext has is compared by this."""
    return hashlib.sha256(encode_json(plain(payload))).hexdigest()


def as_sent(payload: Mapping[str, Any]) -> dict[str, Any]:
    """``payload`` as plain JSON for people: numbers as text, a link as ``product shop.book 7``."""
    made: dict[str, Any] = json.loads(encode_json(_readable(payload)), parse_float=str)
    return made


@dataclass(frozen=True)
class Unsent:
    """A value that Hellotext has already, and that an update leaves as it is. It holds nothing but its ``trace``."""

    trace: str

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0


def traces_of(row: RemoteObject, payload: Mapping[str, Any]) -> dict[str, str]:
    """A fingerprint of each value of ``payload``, to tell later which of them differ; another for each object."""
    return {
        name: value.trace
        if isinstance(value, Unsent)
        else hashlib.sha256(row.identity.encode() + encode_json([name, plain(value)])).hexdigest()[:16]
        for name, value in payload.items()
    }


def _readable(value: Any) -> Any:
    if isinstance(value, Link):
        return f"{value.kind} {value.label} {value.pk}"
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _readable(value[key]) for key in value}
    if isinstance(value, list | tuple):
        return [_readable(entry) for entry in value]
    return value


def plain(value: Any) -> Any:
    """``value`` with its links as lists, and its keys in order."""
    if isinstance(value, Link):
        return ["link", value.kind, value.label, value.pk]
    if isinstance(value, Mapping):
        return {key: plain(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    return value
