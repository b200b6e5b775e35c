"""A shop with django-allauth, in a process of its own: ``python -m tests.people.allauth_shop``.

Prints a line for each thing that it has seen; the test compares them.
"""

from __future__ import annotations

import os
import sys

import django
from django.conf import settings


def say(*words: object) -> None:
    """One line for the test."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")


def configure() -> None:
    """A project with allauth, an empty database in memory and a Hellotext in this process."""
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)
    settings.configure(
        SECRET_KEY="tests-only",
        USE_TZ=True,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "allauth",
            "allauth.account",
            "django_hellotext",
            "tests.testshop",
        ],
        MIDDLEWARE=["allauth.account.middleware.AccountMiddleware"],
        MIGRATION_MODULES={"testshop": None},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    )
    django.setup()


def play() -> None:
    """A guest buys, claims an account, confirms it; many customers cost as many queries as few."""
    from allauth.account.models import EmailAddress
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection
    from django.test import override_settings
    from django.test.utils import CaptureQueriesContext

    from django_hellotext.adapters import UserProfileAdapter, registry
    from django_hellotext.delivery import drain
    from django_hellotext.emulator import Emulator
    from django_hellotext.emulator.inspection import state
    from django_hellotext.models import RemoteObject
    from tests.testshop.models import Order

    call_command("migrate", verbosity=0, run_syncdb=True)
    emulator = Emulator(token="t", business_id="b")
    configured = {
        "BUSINESS_ID": "b",
        "API_TOKEN": "t",
        "ENVIRONMENT": "test",
        "BACKEND": "django_hellotext.emulator.MemoryBackend",
        "BACKEND_OPTIONS": {"emulator": emulator},
        "RAISE_ERRORS": True,
    }

    def remote_id(label: str) -> str:
        found: str = RemoteObject.objects.get(kind="profile", host_label=label).remote_id
        return found

    with override_settings(HELLOTEXT=configured):
        Order.objects.create(number="A-1", email="gil@example.com", status="placed")
        user = User.objects.create(username="gil", email="gil@example.com", first_name="Gil")
        address = EmailAddress.objects.create(user=user, email="Gil@example.com", verified=False, primary=True)
        drain()
        say("claimed: linked", remote_id("auth.user") == remote_id("testshop.order"))
        address.verified = True
        address.save()
        drain()
        say("confirmed: linked", remote_id("auth.user") == remote_id("testshop.order"))
        Order.objects.create(number="A-2", email="gil@example.com", first_name="Mallory", status="placed")
        drain()
        say("a guest's name counts", "Mallory" in str(state(emulator)["profiles"]))
        for number in range(20):
            other = User.objects.create(username=f"u{number}", email=f"u{number}@example.com")
            EmailAddress.objects.create(user=other, email=other.email, verified=True, primary=True)
        adapter = registry.for_model(User)
        assert adapter is not None
        with CaptureQueriesContext(
            connection,
        ) as queries:
            payloads = [adapter.payload(user) for user in adapter.queryset(User._base_manager.all())]
        say("queries for", len(payloads), "customers", len(queries))
        say("with an e-mail", sum("email" in payload for payload in payloads))
        with_phone = type("WithPhone", (UserProfileAdapter,), {"phone": "username"})(User)
        say("a phone", [message.id for message in with_phone.check()])
    with override_settings(HELLOTEXT={**configured, "VERIFIED": lambda customer, kind, value: True}):
        say("a phone and a hook", [message.id for message in with_phone.check()])


if __name__ == "__main__":
    configure()
    play()
