"""Subscribe and unsubscribe at Hellotext, and never subscribe who has opted out (demand A1, promise 9).

Both set a state, so that repeating one does no harm.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from ..api import HellotextClient
from ..models import EVIDENCE_KEY, SUBSCRIBE, SUBSCRIPTION, UNSUBSCRIBE, Event, Kind, RemoteObject, SkipReason, State
from .send import Call, Sent

SUBSCRIBED = "subscribed"
UNSUBSCRIBED = "unsubscribed"


@dataclass(frozen=True)
class OptOut:
    """The last opt-out that we know of. ``is_last_word``: nothing has subscribed the customer since."""

    at: datetime
    is_last_word: bool


def last_opt_out(event: Event, profile_id: str, *, using: str) -> OptOut | None:
    """The last opt-out of the customer of ``event``, as far as we know; ``None`` when there is none.

    Our own rows say it, sent or not, of whichever host object is this profile; so does a subscription that was not
    sent because Hellotext named an opt-out: it counts as of the moment that it was seen.
    """
    whose = Q(profile_label=event.profile_label, profile_pk=event.profile_pk)
    mirrors = RemoteObject.objects.using(using).filter(account=event.account, kind=Kind.PROFILE, remote_id=profile_id)
    for label, pk in mirrors.values_list("host_label", "host_pk"):
        whose |= Q(profile_label=label, profile_pk=pk)
    rows = Event.objects.using(using).filter(whose, account=event.account, destination=SUBSCRIPTION)
    said = rows.filter(action=UNSUBSCRIBE).exclude(state=State.SKIPPED)
    seen = rows.filter(action=SUBSCRIBE, state=State.SKIPPED, skip_reason=SkipReason.OPTED_OUT)
    newest = [
        said.order_by("-tracked_at").values_list("tracked_at", flat=True).first(),
        seen.order_by("-finished_at").values_list("finished_at", flat=True).first(),
    ]
    at = max((moment for moment in newest if moment is not None), default=None)
    if at is None:
        return None
    since = rows.filter(action=SUBSCRIBE, state=State.DELIVERED, tracked_at__gt=at)
    return OptOut(at=at, is_last_word=not since.exists())


def is_renewed(event: Event) -> bool:
    """Whether the customer asked for it although they knew that they had opted out."""
    return (event.metadata.get(EVIDENCE_KEY) or {}).get("renewed") is True


def subscribe_call(profile_id: str, *, overrules: bool) -> Call:
    """Look, then subscribe. ``overrules``: the evidence is newer than the opt-out that Hellotext may name."""

    def call(client: HellotextClient) -> Sent:
        state = client.profiles.retrieve(profile_id).state
        if state == UNSUBSCRIBED and not overrules:
            return Sent(opted_out=True)
        if state != SUBSCRIBED:
            client.profiles.subscribe(profile_id)
        return Sent()

    return call


def unsubscribe_call(profile_id: str) -> Call:
    """Unsubscribe, whatever the state is: who opts out is out."""

    def call(client: HellotextClient) -> Sent:
        client.profiles.unsubscribe(profile_id)
        return Sent()

    return call
