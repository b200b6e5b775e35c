"""What to do after an attempt: a pure decision of the operation, the outcome, the count and chance.

No clock is read and nothing is written here. Times are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ..actions import BUILT_IN
from ..exceptions import (
    ApiError,
    AuthenticationError,
    ConnectionFailed,
    InvalidResponse,
    Outcome,
    OutcomeUnknown,
    PermissionDenied,
    RateLimited,
    ServerError,
)
from ..models import Event, RemoteObject
from ..models.deliverable import Deliverable

FIRST_DELAY = 2.0
LONGEST_DELAY = 3600.0
# A share of each delay that chance cannot take away: full jitter may otherwise yield nothing (demand C12).
FLOOR = 0.5
# A gateway that gave up may have passed the request on; the application's own errors have not applied it.
GATEWAY_STATUSES = frozenset({502, 504})


class Verdict(StrEnum):
    RETRY = "retry"
    FAIL = "fail"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """``after`` is the delay before the next attempt; ``costs`` says whether this attempt counts."""

    verdict: Verdict
    after: float = 0.0
    costs: bool = True


def decide(
    error: ApiError,
    *,
    attempts: int,
    max_attempts: int,
    chance: float,
    repeatable: bool,
    account_works: bool,
) -> Decision:
    """What becomes of a row whose attempt ended with ``error``.

    :param attempts: counted attempts before this one. :param chance: in [0, 1), the jitter.
    :param repeatable: see ``is_repeatable``; an unknown outcome is then simply a retry. Otherwise it is looked for
        first, even after the last attempt: only a row that is not there may be given up.
    :param account_works: what the probe said; while the account does not work, no attempt counts (promise 6).
    """
    if error.outcome is Outcome.REFUSE:
        return Decision(verdict=Verdict.FAIL)
    if is_unknown(error) and not repeatable:
        return Decision(verdict=Verdict.UNCERTAIN, costs=account_works)
    if not account_works:
        return Decision(verdict=Verdict.RETRY, costs=False)
    if isinstance(error, PermissionDenied):
        # Refused although the account may do something else: it is this operation that is not allowed.
        return Decision(verdict=Verdict.FAIL)
    if isinstance(error, AuthenticationError):
        return Decision(verdict=Verdict.RETRY, costs=False)
    delay = backoff(attempts, chance=chance)
    if isinstance(error, RateLimited):
        return Decision(verdict=Verdict.RETRY, after=max(delay, error.retry_after or 0.0), costs=False)
    if isinstance(error, ConnectionFailed):
        return Decision(verdict=Verdict.RETRY, after=delay, costs=False)
    if attempts + 1 >= max_attempts:
        return Decision(verdict=Verdict.FAIL)
    return Decision(verdict=Verdict.RETRY, after=delay)


def is_unknown(error: ApiError) -> bool:
    """Whether a write that ended with ``error`` may have been applied."""
    return error.outcome is Outcome.UNKNOWN or error.status in GATEWAY_STATUSES


def is_trouble(error: ApiError) -> bool:
    """Whether ``error`` may speak of an outage rather than of its row: a probe has to tell."""
    return isinstance(error, ConnectionFailed | OutcomeUnknown | InvalidResponse | ServerError | PermissionDenied)


def will_not_tell(error: ApiError) -> bool:
    """Whether a look that ended with ``error`` would end so again: it is refused, not disturbed."""
    return error.outcome is Outcome.REFUSE or isinstance(error, PermissionDenied)


def speaks_of_the_account(error: ApiError) -> bool:
    """Whether a probe that ended with ``error`` says that the account does not work."""
    return error.outcome is not Outcome.REFUSE


def backoff(attempts: int, *, chance: float) -> float:
    """Seconds to wait after ``attempts`` counted attempts: doubling, capped, jittered above a floor."""
    longest = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(attempts, 20))
    return longest * (FLOOR + (1.0 - FLOOR) * chance)


def is_repeatable(row: Deliverable) -> bool:
    """Whether sending ``row`` twice does no harm: updates, attachments, subscriptions, a customer's order events.

    There is no idempotency key; only the built-in order actions of an identified profile are kept once (contract).
    """
    if isinstance(row, RemoteObject):
        return bool(row.remote_id)
    if isinstance(row, Event):
        if row.is_subscription:
            # A state, not a fact: asking for it twice is asking for it once.
            return True
        spec = BUILT_IN.get(row.action)
        return bool(spec and spec.once and row.profile_label)
    return True
