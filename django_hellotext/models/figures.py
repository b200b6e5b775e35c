"""Figures: how many rows came to which end in an hour, and how long they took. Statistics; the rows are the truth."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _

from .accounts import Account
from .fields import UtcDateTimeField

# Upper bounds of the latency buckets in seconds; what took longer than the last is in one more bucket.
BOUNDS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400)
UNMEASURED = -1  # the bucket of what has no latency: it was not delivered, or nobody waited for it


class Subject(models.TextChoices):
    """Whose rows a figure counts."""

    EVENT = "event", _("event")
    OBJECT = "object", _("object")
    SESSION = "session", _("session")


class Ending(models.TextChoices):
    """What came of a row."""

    DELIVERED = "delivered", _("delivered")
    FAILED = "failed", _("refused")
    SKIPPED = "skipped", _("not sent")


class FigureQuerySet(models.QuerySet["Figure"]):
    def since(self, account: str, moment: datetime) -> FigureQuerySet:
        """The figures of ``account`` whose hour began at ``moment`` or later."""
        return self.filter(account=account, hour__gte=moment)


class Figure(models.Model):
    """How many rows of one kind came to one end within one hour.

    ``hour`` is where the hour begins, in UTC. ``what`` is the action of an event or the kind of an object, empty for
    sessions. ``bucket`` is the place in ``BOUNDS`` of the first bound that the latency keeps. Names nobody.
    """

    account = models.CharField(max_length=130)
    hour = UtcDateTimeField()
    subject = models.CharField(max_length=8, choices=Subject)
    what = models.CharField(max_length=100, blank=True, default="")
    ending = models.CharField(max_length=10, choices=Ending)
    bucket = models.SmallIntegerField(default=UNMEASURED)
    count = models.PositiveBigIntegerField(default=0)

    objects = FigureQuerySet.as_manager()

    class Meta:
        verbose_name = _("figure")
        verbose_name_plural = _("figures")
        constraints = [
            models.UniqueConstraint(
                fields=["account", "hour", "subject", "what", "ending", "bucket"], name="hellotext_figure_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H:%M} {self.subject} {self.what} {self.ending}: {self.count}"


class Dashboard(Account):
    """What the admin's index lists; the page behind it shows the figures, and no rows."""

    class Meta:
        proxy = True
        default_permissions = ()
        verbose_name = _("dashboard")
        verbose_name_plural = _("dashboard")
