"""Make the screenshots of these pages: ``python docs/screenshots.py``. Needs Debian's Chromium and Playwright.

An emulator and the example shop in this process play a short day, so that a new screenshot shows the page as it is now.
"""

from __future__ import annotations

import html
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import _shop  # noqa: E402 - after the path is set
from playwright.sync_api import sync_playwright  # noqa: E402 - after the path is set

from django_hellotext.api import HellotextClient, LineItem, Money  # noqa: E402 - after the path is set
from django_hellotext.emulator import Emulator, EmulatorServer, Fault  # noqa: E402 - after the path is set
from django_hellotext.exceptions import ApiError  # noqa: E402 - after the path is set

FOLDER = HERE / "_static"
SIZE = {"width": 1280, "height": 820}
BUSINESS_ID = "test-business"
TOKEN = "test-token"  # noqa: S105 - of the emulator alone
LARGEST = 200_000  # bytes


@dataclass(frozen=True)
class Picture:
    """A page of the shop's admin. ``part`` shows one element alone, ``width`` the whole page in a window of that width.

    ``follow`` is the link to go on with.
    """

    name: str
    path: str
    follow: str = ""
    part: str = ""
    dark: bool = False
    width: int = 0


PICTURES = (
    Picture("admin-events", "/admin/django_hellotext/event/"),
    Picture("admin-event", "/admin/django_hellotext/event/?state=failed", follow="order.placed", part="fieldset"),
    Picture(
        "admin-object", "/admin/django_hellotext/order/?state=synced", follow="LL-", part="#content .field-comparison"
    ),
    Picture("dashboard", "/admin/django_hellotext/dashboard/"),
    Picture("dashboard-charts", "/admin/django_hellotext/dashboard/", part=".hellotext-charts", dark=True),
    Picture("admin-orders", "/admin/bookshop/order/"),
    Picture(
        "admin-explain", "/admin/bookshop/order/?currency=€", follow="LL-", part="fieldset:has(.hellotext-explanation)"
    ),
    Picture("dashboard-phone", "/admin/django_hellotext/dashboard/", width=375, dark=True),
)


def play(emulator: Emulator, client: HellotextClient) -> None:
    """A few customers, books and orders, one refusal and one fault."""
    started = datetime.now(UTC) - timedelta(minutes=40)
    books = [
        client.products.create(name=name, reference=reference, source="bookshop", price=Money(Decimal(price), "EUR"))
        for name, reference, price in (
            ("The Voyage of the Beagle", "B-101", "18.50"),
            ("Middlemarch", "B-102", "12.00"),
            ("A Room of One's Own", "B-103", "9.90"),
        )
    ]
    people = [
        client.profiles.create(first_name=first, last_name=last, email=f"{first.lower()}@example.com").id
        for first, last in (("Ada", "Lovelace"), ("Grace", "Hopper"), ("Mary", "Somerville"))
    ]
    for number, person in enumerate(people):
        book = books[number]
        moment = started + timedelta(minutes=10 * number)
        client.events.track(action="product.viewed", profile=person, object=book.id, tracked_at=moment)
        order = client.orders.create(
            delivery="deliver",
            reference=str(1001 + number),
            source="bookshop",
            items=[LineItem(product=book.id, quantity=1 + number)],
        )
        client.events.track(
            action="order.placed", profile=person, object=order.id, tracked_at=moment + timedelta(minutes=4)
        )
    emulator.add_fault(Fault("error", times=1, path="/v1/coupons"))
    coupon = {"code": "WELCOME", "description": "Ten per cent off", "destination_url": "https://shop.example/welcome"}
    for attempt in (
        lambda: client.coupons.create(**coupon),
        lambda: client.coupons.create(**coupon),
        lambda: client.orders.retrieve("1009"),
    ):
        try:
            attempt()
        except ApiError as error:
            sys.stdout.write(f"as wanted: {error}\n")
    latest = next(iter(client.orders.list(limit=1))).id
    client.events.track(
        action="order.confirmed", profile=people[-1], object=latest, amount=Decimal("29.70"), currency="EUR"
    )


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser that asks nobody for anything by itself."""
    with sync_playwright() as browsers:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = browsers.chromium.launch(executable_path=shutil.which("chromium"), args=options)
        yield browser
        browser.close()


def shoot_emulator(browser: Any, url: str) -> Path:
    """The emulator's page, once it has shown what happened."""
    target = FOLDER / "emulator.png"
    page = browser.new_page(viewport=SIZE)
    page.goto(url)
    page.wait_for_selector("#requests details, #requests button, #requests > *:not(.empty)")
    page.wait_for_timeout(1_000)
    page.screenshot(path=str(target))
    page.close()
    return target


