"""Events that were sent while their customer could not be: give them to the customer, once that one is at Hellotext.

Such an event went to a profile without contacts. It is found among the newest events by our UUID, and changed there.
"""

from __future__ import annotations

from ..api import HellotextClient
from ..exceptions import NotFound
from ..models import Event, MissingObject, MissingTable, RemoteObject, State
from .reconcile import newest_events

MOST = 10_000  # events of one run


def relink_events(client: HellotextClient, *, using: str) -> tuple[int, int]:
    """Return how many events were given to their customers, and how many Hellotext does not list any more.

    Raises ``ApiError`` when Hellotext cannot be asked.
    """
    rows = MissingObject.objects.using(using).filter(table=MissingTable.EVENT)
    waiting = dict(rows.order_by("-row").values_list("row", "identity")[:MOST])
    mirrors = RemoteObject.objects.using(using).identified(set(waiting.values())).exclude(remote_id="")
    profiles = dict(mirrors.values_list("identity", "remote_id"))
    events = Event.objects.using(using).filter(
        pk__in=[pk for pk, identity in waiting.items() if identity in profiles], state=State.DELIVERED
    )
    wanted = {str(event.uuid): event for event in events}
    if not wanted:
        return 0, 0
    found = newest_events(client, wanted)
    done = [wanted[uuid].pk for uuid, id in found.items() if _relink(client, id, profiles[waiting[wanted[uuid].pk]])]
    rows.filter(row__in=[event.pk for event in wanted.values()]).delete()
    return len(done), len(wanted) - len(done)


def _relink(client: HellotextClient, event_id: str, profile_id: str) -> bool:
    try:
        client.events.update(event_id, profile=profile_id)
    except NotFound:
        return False
    return True
