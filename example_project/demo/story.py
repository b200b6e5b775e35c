"""What happens in the shop, told step by step, and what is to arrive at Hellotext because of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal


@dataclass(frozen=True)
class Customer:
    """Somebody of the story. The e-mail address is new in every run."""

    first_name: str
    last_name: str
    email: str


@dataclass
class Expected:
    """An event that must arrive, once.

    ``reference``: of its object; a visitor never sees a cart's, so that it is filled in when the cart has become an
    order. ``known``: whether the shop knew the customer when it happened. ``worth``: the price of the object, which
    Hellotext may show where the event itself has no amount. ``earliest`` and ``latest`` enclose the time.
    ``contested``: the session belongs to somebody else, so that the event arrives without it.
    ``by_browser``: the customer's browser sends it; the shop records nothing.
    """

    action: str
    customer: Customer
    session: str
    kind: str
    reference: str
    earliest: datetime
    latest: datetime
    known: bool = True
    amount: Decimal | None = None
    currency: str = "EUR"
    worth: Decimal | None = None
    contested: bool = False
    by_browser: bool = False

    def __str__(self) -> str:
        return f"{self.action} of {self.customer.first_name} ({self.kind} {self.reference})"


@dataclass
class Step:
    """One thing that happened; ``expected`` is the event that it makes, if any.

    ``profile_of``: the customer whose profile comes to be by this step.
    """

    at: datetime
    who: str
    what: str
    expected: Expected | None = None
    profile_of: Customer | None = None


@dataclass
class Story:
    """All steps so far."""

    steps: list[Step] = field(default_factory=list)

    def tell(self, who: str, what: str, *, profile_of: Customer | None = None) -> Step:
        """Add a step that makes no event."""
        step = Step(datetime.now(UTC), who, what, profile_of=profile_of)
        self.steps.append(step)
        return step

    def tell_event(self, who: str, what: str, expected: Expected) -> Step:
        """Add a step that makes an event."""
        step = Step(expected.earliest, who, what, expected)
        self.steps.append(step)
        return step

    @property
    def recorded(self) -> list[Expected]:
        """The events that the shop must record."""
        return [expected for expected in self.expected if not expected.by_browser]

    @property
    def expected(self) -> list[Expected]:
        """The events that must arrive."""
        return [step.expected for step in self.steps if step.expected is not None]
