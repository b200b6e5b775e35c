"""What the payment provider tells the shop: signed, and without any browser."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

SIGNATURE_HEADER = "Payment-Signature"
SCHEME = "sha256="
MOST_BYTES = 10_000  # a notification is small; anything longer is not read


class InvalidNotification(ValueError):
    """The notification is not what the provider sends."""


@dataclass(frozen=True)
class Notification:
    """One payment. ``order`` is the order's number, ``reference`` the provider's own, ``paid_at`` is aware."""

    order: str
    reference: str
    paid_at: datetime

    def body(self) -> bytes:
        """Return the JSON that is sent."""
        content = {"order": self.order, "reference": self.reference, "paid_at": self.paid_at.timestamp()}
        return json.dumps(content).encode()


def signature_of(body: bytes) -> str:
    """Return the value of the signature header for ``body``."""
    return SCHEME + hmac.new(_secret(), body, hashlib.sha256).hexdigest()


def is_signed(body: bytes, *, signature: str) -> bool:
    """Say whether ``signature`` is the provider's for ``body``."""
    return hmac.compare_digest(signature_of(body).encode(), signature.encode())


def _secret() -> bytes:
    secret: str = getattr(settings, "PAYMENT_WEBHOOK_SECRET", "")
    if not secret:
        raise ImproperlyConfigured("PAYMENT_WEBHOOK_SECRET is empty: anybody could say that an order is paid.")
    return secret.encode()


def read_notification(body: bytes) -> Notification:
    """Return the payment that ``body`` reports. Raises ``InvalidNotification``."""
    try:
        content = json.loads(body)
        return Notification(
            order=str(content["order"]),
            reference=str(content["reference"]),
            paid_at=datetime.fromtimestamp(float(content["paid_at"]), tz=UTC),
        )
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise InvalidNotification("This is not the notification of a payment.") from error
