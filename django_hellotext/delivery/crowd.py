"""How many drains are at work on a database, for tasks that share the project's workers."""

from __future__ import annotations

from ..conf import hellotext_settings
from ..models import Event, RemoteObject, Session, State
from ..models.deliverable import LEASE_IS_OVER


def drains_at_work(using: str) -> int:
    """How many drains hold rows of the account in hand: each has a token of its own.

    One that was killed counts until its lease is over.
    """
    tokens: set[str] = set()
    for model in (Event, RemoteObject, Session):
        held = model.objects.using(using).filter(
            ~LEASE_IS_OVER, account=hellotext_settings.account, state=State.SENDING
        )
        tokens.update(held.order_by().values_list("token", flat=True).distinct())
    return len(tokens)
