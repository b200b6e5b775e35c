"""``{% hellotext %}``: the same bytes for everybody, and nothing that a value could break out of."""

from __future__ import annotations

import copy
import json
import re
from html.parser import HTMLParser
from typing import Any

import django
import pytest
from django.http import HttpRequest
from django.template import Context, Template
from django.test import Client, RequestFactory, override_settings

from django_hellotext.conf import HELLOTEXT_JS_URL
from django_hellotext.snippet import ELEMENT_ID, snippet
from tests.factories import make_customer

BUSINESS = {"BUSINESS_ID": "shop-1"}
COMPLETE = {**BUSINESS, "API_TOKEN": "secret-token", "ENVIRONMENT": "test", "CURRENCY": "EUR"}


class Scripts(HTMLParser):
    """The script elements of a page, as a browser reads them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[dict[str, str | None], str]] = []
        self.others: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script":
            self.found.append((dict(attrs), ""))
        else:
            self.others.append(tag)

    def handle_data(self, data: str) -> None:
        if self.found:
            attributes, text = self.found.pop()
            self.found.append((attributes, text + data))


def rendered(context: dict[str, Any] | None = None) -> str:
    return Template("{% load hellotext %}{% hellotext %}").render(Context(context or {}))


def config(html: str) -> Any:
    [(attributes, text), _, _] = Scripts(html).found
    assert attributes == {"id": ELEMENT_ID, "type": "application/json"}
    return json.loads(text)


@override_settings(HELLOTEXT=BUSINESS)
def test_the_library_is_loaded_and_initialised_with_the_business() -> None:
    html = rendered()
    _, (loader, _), (inline, start) = Scripts(html).found
    assert config(html) == {"business": "shop-1", "options": {}}
    assert loader == {"src": HELLOTEXT_JS_URL, "async": None, "data-hellotext-library": None}
    assert inline == {}
    assert "Hellotext.initialize(config.business, config.options)" in start


@pytest.mark.django_db
def test_two_customers_and_a_visitor_see_the_same_bytes(settings: Any) -> None:
    settings.HELLOTEXT = COMPLETE
    pages = []
    for customer in (make_customer(), make_customer(), None):
        client = Client()
        if customer is not None:
            client.force_login(customer)
            client.cookies["hello_session"] = f"session-of-{customer.pk}"
        pages.append(client.get("/tag/").content)
    assert pages[0]
    assert len(set(pages)) == 1


@pytest.mark.django_db
def test_the_token_never_reaches_the_page(settings: Any) -> None:
    settings.HELLOTEXT = COMPLETE
    assert b"secret-token" not in Client().get("/tag/").content


@pytest.mark.parametrize(
    "unconfigured",
    [None, {}, "token", {"API_TOKEN": "t"}, {"BUSINESS_ID": ""}, {"BUSINESS_ID": "a/b"}, {**BUSINESS, "TYPO": 1}],
)
def test_nothing_is_rendered_while_the_app_is_not_configured(unconfigured: Any) -> None:
    with override_settings(HELLOTEXT=unconfigured):
        assert rendered() == ""


@pytest.mark.parametrize("base", ["https://api.hellotext.com", "https://api.hellotext.com/"])
def test_the_public_address_is_not_repeated(base: str) -> None:
    with override_settings(HELLOTEXT={**BUSINESS, "BASE_URL": base}):
        assert config(rendered())["options"] == {}


@pytest.mark.parametrize("base", ["http://127.0.0.1:4010", "http://127.0.0.1:4010/"])
def test_another_address_is_told_to_the_library(base: str) -> None:
    with override_settings(HELLOTEXT={**BUSINESS, "BASE_URL": base}):
        assert config(rendered())["options"] == {"apiRoot": "http://127.0.0.1:4010/v1"}


@pytest.mark.parametrize(
    "hostile",
    ["</script><script>alert(1)</script>", "<!--<script>", '"-alert(1)-"', "a'b", "&lt;", "a\\u003c", "`${1}`", "]]>"],
)
def test_no_value_breaks_out_of_its_element(hostile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The settings refuse most of these; the snippet does not rely on that.
    replace_settings(monkeypatch, hostile)
    html = snippet(nonce=hostile)
    scripts = Scripts(html)
    assert config(html)["business"] == hostile
    assert len(scripts.found) == 3
    assert scripts.others == []
    assert scripts.found[1][0] == {
        "src": hostile,
        "async": None,
        "data-hellotext-library": None,
        "integrity": hostile,
        "crossorigin": "anonymous",
        "nonce": hostile,
    }
    assert config(html)["options"] == {"locale": hostile}


def test_line_separators_of_javascript_are_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = "a\N{LINE SEPARATOR}b\N{PARAGRAPH SEPARATOR}c"
    replace_settings(monkeypatch, hostile)
    html = snippet()
    assert config(html)["business"] == hostile
    assert r"a\u2028b\u2029c" in html


def replace_settings(monkeypatch: pytest.MonkeyPatch, hostile: str) -> None:
    for room in ("library", "permission"):
        monkeypatch.setattr(f"django_hellotext.snippet.{room}.hellotext_settings", Settings(hostile))


class Settings:
    """Settings that let everything pass."""

    BASE_URL = "https://api.hellotext.com"

    def __init__(self, hostile: str) -> None:
        self.BUSINESS_ID = hostile
        self.JS_URL = hostile
        self.JS = {"locale": hostile, "integrity": hostile}

    def problems(self) -> list[Any]:
        return []


# Content Security Policy


class LazyNonce:
    """As in Django 6: made when it is first read, and false until then."""

    made = False

    def __str__(self) -> str:
        self.made = True
        return "n0nce=="

    def __bool__(self) -> bool:
        return self.made


def nonces(html: str) -> list[str | None]:
    return [attributes.get("nonce") for attributes, _ in Scripts(html).found]


@override_settings(HELLOTEXT=BUSINESS)
def test_the_nonce_of_the_context_is_on_both_scripts() -> None:
    assert nonces(rendered({"csp_nonce": "n0nce=="})) == [None, "n0nce==", "n0nce=="]


@override_settings(HELLOTEXT=BUSINESS)
def test_a_nonce_that_nobody_has_read_yet_is_used() -> None:
    assert nonces(rendered({"csp_nonce": LazyNonce()})) == [None, "n0nce==", "n0nce=="]


@override_settings(HELLOTEXT=BUSINESS)
def test_the_nonce_of_the_request_is_used_where_the_context_has_none() -> None:
    request = RequestFactory().get("/")
    request.csp_nonce = LazyNonce()  # type: ignore[attr-defined]  # set by django-csp
    assert nonces(rendered({"request": request})) == [None, "n0nce==", "n0nce=="]


@override_settings(HELLOTEXT=BUSINESS)
@pytest.mark.parametrize("context", [{}, {"csp_nonce": ""}, {"csp_nonce": None}, {"request": HttpRequest()}])
def test_without_a_nonce_there_is_no_such_attribute(context: dict[str, Any]) -> None:
    assert "nonce" not in re.sub(r">[^<]*<", "><", rendered(context))


@override_settings(HELLOTEXT={})
def test_a_nonce_is_not_made_for_an_empty_snippet() -> None:
    nonce = LazyNonce()
    rendered({"csp_nonce": nonce})
    assert not nonce


@pytest.mark.skipif(django.VERSION < (6, 0), reason="Content Security Policy came with Django 6.0")
def test_the_nonce_that_django_sends_is_the_nonce_on_the_scripts(settings: Any) -> None:
    settings.HELLOTEXT = BUSINESS
    settings.MIDDLEWARE = ["django.middleware.csp.ContentSecurityPolicyMiddleware", *settings.MIDDLEWARE]
    settings.SECURE_CSP = {"script-src": ["<CSP_NONCE_SENTINEL>"]}
    settings.TEMPLATES = copy.deepcopy(settings.TEMPLATES)
    settings.TEMPLATES[0]["OPTIONS"]["context_processors"].append("django.template.context_processors.csp")
    response = Client().get("/tag/")
    found = re.search(r"'nonce-([^']+)'", response.headers["Content-Security-Policy"])
    assert found
    assert nonces(response.content.decode()) == [None, found[1], found[1]]
