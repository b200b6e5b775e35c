"""Which local people are one profile at Hellotext (demand A10).

Hellotext joins by e-mail and phone. A guest and an account may be the same person, and so may be one profile. Two
accounts are two people: that they share a profile is reported, and nothing of one is sent as the other's.
"""

from __future__ import annotations

from ..adapters import registry
from ..models import Kind, RemoteObject, State

SHARED = "profile_shared"


def is_account(row: RemoteObject) -> bool:
    """Whether ``row`` mirrors a customer, rather than the guest of an order or a cart."""
    adapter = registry.for_label(row.host_label)
    return row.kind == Kind.PROFILE and adapter is not None and adapter.kind == Kind.PROFILE


def other_account(row: RemoteObject, remote_id: str, *, using: str) -> RemoteObject | None:
    """The other customer who already is the profile that ``row`` has been given, if there is one.

    Costs a query for a profile that is new to the row, nothing for any other.
    """
    is_known = row.synced_version > 0 and row.remote_id == remote_id
    if row.kind != Kind.PROFILE or not remote_id or is_known or not is_account(row):
        return None
    rows = RemoteObject.objects.using(using).filter(account=row.account, kind=Kind.PROFILE, remote_id=remote_id)
    others = rows.exclude(pk=row.pk).exclude(state=State.DELETED).order_by("pk")
    return next((other for other in others if is_account(other)), None)


def shared_message(other: RemoteObject) -> str:
    """What the second account's row says. Names the first without saying anything about them."""
    return (
        f"Hellotext takes this customer for the one of {other.host_label} {other.host_pk}: they share an e-mail or a "
        "phone. They are not merged, and nothing of this one is sent. Correct the e-mail or phone, then send again."
    )
