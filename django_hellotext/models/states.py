"""The states of a row on its way to Hellotext, and the one table of allowed moves."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from django.db import models
from django.utils.translation import gettext_lazy as _


class State(models.TextChoices):
    CHANGE = "change", _("change to process")
    TOUCH = "touch", _("change of the object alone")
    PENDING = "pending", _("waiting")
    SENDING = "sending", _("being sent")
    SYNCED = "synced", _("in step")
    DELIVERED = "delivered", _("delivered")
    UNCERTAIN = "uncertain", _("sent, no answer")
    FAILED = "failed", _("refused")
    SKIPPED = "skipped", _("not sent")
    DELETED = "deleted", _("deleted")


# The states of a ``Change``: a row of the event table that is no event yet. Its fold replaces it.
CHANGES = (State.CHANGE, State.TOUCH)


class Lane(models.IntegerChoices):
    """Live rows go before back-fill (demand D3)."""

    LIVE = 0, _("live")
    BACKFILL = 1, _("back-fill")


class Removal(models.TextChoices):
    """What becomes of the remote object of one that was deleted in the shop."""

    KEEP = "keep"
    DELETE = "delete"
    CLEAR = "clear"


class SkipReason(models.TextChoices):
    CONSENT = "consent", _("consent was refused")
    PERSON = "person", _("a person skipped it")
    SUPERSEDED = "superseded", _("overtaken by a later fact")
    UNKNOWN = "unknown", _("its outcome could not be found out")
    NOT_SYNCABLE = "not_syncable", _("its adapter's should_sync() says no")
    ANONYMOUS = "anonymous", _("neither a profile nor a session is known")
    OPTED_OUT = "opted_out", _("the customer has opted out")
    ERASED = "erased", _("the customer's data was erased")
    ATTRIBUTED = "attributed", _("the profile belongs to another account with this e-mail")
    UNREGISTERED = "unregistered", _("no adapter is registered for its model")


MOVES: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        State.CHANGE: frozenset({State.PENDING, State.FAILED}),
        State.TOUCH: frozenset({State.PENDING, State.FAILED}),
        State.PENDING: frozenset({State.SENDING, State.SKIPPED, State.FAILED, State.DELETED}),
        State.SENDING: frozenset(
            {
                State.PENDING,
                State.SYNCED,
                State.DELIVERED,
                State.UNCERTAIN,
                State.FAILED,
                State.SKIPPED,
                State.DELETED,
            }
        ),
        State.UNCERTAIN: frozenset({State.PENDING, State.SYNCED, State.DELIVERED, State.FAILED, State.SKIPPED}),
        # ``uncertain``: what may have arrived is looked for before it is sent again.
        State.FAILED: frozenset({State.PENDING, State.UNCERTAIN, State.SKIPPED, State.DELETED}),
        State.SKIPPED: frozenset({State.PENDING, State.DELETED}),
        State.SYNCED: frozenset({State.PENDING, State.DELETED, State.FAILED}),
        State.DELIVERED: frozenset(),
        State.DELETED: frozenset({State.PENDING}),
    }
)


def sources_of(target: State) -> frozenset[State]:
    """The states from which a row may move to ``target``."""
    return frozenset(state for state, targets in MOVES.items() if target in targets)