def shoot_admin(browser: Any, url: str) -> Iterator[Path]:
    """The pages of the admin, one after another."""
    context = browser.new_context(viewport=SIZE)
    page = context.new_page()
    page.goto(f"{url}/admin/")
    page.fill("[name=username]", _shop.NAME)
    page.fill("[name=password]", _shop.PASSWORD)
    with page.expect_navigation():
        page.press("[name=password]", "Enter")
    page.evaluate("localStorage.setItem('django.admin.navSidebarIsOpen', 'false')")
    for picture in PICTURES:
        target = FOLDER / f"{picture.name}.png"
        page.emulate_media(color_scheme="dark" if picture.dark else "light")
        page.set_viewport_size({**SIZE, "width": picture.width or SIZE["width"]})
        page.goto(url + picture.path)
        if picture.follow:
            with page.expect_navigation():
                page.locator("#result_list").get_by_role("link", name=picture.follow).first.click()
        if picture.part:
            page.locator(picture.part).first.screenshot(path=str(target))
        else:
            page.screenshot(path=str(target), full_page=bool(picture.width))
        yield target
    context.close()


TERMINAL = """<!doctype html><meta charset="utf-8"><style>
body { margin: 0; display: inline-block; background: #16181d; }
pre { margin: 0; padding: 18px 22px; color: #e6e6e6; font: 14px/1.45 "DejaVu Sans Mono", monospace; }
.good { color: #7ad48f; } .doubt { color: #e8c35a; } .bad { color: #ff8a80; }
</style><pre>$ python manage.py hellotext_doctor
%s</pre>"""
TONES = {"✓": "good", "!": "doubt", "✗": "bad"}


def shoot_doctor(browser: Any, printed: str) -> Path:
    """What the doctor prints, as a terminal shows it."""
    lines = []
    for line in printed.rstrip().splitlines():
        tone = TONES.get(line[:1])
        text = html.escape(line[1:])
        lines.append(f'<span class="{tone}">{line[0]}</span>{text}' if tone else html.escape(line))
    target = FOLDER / "doctor.png"
    page = browser.new_page(viewport=SIZE)
    page.set_content(TERMINAL % "\n".join(lines))
    page.locator("body").screenshot(path=str(target))
    page.close()
    return target


def main() -> int:
    """Make every screenshot; answers the exit code: 1 when one is too large for a page."""
    made: list[Path] = []
    with chromium() as browser:
        emulator = Emulator(token=TOKEN, business_id=BUSINESS_ID)
        with EmulatorServer(emulator) as server:
            play(emulator, HellotextClient(token=TOKEN, base_url=server.url))
            made.append(shoot_emulator(browser, server.url))
        emulator = Emulator(token=TOKEN, business_id=BUSINESS_ID, known_sessions=("from-the-link",))
        with (
            EmulatorServer(emulator) as server,
            _shop.opened(hellotext_url=server.url, token=TOKEN, business_id=BUSINESS_ID) as url,
        ):
            made += shoot_admin(browser, url)
            made.append(shoot_doctor(browser, _shop.doctor()))
    for target in made:
        sys.stdout.write(f"{target.relative_to(HERE.parent)}: {target.stat().st_size} bytes\n")
    return int(any(target.stat().st_size > LARGEST for target in made))


if __name__ == "__main__":
    sys.exit(main())
