"""The example shop on a server of this process, for a real browser."""

from __future__ import annotations

from typing import Any

from config import settings as shop_settings
from django.core.management import call_command

from tests.chromium import reload_middleware

from .conftest import ACCOUNT, SHOP_SETTINGS


def serve_shop(settings: Any, live_server: Any, *, policy: dict[str, list[Any]], **hellotext: Any) -> None:
    """Let ``live_server`` be the shop, its catalogue on the shelves and an account configured.

    :param policy: the directives of its Content Security Policy; needs django-csp. :param hellotext: settings of ours
        beside those of the account.
    """
    for name in SHOP_SETTINGS:
        setattr(settings, name, getattr(shop_settings, name))
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.MIDDLEWARE = ["csp.middleware.CSPMiddleware", *settings.MIDDLEWARE]
    settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": policy}
    settings.HELLOTEXT = {**ACCOUNT, **hellotext}
    call_command("load_catalogue", verbosity=0)
    reload_middleware(live_server)
