"""What the environment asks of the demo."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django_hellotext.conf import is_loopback

BUSINESS_ID = "demo-business"
API_TOKEN = "demo-token"
SHOP_PORT, HELLOTEXT_PORT = 8000, 4010
HIGHEST_PORT = 65_535
LOOPBACK = "127.0.0.1,localhost,::1"
ABANDONED_AFTER = "1"  # seconds that a cart is left, for the job that the demo runs itself
OFF = ("", "0", "no", "false")


class Refusal(Exception):
    """The demo does not do what the environment asks for; the message says why and what to do."""


@dataclass(frozen=True)
class Options:
    """What to run. ``base_url`` is empty when the demo brings its own, emulated Hellotext along.

    The ports are the usual ones; one that is taken is replaced by a free one.
    """

    base_url: str = ""
    token: str = field(default=API_TOKEN, repr=False)
    business_id: str = BUSINESS_ID
    exits: bool = False
    shop_port: int = SHOP_PORT
    hellotext_port: int = HELLOTEXT_PORT
    no_proxy: str = LOOPBACK
    payment_secret: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)

    @property
    def emulates(self) -> bool:
        """Whether the demo starts an emulator of its own."""
        return not self.base_url

    def environment(self, *, shop_url: str, hellotext_url: str) -> dict[str, str]:
        """Return the variables that the shop's settings read."""
        return {
            "HELLOTEXT_BASE_URL": hellotext_url,
            "HELLOTEXT_API_TOKEN": self.token,
            "HELLOTEXT_BUSINESS_ID": self.business_id,
            "SITE_URL": shop_url,
            "PAYMENT_WEBHOOK_SECRET": self.payment_secret,
            # The worker leaves the carts alone, however slow this machine is: only the demo's own job is impatient.
            "CART_ABANDONED_AFTER": "1800",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONUNBUFFERED": "1",
            "PYTHONUTF8": "1",
            # Whatever proxy the environment names: what is on this machine is reached without it.
            "NO_PROXY": self.no_proxy,
            "no_proxy": self.no_proxy,
        }


def read_options(environment: Mapping[str, str]) -> Options:
    """Return the options that the variables in ``environment`` ask for; an empty one counts as not set.

    Raises ``Refusal`` when it would be a mistake to go on.
    """
    base_url = environment.get("HELLOTEXT_BASE_URL", "").rstrip("/")
    token = environment.get("HELLOTEXT_API_TOKEN", "")
    business_id = environment.get("HELLOTEXT_BUSINESS_ID", "")
    if base_url:
        _refuse_by_accident(base_url, environment, complete=bool(token and business_id))
    return Options(
        base_url=base_url,
        token=token or API_TOKEN,
        business_id=business_id or BUSINESS_ID,
        exits=is_on(environment.get("EXIT", "")),
        shop_port=_port(environment, "DEMO_SHOP_PORT", SHOP_PORT),
        hellotext_port=_port(environment, "DEMO_HELLOTEXT_PORT", HELLOTEXT_PORT),
        no_proxy=",".join(filter(None, [environment.get("no_proxy") or environment.get("NO_PROXY"), LOOPBACK])),
    )


def is_on(value: str) -> bool:
    """Say whether a switch of the environment is on."""
    return value.strip().lower() not in OFF


def _port(environment: Mapping[str, str], name: str, usual: int) -> int:
    value = environment.get(name) or str(usual)
    if not (value.isascii() and value.isdigit() and 0 < int(value) <= HIGHEST_PORT):
        raise Refusal(f"{name} is {value!r}, which is no port.")
    return int(value)


def _refuse_by_accident(base_url: str, environment: Mapping[str, str], *, complete: bool) -> None:
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Refusal(
            f"HELLOTEXT_BASE_URL is {base_url!r}, which is no address such as http://127.0.0.1:4010. "
            "Correct it, or unset it to use the emulator."
        )
    if is_loopback(base_url):
        return
    if not is_on(environment.get("DEMO_SEND", "")):
        raise Refusal(
            f"HELLOTEXT_BASE_URL is {base_url}, which is not this machine: the demo would put its customers and "
            "orders into that account. Set DEMO_SEND=1 if this is what you want, or unset HELLOTEXT_BASE_URL."
        )
    if not complete:
        raise Refusal(
            f"To send to {base_url}, HELLOTEXT_API_TOKEN and HELLOTEXT_BUSINESS_ID must be those of the account."
        )
