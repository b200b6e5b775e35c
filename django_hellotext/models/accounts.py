"""One row per account and environment: its credentials' fingerprint, its pause, its last drain."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from .fields import CLOCK_STEP, UtcDateTimeField, UtcNow


class AccountQuerySet(models.QuerySet["Account"]):
    def owner(self, business_id: str) -> Account | None:
        """The account that first drained this database for the business; any other is a clone's (demand A8)."""
        return self.filter(business_id=business_id).order_by("pk").first()

    def pause(self, key: str, *, seconds: float, reason: str, again: bool = False) -> int:
        """Send nothing for ``key`` for ``seconds``, and then only after a probe; 0 if it pauses already.

        ``again``: a probe has failed, so the pause that there is begins anew.
        """
        rows = self.filter(key=key) if again else self.filter(key=key, paused_reason="")
        return rows.update(
            paused_until=UtcNow() + timedelta(seconds=seconds),
            paused_reason=reason[:200],
            pauses=F("pauses") + 1,
            held_at=UtcNow(),
        )

    def prolong(self, key: str, *, seconds: float) -> int:
        """Have the pause of ``key`` last for ``seconds`` from now at least."""
        until = UtcNow() + timedelta(seconds=seconds)
        return self.filter(key=key, paused_until__lt=until).update(paused_until=until, held_at=UtcNow())

    def take_probe(self, key: str, *, seconds: float, halted: bool = False) -> bool:
        """Return whether a probe of the paused (or halted) ``key`` is due and this caller is the one that sends it.

        The other workers wait ``seconds`` for its result. After the clock was set back the probe is due at once.
        """
        until, reason = ("halted_until", "halted_reason") if halted else ("paused_until", "paused_reason")
        is_due = Q((f"{until}__lte", UtcNow())) | Q((until, None)) | Q(held_at__gt=UtcNow() + CLOCK_STEP)
        due = self.filter(is_due, key=key).exclude(**{reason: ""})
        return bool(due.update(**{until: UtcNow() + timedelta(seconds=seconds), "held_at": UtcNow()}))

    def halt(self, key: str, *, reason: str, seconds: float = 60.0) -> int:
        """Send only a probe for ``key``, the first after ``seconds``; return 0 if it was halted before."""
        return self.filter(key=key, halted_reason="").update(
            halted_reason=reason[:200],
            halted_at=UtcNow(),
            halted_until=UtcNow() + timedelta(seconds=seconds),
            halts=1,
            held_at=UtcNow(),
        )

    def keep_halted(self, key: str, *, seconds: float, reason: str = "") -> int:
        """Put the next probe of the halted ``key`` off by ``seconds``; with ``reason``, this one was rejected too."""
        rejected = {"halted_reason": reason[:200], "halts": F("halts") + 1} if reason else {}
        return (
            self.filter(key=key)
            .exclude(halted_reason="")
            .update(halted_until=UtcNow() + timedelta(seconds=seconds), held_at=UtcNow(), **rejected)
        )

    def resume(self, key: str) -> int:
        """Lift a pause and a halt; answers 0 where there was none."""
        return (
            self.filter(key=key)
            .exclude(paused_reason="", halted_reason="")
            .update(
                paused_until=None,
                paused_reason="",
                pauses=0,
                halted_at=None,
                halted_until=None,
                halted_reason="",
                halts=0,
            )
        )

    def spend(self, key: str, requests: int, *, budget: float, rate: float | None, now: datetime) -> int:
        """Take ``requests`` off the ``budget`` that was counted at ``now``."""
        return self.filter(key=key).update(budget=budget - requests, budget_at=now, rate=rate)

    def owe(self, key: str, requests: int) -> int:
        """Take ``requests`` more off the budget, where there is one: what claimed rows need first."""
        return self.filter(key=key, budget__isnull=False).update(budget=F("budget") - requests)

    def slow_down(self, key: str) -> int:
        """Halve the rate, where there is one: Hellotext said 429."""
        return self.filter(key=key, rate__isnull=False).update(rate=F("rate") / 2, budget=0)

    def drained(self, key: str) -> int:
        """Note that a worker looked after ``key``."""
        return self.filter(key=key).update(drained_at=UtcNow())


class Account(models.Model):
    """A Hellotext business as this site uses it in one environment. Holds no credential."""

    key = models.CharField(_("account"), max_length=130, unique=True)
    business_id = models.CharField(_("Business ID"), max_length=60)
    environment = models.CharField(_("environment"), max_length=60)
    token_fingerprint = models.CharField(_("token's fingerprint"), max_length=64, blank=True, default="")
    paused_until = UtcDateTimeField(_("paused until"), null=True)
    paused_reason = models.CharField(_("why it is paused"), max_length=200, blank=True, default="")
    pauses = models.PositiveSmallIntegerField(_("pauses in a row"), default=0)
    halted_at = UtcDateTimeField(_("halted"), null=True)
    halted_reason = models.CharField(_("why it is halted"), max_length=200, blank=True, default="")
    halted_until = UtcDateTimeField(_("next try of the credentials"), null=True)
    halts = models.PositiveSmallIntegerField(_("rejections in a row"), default=0)
    # When ``paused_until`` or ``halted_until`` was written.
    held_at = UtcDateTimeField(null=True, editable=False)
    drained_at = UtcDateTimeField(_("last drain"), null=True)
    rate = models.FloatField(_("requests per second"), null=True)
    budget = models.FloatField(_("requests left"), null=True)
    budget_at = UtcDateTimeField(_("budget counted"), null=True)

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        permissions = [("view_personal_data", _("Can view the personal data of rows"))]

    def __str__(self) -> str:
        return self.key
