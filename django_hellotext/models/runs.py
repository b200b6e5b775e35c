"""Checkpoints of ``manage.py hellotext_sync``."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .fields import UtcDateTimeField, UtcNow

# In ``options``: a run that only looked.
MODE, CHECK = "mode", "check"


class SyncRunQuerySet(models.QuerySet["SyncRun"]):
    """The verbs of a run. Each is one UPDATE."""

    def checks(self, account: str) -> SyncRunQuerySet:
        """Runs of ``account`` that only looked, newest first."""
        return self.filter(account=account, options__mode=CHECK).order_by("-pk")

    def syncs(self, account: str) -> SyncRunQuerySet:
        """Runs of ``account`` that sent something, or could have, newest first."""
        # A key that is missing is NULL, which is not unequal to anything either.
        other = Q(options__mode__isnull=True) | ~Q(options__mode=CHECK)
        return self.filter(other, account=account).order_by("-pk")

    def unfinished(self, account: str) -> SyncRunQuerySet:
        """Runs of ``account`` that have not come to their end, newest first."""
        return self.filter(account=account, finished_at=None).order_by("-pk")

    def take(self, pk: int) -> SyncRun | None:
        """The run ``pk``, locked until the end of the transaction; ``None`` once it is finished.

        An UPDATE, not SELECT FOR UPDATE: it takes SQLite's write lock before anything is read, too.
        """
        if not self.filter(pk=pk, finished_at=None).update(updated_at=UtcNow()):
            return None
        return self.get(pk=pk)

    def advance(self, run: SyncRun) -> int:
        """Write how far ``run`` has come, what it found, and whose it is."""
        return self.filter(pk=run.pk).update(
            checkpoint=run.checkpoint, counts=run.counts, options=run.options, updated_at=UtcNow()
        )

    def finish(self, ids: list[int]) -> int:
        """These runs are over."""
        return self.filter(pk__in=ids, finished_at=None).update(finished_at=UtcNow(), updated_at=UtcNow())


class SyncRun(models.Model):
    """One run over the registered models: how far it came, and what it found.

    ``checkpoint`` holds for each alias and model the last primary key looked at, ``counts`` what was found there,
    ``options`` what was asked for. It names no customer and holds no value of theirs.
    """

    account = models.CharField(_("account"), max_length=130)
    options = models.JSONField(_("options"), default=dict)
    checkpoint = models.JSONField(_("checkpoint"), default=dict)
    counts = models.JSONField(_("counts"), default=dict)
    started_at = UtcDateTimeField(_("started"), auto_now_add=True)
    updated_at = UtcDateTimeField(_("updated"), auto_now=True)
    finished_at = UtcDateTimeField(_("finished"), null=True)

    objects = SyncRunQuerySet.as_manager()

    class Meta:
        verbose_name = _("sync run")
        verbose_name_plural = _("sync runs")

    def __str__(self) -> str:
        return f"{self.account} {self.started_at:%Y-%m-%d %H:%M}"

    def note(self, key: str, **found: Any) -> None:
        """Add ``found`` to the counts of the model ``key``; nothing is written yet."""
        counts = self.counts.setdefault(key, {})
        for name, number in found.items():
            if number:
                counts[name] = counts.get(name, 0) + number
