from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest
import requests

from django_hellotext.emulator import EmulatorServer, Fault
from tests.chromium import launched

from .calling import Caller
from .shop import SESSION, Shop

PATIENCE = 60_000  # milliseconds; a busy machine is slow, not wrong
# What of the page's text has too little contrast with what is behind it, opacity included.
CONTRASTS = """() => {
  const context = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
  const over = (colours) => {
    context.clearRect(0, 0, 1, 1);
    for (const [colour, opacity] of colours) {
      context.globalAlpha = opacity; context.fillStyle = colour; context.fillRect(0, 0, 1, 1);
    }
    return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3).map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    }).reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
  };
  const pale = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    if (!own || !node.checkVisibility() || node.className === "skip") continue;
    const behind = []; let opacity = 1;
    for (let up = node; up; up = up.parentElement) {
      const style = getComputedStyle(up);
      behind.unshift([style.backgroundColor, 1]); opacity *= Number(style.opacity);
    }
    const ground = over(behind), ink = over([...behind, [getComputedStyle(node).color, opacity]]);
    const contrast = (Math.max(ground, ink) + 0.05) / (Math.min(ground, ink) + 0.05);
    if (contrast < 4.5) pale.push(`${node.tagName} ${node.textContent.slice(0, 30)} ${contrast.toFixed(2)}`);
  }
  return pale;
}"""


@pytest.mark.parametrize(
    ("path", "content_type"),
    [("/", "text/html"), ("/_emulator/page.css", "text/css"), ("/_emulator/page.js", "text/javascript")],
)
def test_the_page_comes_with_the_package(server: EmulatorServer, path: str, content_type: str) -> None:
    answer = requests.get(server.url + path, timeout=PATIENCE / 1000)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(content_type)
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("name", ["index.html", "page.css", "page.js"])
def test_the_page_needs_nothing_from_elsewhere(name: str) -> None:
    text = resources.files("django_hellotext.emulator").joinpath("page", name).read_text(encoding="utf-8")
    assert not re.search(r"https?:|//[a-z]|@import|innerHTML|eval\(", text)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched() as opened:
        yield opened


@pytest.fixture
def page(server: EmulatorServer, browser: Any) -> Iterator[Any]:
    """The emulator's page in a browser; it must neither fail nor ask anybody else."""
    wrong: list[str] = []
    asked_of: list[str] = []
    context = browser.new_context()
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("request", lambda asked: asked_of.append(asked.url))
    opened.goto(server.url)
    yield opened
    context.close()
    assert wrong == []
    assert [url for url in asked_of if not url.startswith((server.url, "data:"))] == []


@pytest.mark.chromium
def test_the_page_shows_by_itself_what_arrives(page: Any, server: EmulatorServer) -> None:
    page.wait_for_selector("text=Waiting for the first request")
    call = Caller(server.emulator)
    shop = Shop(call)
    page.wait_for_selector("#objects >> text=Will E")
    call("POST", "/v1/attribution/products", {"name": "<img src=x onerror=alert(1)>", "sku": "ANVIL"})
    refused = page.wait_for_selector(".request.bad")
    assert "sku: The value must be unique." in refused.inner_text()
    page.click("#objects >> text=Will E")
    page.wait_for_selector(".timeline >> text=Product viewed")
    shop.track(action="order.placed", profile=shop.profile, object=shop.order)
    page.wait_for_selector(".timeline >> text=Order placed")
    page.fill("#request-filter", "order.placed")
    assert page.locator(".request:visible").count() == 1
    page.select_option("#which", "refused")
    assert page.locator(".request:visible").count() == 0
    call.emulator.reset()
    page.wait_for_selector("text=Waiting for the first request")


@pytest.mark.chromium
def test_a_profile_shows_its_carts_and_sessions(page: Any, server: EmulatorServer) -> None:
    call = Caller(server.emulator)
    call("PATCH", f"/v1/sessions/{SESSION}", {"profile": Shop(call).profile})
    page.click("#objects >> text=Will E")
    shown = page.wait_for_selector("#objects .detail").inner_text()
    assert "Cart C7\n2 \N{MULTIPLICATION SIGN} Anvil" in shown
    assert f"Sessions\n\n{SESSION}" in shown
    assert "[object" not in shown


