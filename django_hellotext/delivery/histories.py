"""What an account did under the profile that it has left: noted, so that a repair gives it to the present profile."""

from __future__ import annotations

from ..models import SUBSCRIPTION, Event, MissingObject, MissingTable, RemoteObject, State

MOST = 10_000  # events of one account


def note_history(row: RemoteObject) -> None:
    """Note the delivered events of the customer of ``row``, who has another profile now.

    Hellotext does not join profiles. ``hellotext_sync --repair`` finds these events there and changes their profile.
    """
    using = row._state.db or "default"
    events = Event.objects.using(using).filter(
        account=row.account, profile_label=row.host_label, profile_pk=row.host_pk, state=State.DELIVERED
    )
    delivered = list(events.exclude(destination=SUBSCRIPTION).order_by("-pk").values_list("pk", flat=True)[:MOST])
    noted = MissingObject.objects.using(using)
    known = set(
        noted.filter(identity=row.identity, table=MissingTable.EVENT, row__in=delivered).values_list("row", flat=True)
    )
    noted.bulk_create(
        MissingObject(identity=row.identity, table=MissingTable.EVENT, row=pk) for pk in delivered if pk not in known
    )
