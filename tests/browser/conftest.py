"""The example shop on a server of this process, under a strict policy, and a real browser in front of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from config import settings as shop_settings

from tests.chromium import PATIENCE
from tests.chromium import chromium as chromium
from tests.example.served import serve_shop
from tests.needs import needed_module

LIBRARY = "https://js.example/hellotext.js"
STANDIN = Path(__file__).with_name("standin.js").read_text(encoding="utf-8")

# The one of headless Chromium is on the list of crawlers, who get no Django session by a short link.
USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"

# Told by the browser itself; what runs before the page is not subject to its policy.
WATCH = """
document.addEventListener("securitypolicyviolation", function (event) {
  const found = JSON.parse(sessionStorage.getItem("violations") || "[]");
  found.push(event.violatedDirective + " " + event.blockedURI);
  sessionStorage.setItem("violations", JSON.stringify(found));
});
"""


@pytest.fixture(params=["nonce", "static"])
def mode(request: pytest.FixtureRequest) -> str:
    """How the scripts are let in: by a nonce, or because none stands in the page."""
    return str(request.param)


@pytest.fixture
def shop(settings: Any, mode: str, live_server: Any) -> Any:
    """The shop under its own settings and a policy that lets nothing in by itself; answers the server."""
    csp = needed_module("csp.constants")
    policy = {
        "default-src": [csp.NONE],
        "script-src": [csp.NONCE] if mode == "nonce" else [csp.SELF, "https://js.example"],
        "style-src": [csp.SELF],
        "img-src": [csp.SELF],
        "form-action": [csp.SELF],
        "base-uri": [csp.NONE],
        "frame-ancestors": [csp.NONE],
    }
    serve_shop(
        settings,
        live_server,
        policy=policy,
        CONSENT=shop_settings.HELLOTEXT["CONSENT"],
        JS_URL=LIBRARY,
        JS={"inline": mode == "nonce", "webchat": False, "locale": "en"},
    )
    with urlopen(live_server.url, timeout=PATIENCE / 1000) as answer:  # noqa: S310 - our own server
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    return live_server


class Visitor:
    """Somebody in front of a browser."""

    def __init__(self, page: Any, url: str) -> None:
        self.page = page
        self.url = url
        self.wrong: list[str] = []
        self.asked_for_library: list[str] = []
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", lambda asked: self._note(asked.url))

    def _note(self, url: str) -> None:
        if url.startswith(LIBRARY):
            self.asked_for_library.append(url)
        elif not url.startswith(self.url):
            self.wrong.append(f"asked for {url}")

    def go(self, path: str) -> None:
        # Not "load": that waits for the library, which some tests keep away.
        self.page.goto(self.url + path, wait_until="domcontentloaded")

    def click(self, text: str) -> None:
        """Press what says ``text``, and wait for the page that follows."""
        with self.page.expect_navigation(wait_until="domcontentloaded"):
            self.page.click(f"button:has-text('{text}'), a:has-text('{text}')")

    def allow_cookies(self) -> None:
        self.click("Yes, you may")

    def calls(self, number: int) -> list[list[Any]]:
        """What the library was asked, in its order, once there are ``number`` of them and a moment more."""
        found: list[list[Any]] = []
        ends_at = time.monotonic() + PATIENCE / 1000
        while time.monotonic() < ends_at and len(found) < number:
            self.page.wait_for_timeout(60)
            found = self._calls()
        self.page.wait_for_timeout(120)
        return self._calls()

    def _calls(self) -> list[list[Any]]:
        found: list[list[Any]] = json.loads(self.page.evaluate("sessionStorage.getItem('calls') || '[]'"))
        return found

    def forget_calls(self) -> None:
        self.page.evaluate("sessionStorage.removeItem('calls')")

    def violations(self) -> list[str]:
        found: list[str] = json.loads(self.page.evaluate("sessionStorage.getItem('violations') || '[]'"))
        return found

    def add_to_cart(self, slug: str) -> None:
        self.go(f"/books/{slug}/")
        self.click("Add to cart")

    def register(self) -> None:
        self.go("/account/register/")
        for name, value in {
            "first_name": "Ada",
            "last_name": "Byron",
            "email": "ada@example.com",
            "password1": "correct-horse-9",
            "password2": "correct-horse-9",
        }.items():
            self.page.fill(f"[name={name}]", value)
        self._send()

    def check_out(self) -> None:
        self.go("/checkout/")
        for name, value in {
            "first_name": "Ada",
            "last_name": "Byron",
            "email": "ada@example.com",
            "street": "Lamp Lane 4",
            "postcode": "10115",
            "city": "Berlin",
            "country": "Germany",
        }.items():
            self.page.fill(f"[name={name}]", value)
        self.page.check("[name=delivery][value=deliver]")
        self._send()
        assert "/orders/" in self.page.url

    def _send(self) -> None:
        with self.page.expect_navigation(wait_until="domcontentloaded"):
            self.page.press("main form [name=first_name]", "Enter")


Open = Callable[..., Visitor]


@pytest.fixture
def opened(chromium: Any, shop: Any) -> Iterator[Open]:
    """Open a browser: ``answer`` is what becomes of a request for the library; ``script=False`` has none at all.

    At the end, nothing has gone wrong in any page: no error, no violation of the policy, no request elsewhere.
    """
    contexts = []
    visitors = []

    def standin(route: Any) -> None:
        headers = {"Access-Control-Allow-Origin": "*"}
        route.fulfill(body=STANDIN, content_type="text/javascript", headers=headers)

    def open_one(*, answer: Callable[[Any], None] = standin, script: bool = True) -> Visitor:
        context = chromium.new_context(java_script_enabled=script, user_agent=USER_AGENT)
        context.set_default_timeout(PATIENCE)
        context.add_init_script(WATCH)
        context.route(f"{LIBRARY}**", answer)
        contexts.append((context, script))
        visitors.append(Visitor(context.new_page(), shop.url))
        return visitors[-1]

    yield open_one
    found = []
    for visitor, (context, script) in zip(visitors, contexts, strict=True):
        found += visitor.wrong
        if script and visitor.page.url.startswith(shop.url):
            found += visitor.violations()
        context.close()
    assert found == []


@pytest.fixture
def visitor(opened: Open) -> Visitor:
    """Somebody with a browser as most have it."""
    return opened()
