"""The example shop with a morning behind it, on a server of this process, for the screenshots of its admin."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

SHOP = Path(__file__).resolve().parent.parent / "example_project"
NAME = PASSWORD = "demo"  # noqa: S105 - of this process alone
ADDRESS = {"street": "Lamp Lane 4", "postcode": "10115", "city": "Berlin", "country": "Germany"}


@contextmanager
def opened(*, hellotext_url: str, token: str, business_id: str) -> Iterator[str]:
    """Set Django up for the shop, let customers buy, and serve it; gives its address.

    Can be done once in a process. ``hellotext_url`` is where an emulated Hellotext listens that knows the session
    ``from-the-link``.
    """
    with TemporaryDirectory() as folder:
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "SHOP_VAR": folder,
            "HELLOTEXT_BASE_URL": hellotext_url,
            "HELLOTEXT_API_TOKEN": token,
            "HELLOTEXT_BUSINESS_ID": business_id,
            # Playwright's loop runs in this thread; Django would take what follows for asynchronous code.
            "DJANGO_ALLOW_ASYNC_UNSAFE": "true",
        }
        sys.path.insert(0, str(SHOP))
        import django

        django.setup()
        _trade()
        with _served() as url:
            yield url


def _trade() -> None:
    from bookshop.models import Order
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.core.management import CommandError, call_command

    from django_hellotext.delivery import drain

    settings.ALLOWED_HOSTS.append("testserver")
    call_command("migrate", verbosity=0)
    call_command("load_catalogue", verbosity=0)
    User.objects.create_superuser(NAME, "counter@example.com", PASSWORD)
    call_command("hellotext_sync", "--quiet")
    _buy("Ada", "walden", "kim", session="from-the-link")
    _buy("Grace", "emma", session="from-the-link")
    refused = _buy("Mary", "dracula")
    Order.objects.filter(number=refused).update(currency="€")  # as an import from another shop leaves it
    _buy("Rosalind", "the-voyage-of-the-beagle")
    drain()
    with suppress(CommandError):  # what was refused is drift
        call_command("hellotext_sync", "--check", "--quiet")
    _buy("Dorothy", "middlemarch")
    _remember_a_month()


def _remember_a_month() -> None:
    """The figures of a month: busy afternoons, quiet nights, an hour without Hellotext."""
    from datetime import timedelta
    from math import cos, pi

    from django.utils import timezone

    from django_hellotext.conf import hellotext_settings
    from django_hellotext.models import Figure
    from django_hellotext.models.figures import Ending, Subject

    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    shares = {"product.viewed": 40, "cart.added": 14, "page.viewed": 9, "order.placed": 6, "order.confirmed": 5}
    rows = []
    for ago in range(1, 31 * 24):
        hour = now - timedelta(hours=ago)
        busy = (1.05 - cos((hour.hour - 3) / 12 * pi)) * (1.4 if hour.weekday() >= 5 else 1.0)
        busy *= 0.8 + hour.day * 37 % 11 / 25  # no two days are alike
        slow = ago == 5
        for number, (action, share) in enumerate(shares.items()):
            count = round(share * busy) + (ago * 7 + number * 3) % 5
            late = count if slow else count // 9
            common = {"account": hellotext_settings.account, "hour": hour, "subject": Subject.EVENT, "what": action}
            rows.append(Figure(**common, ending=Ending.DELIVERED, bucket=8 if slow else 2, count=late))
            rows.append(Figure(**common, ending=Ending.DELIVERED, bucket=0, count=count - late))
        of_orders = {"account": hellotext_settings.account, "hour": hour, "subject": Subject.OBJECT, "what": "order"}
        rows.append(Figure(**of_orders, ending=Ending.DELIVERED, bucket=1, count=round(6 * busy) + ago % 3))
        rows.append(Figure(**of_orders, ending=Ending.FAILED, count=int(ago % 17 == 0)))
    Figure.objects.bulk_create(row for row in rows if row.count)


def doctor() -> str:
    """What ``manage.py hellotext_doctor`` prints of the shop."""
    from io import StringIO

    from django.core.management import CommandError, call_command

    out = StringIO()
    try:
        call_command("hellotext_doctor", stdout=out, no_color=True)
    except CommandError as summary:
        out.write(f"{summary}\n")
    return out.getvalue()


def _buy(name: str, *books: str, session: str = "") -> str:
    """Come in, make an account and buy; answers the number of the order."""
    from bookshop.models import Order
    from django.test import Client

    browser = Client()
    browser.cookies["cookies"] = "yes"
    browser.get("/", {"hello_session": session} if session else {})
    person = {"first_name": name, "last_name": "Byron", "email": f"{name.lower()}@example.com"}
    browser.post("/account/register/", {**person, **dict.fromkeys(("password1", "password2"), f"{name}-likes-books-9")})
    for book in books:
        browser.post(f"/cart/add/{book}/", {"quantity": 1})
    browser.post("/checkout/", {**person, **ADDRESS, "phone": "", "delivery": "deliver"})
    number: str = Order.objects.values_list("number", flat=True).get(email=person["email"])
    return number


@contextmanager
def _served() -> Iterator[str]:
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.core.handlers.wsgi import WSGIHandler
    from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler

    class Quiet(WSGIRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing of each request."""

    server = ThreadedWSGIServer(("127.0.0.1", 0), Quiet)
    server.set_app(StaticFilesHandler(WSGIHandler()))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
