"""Search by what an operator has at hand: an order number, a key, a session, a Hellotext ID.

Only equality on indexed columns: a table of a million rows answers at once (demand J1).
"""

from __future__ import annotations

import uuid

from django.db.models import Q

from django_hellotext.adapters import registry
from django_hellotext.models import RemoteObject
from django_hellotext.models.identity import ordering_key

MOST_MEANT = 20  # mirrored objects that one search term may stand for


def events_about(term: str, *, using: str) -> Q:
    """Events whose object, customer, session or UUID ``term`` names; an object also by its reference."""
    labels = [adapter.label for adapter in registry.all()]
    found = Q(object_label__in=labels, object_pk=term) | Q(profile_label__in=labels, profile_pk=term)
    found |= Q(ordering_key=ordering_key(session=term))
    meant = RemoteObject.objects.using(using).filter(Q(reference=term) | Q(remote_id=term))
    for label, pk in meant.values_list("host_label", "host_pk")[:MOST_MEANT]:
        found |= Q(object_label=label, object_pk=pk) | Q(profile_label=label, profile_pk=pk)
    try:
        return found | Q(uuid=uuid.UUID(term))
    except ValueError:
        return found


def objects_named(term: str) -> Q:
    """Mirrored objects with this reference, Hellotext ID or key in the shop."""
    labels = [adapter.label for adapter in registry.all()]
    return Q(reference=term) | Q(remote_id=term) | Q(host_label__in=labels, host_pk=term)
