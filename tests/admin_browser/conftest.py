"""The example shop's admin on a server of this process, under a strict policy, and an operator in a real browser."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

import django_hellotext
from django_hellotext.api import HellotextClient
from django_hellotext.delivery import Report, drain
from django_hellotext.emulator import Emulator, MemoryBackend
from tests.chromium import PATIENCE
from tests.chromium import chromium as chromium
from tests.example.served import serve_shop
from tests.needs import needed_module

# How far the page reaches beyond the window, in pixels, and what reaches out: parts that scroll by themselves do not.
# The choice of actions may not even reach out of its list: the filters would cover it.
OVERFLOW = """() => {
  const found = [];
  const choice = document.querySelector("#changelist .actions select");
  const list = document.querySelector(".changelist-form-container");
  if (choice && choice.getBoundingClientRect().right > list.getBoundingClientRect().right + 1) {
    found.push("the choice of actions");
  }
  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= wide) { return found; }
  for (const one of document.querySelectorAll("body *")) {
    if (one.getBoundingClientRect().right > wide + 1) { found.push(one.tagName + "." + one.className); }
  }
  return ["reaches to " + document.documentElement.scrollWidth + " of " + wide, ...found.slice(0, 12)];
}"""

# Told by the browser itself, for the page that it shows.
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", function (event) {
  window.violations.push(event.violatedDirective + " " + event.blockedURI);
});
"""


@pytest.fixture
def shop(settings: Any, live_server: Any) -> Any:
    """The shop with its admin, under a policy that lets in nothing but the site's own files; answers the server."""
    csp = needed_module("csp.constants")
    policy = {
        "default-src": [csp.NONE],
        "script-src": [csp.SELF],
        "style-src": [csp.SELF],
        "img-src": [csp.SELF, "data:"],
        "font-src": [csp.SELF],
        "connect-src": [csp.SELF],
        "form-action": [csp.SELF],
        "base-uri": [csp.NONE],
    }
    serve_shop(settings, live_server, policy=policy)
    return live_server


@pytest.fixture
def hellotext() -> Emulator:
    """The Hellotext of the shop; two visitors' browsers have announced themselves."""
    return Emulator(token="token", business_id="books", known_sessions=("of-ada", "of-grace"))


@pytest.fixture
def deliver(hellotext: Emulator) -> Callable[[], Report]:
    """Let the worker do what is due."""
    return lambda: drain("default", client=HellotextClient(token="token", backend=MemoryBackend(hellotext)))


class Operator:
    """Somebody in front of the admin."""

    def __init__(self, page: Any, url: str) -> None:
        self.page = page
        self.url = url
        self.wrong: list[str] = []
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", self._hear)
        page.on("request", lambda asked: self._note(asked.url))
        page.on("dialog", self._refuse)

    def _hear(self, said: Any) -> None:
        is_icon = said.location.get("url", "").endswith("/favicon.ico")
        if said.type in ("error", "warning") and not is_icon:
            self.wrong.append(said.text)

    def _refuse(self, dialog: Any) -> None:
        """Only a script that has no business here asks something."""
        self.wrong.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def _note(self, url: str) -> None:
        if not url.startswith((self.url, "data:")):
            self.wrong.append(f"asked for {url}")

    def go(self, path: str) -> None:
        answer = self.page.goto(self.url + path)
        assert answer.status == 200, f"{path}: {answer.status}"
        self.wrong += self.page.evaluate("window.violations")

    def text(self) -> str:
        """What a person reads on the page."""
        found: str = self.page.inner_text("#content")
        return found

    def press(self, name: str, *, role: str = "button") -> None:
        """Press what is called so, and wait for the page that follows."""
        with self.page.expect_navigation():
            self.page.get_by_role(role, name=name).first.click()

    def follow(self, name: str) -> None:
        """Follow the link of the content that is called so."""
        with self.page.expect_navigation():
            self.page.locator("#content").get_by_role("link", name=name, exact=True).first.click()

    def act(self, action: str, *keys: Any) -> None:
        """Tick rows of a list, choose an action, and go."""
        for key in keys:
            self.page.check(f"input[name=_selected_action][value='{key}']")
        self.page.select_option("select[name=action]", label=action)
        with self.page.expect_navigation():
            self.page.locator(".actions button[name=index]").first.click()

    def overflow(self) -> list[str]:
        """What reaches out of the page to the right; nothing, as it should be."""
        found: list[str] = self.page.evaluate(OVERFLOW)
        return found

    def shoot(self, name: str) -> None:
        """Leave a picture for whoever looks: ``ADMIN_PICTURES`` names the folder."""
        folder = os.environ.get("ADMIN_PICTURES")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


Enter = Callable[..., Operator]


@pytest.fixture
def enter(chromium: Any, shop: Any) -> Iterator[Enter]:
    """Open the admin: as a superuser, or as somebody with ``rights`` alone.

    At the end, nothing has gone wrong in any page: no error, no violation of the policy, no request elsewhere.
    """
    contexts: list[Any] = []
    operators: list[Operator] = []

    def open_one(*, rights: list[str] | None = None, width: int = 1280) -> Operator:
        name = f"operator{len(contexts)}"
        with django_hellotext.paused():
            user = User.objects.create_user(name, is_staff=True, is_superuser=rights is None)
        for right in rights or []:
            app, codename = right.split(".")
            user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
        client = Client()
        client.force_login(user)
        size = {"width": width, "height": 800}
        context = chromium.new_context(viewport=size, locale="en")
        context.set_default_timeout(PATIENCE)
        context.add_init_script(WATCH)
        context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": shop.url}])
        contexts.append(context)
        operators.append(Operator(context.new_page(), shop.url))
        return operators[-1]

    yield open_one
    found = [wrong for operator in operators for wrong in operator.wrong]
    for context in contexts:
        context.close()
    assert found == []


@pytest.fixture
def operator(enter: Enter) -> Operator:
    """A superuser at a desk."""
    return enter()
