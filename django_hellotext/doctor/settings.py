"""The settings: whether the app is configured at all, and what ``manage.py check`` says of them."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings

from ..api import HellotextClient
from ..conf import BACKENDS, hellotext_settings, is_loopback
from .checked import from_checks
from .findings import Finding, error, ok, skipped, warning

OWN = frozenset(f"hellotext.{number}" for number in ("E001", "E002", "E003", "E004", "E005", "E006", "E008", "E012"))
PRETENDERS = frozenset({"console", "dummy", BACKENDS["console"], BACKENDS["dummy"]})


def examine_settings(using: str, client: HellotextClient | None) -> Iterator[Finding]:
    """Mistakes of ``settings.HELLOTEXT``, and what is unwise."""
    mistakes = list(from_checks(OWN.__contains__))
    yield from mistakes
    if not hellotext_settings.active:
        yield _inert(has_mistakes=bool(mistakes))
        return
    if not mistakes:
        yield _account()
    if hellotext_settings.BACKEND in PRETENDERS:
        yield warning(
            "settings.pretends",
            f"HELLOTEXT['BACKEND'] is {hellotext_settings.BACKEND!r}",
            "It answers as if Hellotext had agreed. Nothing leaves this machine.",
            "Take BACKEND out of the settings where events are to arrive.",
        )
    if hellotext_settings.RAISE_ERRORS and not settings.DEBUG:
        yield warning(
            "settings.raise_errors",
            "HELLOTEXT['RAISE_ERRORS'] is set although DEBUG is not",
            "A fault of tracking reaches the visitor as an error.",
            "Leave RAISE_ERRORS to tests and development.",
        )


def _inert(*, has_mistakes: bool) -> Finding:
    wanted = ("BUSINESS_ID", "API_TOKEN", "ENVIRONMENT")
    missing = [name for name in wanted if not getattr(hellotext_settings, name)]
    if has_mistakes:
        return error(
            "settings.wrong",
            "django-hellotext records and sends nothing",
            "The mistakes above keep it still, so that nothing is sent that you did not mean.",
            "Correct them, deploy, and look again.",
        )
    return warning(
        "settings.inert",
        "django-hellotext is installed and does nothing",
        f"These settings are not set: {', '.join(missing)}. Nothing is recorded and nothing is sent.",
        "On a machine without an account that is right. Elsewhere set them in HELLOTEXT.",
    )


def _account() -> Finding:
    address = hellotext_settings.BASE_URL
    local = "That is a Hellotext on this machine, such as the emulator." if is_loopback(address) else ""
    return ok(
        "settings.account",
        f"Configured for {hellotext_settings.account} at {address}",
        local,
    )


def nothing_else() -> Finding:
    """What stands for all other examinations while the app is inert."""
    return skipped("settings.rest", "everything else", "The app is not active.")
