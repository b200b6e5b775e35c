"""The shared pause of an account: an outage costs nothing but time (promise 6).

The account's row is what all workers look at. A cheap probe, never a row, tells an outage from a row that Hellotext
chokes on, and closes the breaker again.
"""

from __future__ import annotations

import logging
import random

from ..api import HellotextClient
from ..conf import hellotext_settings
from ..exceptions import ApiError, AuthenticationError, Outcome, PermissionDenied, RateLimited
from ..models import Account
from ..signals import paused, resumed
from .policy import is_trouble, speaks_of_the_account

logger = logging.getLogger("django_hellotext.delivery")

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
FIRST_HALT = 60.0
LONGEST_HALT = 3600.0


def probe(client: HellotextClient) -> ApiError | None:
    """Ask Hellotext something cheap; answers the error, or ``None`` when the account works."""
    try:
        client.profiles.list(limit=1)
    except ApiError as error:
        return error
    return None


class Breaker:
    """Pauses, halts and resumes one account on one alias."""

    def __init__(self, account: str, *, using: str) -> None:
        self.account = account
        self.using = using

    def judge(self, error: ApiError, *, again: bool = False) -> None:
        """Act on the answer to a probe, or on a row's answer that says it all: 401 and 429.

        ``again``: the probe was that of a pause, which goes on.
        """
        if isinstance(error, AuthenticationError | PermissionDenied):
            self.halt(error)
        elif self.pause(error, again=again) and isinstance(error, RateLimited):
            Account.objects.using(self.using).slow_down(self.account)

    def hear(self, error: ApiError, client: HellotextClient) -> bool:
        """Whether ``error``, which a look met and no row, speaks of the account, which then pauses or is halted."""
        answer: ApiError | None = error
        if not isinstance(error, AuthenticationError | RateLimited):
            answer = probe(client) if is_trouble(error) else None
        if answer is None or not speaks_of_the_account(answer):
            return False
        self.judge(answer)
        return True

    def pause(self, error: ApiError, *, again: bool = False) -> bool:
        """Send nothing for a while, longer with each pause in a row, and at least what ``Retry-After`` says.

        Answers whether this is what paused it: what several workers meet at once is one outage and one pause.
        """
        accounts = Account.objects.using(self.using)
        before = accounts.get(key=self.account)
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(before.pauses, 10))
        asked = float(getattr(error, "retry_after", None) or 0.0)
        seconds = max(asked, longest * (0.5 + 0.5 * random.random()))  # noqa: S311 - jitter above a floor
        reason = f"{type(error).__name__} {error.status or ''}".strip()
        if not accounts.pause(self.account, seconds=seconds, reason=reason, again=again):
            accounts.prolong(self.account, seconds=asked)
            return False
        if not again:
            # One warning for one outage; the rest of it is silent (demand C12).
            logger.warning("account.paused", extra={"account": self.account, "reason": reason})
            paused.send_robust(sender=Account, account=self.account, reason=reason, using=self.using)
        return True

    def halt(self, error: ApiError) -> None:
        """Send only a probe now and then, until Hellotext accepts the credentials again; nothing is lost."""
        reason = _rejection(error)
        if Account.objects.using(self.using).halt(self.account, reason=reason, seconds=FIRST_HALT):
            logger.error("account.halted", extra={"account": self.account, "status": error.status})
            paused.send_robust(sender=Account, account=self.account, reason=reason, using=self.using)

    def _keep_halted(self, error: ApiError, halts: int) -> None:
        """Wait twice as long for the next probe after a 401 or 403, as long as before after any other error."""
        rejected = isinstance(error, AuthenticationError | PermissionDenied)
        seconds = min(LONGEST_HALT, FIRST_HALT * 2.0 ** min(halts if rejected else max(halts - 1, 0), 10))
        seconds = max(seconds, float(getattr(error, "retry_after", None) or 0.0))
        reason = _rejection(error) if rejected else ""
        Account.objects.using(self.using).keep_halted(self.account, seconds=seconds, reason=reason)

    def resume(self) -> None:
        """Hellotext answers again."""
        if Account.objects.using(self.using).resume(self.account):
            logger.info("account.resumed", extra={"account": self.account})
            resumed.send_robust(sender=Account, account=self.account, using=self.using)

    def may_go_on(self, client: HellotextClient) -> bool:
        """Return whether the account sends. One worker sends the probe of a pause or halt; the others wait for it."""
        accounts = Account.objects.using(self.using)
        account = accounts.get(key=self.account)
        is_halted = bool(account.halted_reason)
        if not is_halted and not account.paused_reason:
            return True
        # Long enough for the probe; a prober that dies leaves the question to the next.
        if not accounts.take_probe(self.account, seconds=2 * hellotext_settings.DEADLINE, halted=is_halted):
            return False
        error = probe(client)
        if error is None or error.outcome is Outcome.REFUSE:
            self.resume()
            return True
        if is_halted:
            self._keep_halted(error, account.halts)
        else:
            self.judge(error, again=True)
        return False


def _rejection(error: ApiError) -> str:
    return f"Hellotext answered {error.status}: the token or the plan does not allow sending."
