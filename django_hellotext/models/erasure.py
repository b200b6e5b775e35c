"""Tombstones: what is kept of a person who was erased, so that the next sync does not make them anew (demand I3).

A keyed hash of the address, never the address. Without ``SECRET_KEY`` nobody can find out whose it was.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.utils.crypto import salted_hmac

from .. import clock
from ..emails import canonical
from .identity import ordering_key
from .objects import Kind, RemoteObject, identity_of
from .states import Removal, SkipReason, State

LABEL = "hellotext.erased"
FORMER_LABEL = "hellotext.former"
_SALT = "django_hellotext.erased"


def hashes_of(kind: str, address: str) -> list[str]:
    """The keyed hashes of an e-mail or phone: under today's ``SECRET_KEY`` first, then under its fallbacks."""
    plain = f"{kind}:{canonical(address)}"
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [salted_hmac(_SALT, plain, secret=key, algorithm="sha256").hexdigest() for key in keys]


def tombstone(account: str, kind: str, address: str) -> RemoteObject:
    """An unsaved row that says that ``address`` belongs to somebody who was erased."""
    return erased_mirror(account, LABEL, hashes_of(kind, address)[0])


def erased_mirror(account: str, label: str, pk: str) -> RemoteObject:
    """An unsaved mirror of a host object whose customer was erased before they were mirrored."""
    return RemoteObject(
        account=account,
        identity=identity_of(account, Kind.PROFILE, label, pk),
        ordering_key=ordering_key(label=f"{Kind.PROFILE}:{label}", pk=pk),
        kind=Kind.PROFILE,
        host_label=label,
        host_pk=pk,
        source="",
        state=State.DELETED,
        skip_reason=SkipReason.ERASED,
        tombstone_at=clock.now(),
    )


def former_profile(account: str, remote_id: str) -> RemoteObject:
    """An unsaved row that has a profile cleared which an erased customer had before the present one."""
    row = erased_mirror(account, FORMER_LABEL, remote_id)
    row.remote_id, row.removal, row.state = remote_id, Removal.CLEAR, State.PENDING
    return row


def erased(account: str, addresses: Iterable[tuple[str, str]], *, using: str) -> set[tuple[str, str]]:
    """Those of ``addresses``, pairs of kind and address, whose owner was erased; one query for all of them."""
    by_identity = {
        identity_of(account, Kind.PROFILE, LABEL, name): address
        for address in addresses
        for name in hashes_of(*address)
    }
    if not by_identity:
        return set()
    rows = RemoteObject.objects.using(using).identified(by_identity)
    return {by_identity[identity] for identity in rows.values_list("identity", flat=True)}


def lift(account: str, kind: str, address: str, *, using: str) -> int:
    """Take the tombstones of ``address`` away; answers how many there were."""
    identities = [identity_of(account, Kind.PROFILE, LABEL, name) for name in hashes_of(kind, address)]
    count: int = RemoteObject.objects.using(using).identified(identities).delete()[0]
    return count
