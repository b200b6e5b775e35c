"""A visitor's session and its attachment to a profile, conflicts included."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from .deliverable import Deliverable, DeliverableQuerySet
from .fields import UtcNow
from .identity import fingerprint
from .states import State


def attachment_of(account: str, session: str, label: str, pk: str) -> str:
    """The unique fingerprint of one session with one customer."""
    return fingerprint(account, "session", session, label, pk)


MOST_RELEASED = 10_000  # conflicts released at once


class SessionQuerySet(DeliverableQuerySet):
    def release(self) -> int:
        """Ask again for sessions in conflict that nobody else holds by now; answers how many.

        One that is still another customer's stays a conflict: a session belongs to one profile for good.
        """
        holders = Session.objects.using(self.db).filter(session=OuterRef("session"), account=OuterRef("account"))
        taken = Exists(holders.exclude(pk=OuterRef("pk")).exclude(state=State.FAILED))
        conflicts = self.filter(state=State.FAILED, error_type=Session.CONFLICT).exclude(taken)
        # MariaDB does not update a table that the same statement reads.
        ids = list(conflicts.order_by("pk").values_list("pk", flat=True)[:MOST_RELEASED])
        return Session.objects.using(self.db).filter(pk__in=ids).requeue() if ids else 0

    def contradict(self, row: Session, **error: Any) -> int:
        """Hellotext refused an event for it: the session belongs to somebody else after all."""
        return self.filter(pk=row.pk, state=State.SYNCED).update(state=State.FAILED, updated_at=UtcNow(), **error)


class Session(Deliverable):
    """One session with one customer: ``synced`` means attached, ``failed`` that it belongs to somebody else.

    A session belongs to one profile for good (``hellotext-facts`` §2). A second customer on the same browser is a
    row of its own, which is never sent: the conflict is recorded, shown and not retried (demand G6).
    """

    CONFLICT = "session_assigned_to_another_profile"

    identity = models.CharField(max_length=64, unique=True, editable=False)
    session = models.CharField(_("session"), max_length=64, db_index=True)
    profile_label = models.CharField(_("profile model"), max_length=128)
    profile_pk = models.CharField(_("profile object"), max_length=255)

    objects = SessionQuerySet.as_manager()

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        indexes = [models.Index(fields=["account", "state", "lane", "id"], name="hellotext_session_claim")]

    def __str__(self) -> str:
        return f"{self.profile_label} {self.profile_pk}"

    @property
    def is_attached(self) -> bool:
        return self.state == State.SYNCED

    @property
    def is_conflict(self) -> bool:
        return self.state == State.FAILED and self.error_type == self.CONFLICT
