"""Changes: "this object changed". Folded into the mirror by the drain, then deleted."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from .fields import UtcDateTimeField
from .states import Lane

# In ``Change.data``: the status only becomes the baseline, and no event.
BASELINE = "baseline"

_removals = 0


def removals() -> int:
    """A number that grows whenever this process removes changes, for whoever remembers having recorded them."""
    return _removals


class ChangeQuerySet(models.QuerySet["Change"]):
    def delete(self) -> tuple[int, dict[str, int]]:
        """Remove what was folded. Within the very transaction that recorded it this happens in tests only."""
        global _removals
        _removals += 1
        return super().delete()

    delete.alters_data = True  # type: ignore[attr-defined]  # as Django marks its own
    delete.queryset_only = True  # type: ignore[attr-defined]  # as above


class Change(models.Model):
    """One save or deletion of a host object, with what is known of it only at that moment.

    ``overtaken_at`` is when a cart became an order. Its unsent events up to then are dropped: a customer who has
    ordered must not be reminded of the cart. With ``BASELINE`` in ``data`` the status was found by a sync: it is noted
    and sends no event.
    """

    account = models.CharField(_("account"), max_length=130)
    lane = models.PositiveSmallIntegerField(_("lane"), choices=Lane, default=Lane.LIVE)
    label = models.CharField(_("model"), max_length=128)
    object_pk = models.CharField(_("object"), max_length=255)
    created = models.BooleanField(_("created just then"), default=False)
    deleted = models.BooleanField(_("deleted"), default=False)
    status = models.CharField(_("watched status"), max_length=100, null=True)
    status_at = UtcDateTimeField(_("status since"), null=True)
    overtaken_at = UtcDateTimeField(_("overtaken"), null=True)
    session = models.CharField(_("session"), max_length=64, blank=True, default="")
    data = models.JSONField(_("data"), default=dict)
    happened_at = UtcDateTimeField(_("happened"))

    objects = ChangeQuerySet.as_manager()

    class Meta:
        verbose_name = _("unsent change")
        verbose_name_plural = _("unsent changes")
        indexes = [
            models.Index(fields=["account", "lane", "id"], name="hellotext_change_fold"),
            models.Index(fields=["label", "object_pk"], name="hellotext_change_object"),
        ]

    def __str__(self) -> str:
        return f"{self.label} {self.object_pk}"

    @property
    def is_baseline(self) -> bool:
        """Return whether the status is only noted and sends no event."""
        return BASELINE in self.data

    @property
    def is_found(self) -> bool:
        """Return whether a sync read the object; otherwise the shop reported that it had just changed."""
        return self.is_baseline or self.lane == Lane.BACKFILL