@pytest.mark.chromium
def test_the_page_is_used_by_keyboard(page: Any, server: EmulatorServer) -> None:
    Shop(Caller(server.emulator)).browse(action="page.viewed", session=SESSION, page={"url": "https://x.example/"})
    page.wait_for_selector("#objects .row")
    page.focus("#kinds [aria-selected=true]")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#objects >> text=Page viewed")
    assert page.evaluate("document.activeElement.dataset.kind") == "event"
    page.focus("#objects .row")
    page.keyboard.press("Enter")
    page.wait_for_selector("#objects >> text=Attributes")
    assert page.evaluate("document.activeElement.dataset.key") == "back"
    page.keyboard.press("Escape")
    page.wait_for_selector("#objects .row")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "request-filter"


@pytest.mark.chromium
def test_each_fault_has_a_button(page: Any, server: EmulatorServer) -> None:
    names = page.locator("#fault-buttons button").all_inner_texts()
    assert len(names) == 12
    page.focus("#fault-buttons >> text=429")
    page.keyboard.press("Enter")
    page.wait_for_selector("#active >> text=rate limit, 1 more, hit 0")
    assert [(fault["kind"], fault["times"]) for fault in server.emulator.faults()] == [("rate_limit", 1)]
    page.click("text=Revoke the token")
    page.wait_for_selector("#active >> text=the token is revoked")
    page.click("text=Let all go well again")
    page.wait_for_selector("#active .chip", state="detached")
    assert (server.emulator.faults(), server.emulator.token_revoked) == ([], False)


@pytest.mark.chromium
def test_the_keyboard_does_not_lose_its_place_when_all_goes_well_again(page: Any, server: EmulatorServer) -> None:
    server.emulator.add_fault(Fault("error"))
    page.focus("#active >> text=Let all go well again")
    page.keyboard.press("Enter")
    page.wait_for_selector("#active .chip", state="detached")
    page.wait_for_selector("#scope:focus")


@pytest.mark.chromium
def test_an_object_is_shown_without_a_look_at_all_the_others(
    page: Any, server: EmulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(Caller(server.emulator))
    page.click("#kinds >> text=Orders")
    page.click("#objects >> text=Order O7")
    page.wait_for_selector("#objects >> text=Attributes")
    monkeypatch.setattr(server.emulator.world.store["order"].created, "older", None)
    Caller(server.emulator)("PATCH", f"/v1/attribution/orders/{shop.order}", {"name": "The last"})
    page.wait_for_selector("#objects >> text=The last")


@pytest.mark.chromium
def test_the_page_names_the_reading_and_what_was_ignored(page: Any, server: EmulatorServer) -> None:
    Caller(server.emulator)("POST", "/v1/lists", {"name": "Greens", "colour": "green"})
    page.wait_for_selector("#requests .reason >> text=ignored: colour")
    page.wait_for_selector("#business >> text=strict reading")


@pytest.mark.chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 768, 400])
def test_the_page_fits_and_can_be_read(page: Any, server: EmulatorServer, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    call = Caller(server.emulator)
    call("POST", "/v1/lists", {"name": "W" * 200})
    call("POST", "/v1/profiles", {"email": f"{'x' * 120}@example.com", "first_name": "Maximiliana" * 6})
    server.emulator.add_fault(Fault("no_answer", times=1))
    headers = {"authorization": "Bearer test-token"}
    server.emulator.handle("DELETE", f"/v1/lists/{'W' * 200}", headers=headers, body=b"")
    page.wait_for_selector(".request .pill >> text=none")
    page.wait_for_selector("#objects >> text=Maximiliana")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    heights = set(page.eval_on_selector_all(".pill", "all => all.map(one => Math.round(one.offsetHeight / 10))"))
    assert heights == {2}, "a mark is broken into two lines"
    pale = page.evaluate(CONTRASTS)
    assert pale == [], "text below the contrast of 4.5 that WCAG asks for"


@pytest.mark.chromium
def test_the_page_says_when_the_emulator_is_away(page: Any, server: EmulatorServer) -> None:
    page.wait_for_selector(".live.on")
    server.emulator.add_fault(Fault("refuse", seconds=600))
    page.wait_for_selector("#live >> text=not reachable")
    page.click("text=429")
    page.wait_for_selector("#live >> text=not reachable")
    server.emulator.clear_faults()
    page.wait_for_selector(".live.on")
