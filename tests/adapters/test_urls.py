"""Addresses on the web: encoded exactly once, with a host in A-form; what Hellotext cannot reach is left out."""

from __future__ import annotations

import os
import unicodedata
from typing import Any

import pytest
from django.test import override_settings

from django_hellotext.adapters import Value, urls
from tests.testshop.models import Product, Review

from .collected import rendered
from .shop import coupon_adapter, product_adapter

SHOP = "https://shop.example"
NFD = unicodedata.normalize("NFD", "Sandía.png")
LATIN_1 = os.fsdecode(b"/media/caf\xe9.png")
LEFT_OUT = [("image_url", "left_out")]


@pytest.fixture(autouse=True)
def _site() -> Any:
    with override_settings(HELLOTEXT={"SITE_URL": SHOP}):
        yield


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("https://cdn.example/a.png", "https://cdn.example/a.png"),
        ("https://cdn.example/Sandía roja.png", "https://cdn.example/Sand%C3%ADa%20roja.png"),
        ("https://cdn.example/Sand%C3%ADa%20roja.png", "https://cdn.example/Sand%C3%ADa%20roja.png"),
        ("https://cdn.example/a%20b c.png", "https://cdn.example/a%20b%20c.png"),
        (f"https://cdn.example/{NFD}", "https://cdn.example/Sandi%CC%81a.png"),
        ("https://cdn.example/100% algodón.png", "https://cdn.example/100%25%20algod%C3%B3n.png"),
        ("https://cdn.example/a.png?w=1&#038;h=2", "https://cdn.example/a.png?w=1&h=2"),
        ("https://cdn.example/a.png?w=1&amp;h=2&#38;x=3", "https://cdn.example/a.png?w=1&h=2&x=3"),
        ("https://cdn.example/a.png?q=&amp;amp;", "https://cdn.example/a.png?q=&amp;"),
        (
            'https://cdn.example/a?q=rojo vivo&s="x"#Sandía [1]',
            "https://cdn.example/a?q=rojo%20vivo&s=%22x%22#Sand%C3%ADa%20%5B1%5D",
        ),
        ("https://cdn.example/a,b;c=1/(x)!*'@:~.png", "https://cdn.example/a,b;c=1/(x)!*'@:~.png"),
        ("https://münchen.example/a.png", "https://xn--mnchen-3ya.example/a.png"),
        ("https://straße.example/a.png", "https://xn--strae-oqa.example/a.png"),
        ("https://MÜNCHEN.example:8443/a.png", "https://xn--mnchen-3ya.example:8443/a.png"),
        ("https://例え.example/画像.png", "https://xn--r8jz45g.example/%E7%94%BB%E5%83%8F.png"),
        ("https://my_bucket.cdn.example/a.png", "https://my_bucket.cdn.example/a.png"),
        ("//cdn.example/a b.png", "https://cdn.example/a%20b.png"),
        ("/media/Sandía roja.png", f"{SHOP}/media/Sand%C3%ADa%20roja.png"),
        ("Sandía roja.png", f"{SHOP}/Sand%C3%ADa%20roja.png"),
        ("www.cdn.example/a.png", "https://www.cdn.example/a.png"),
        ("media\\a.png", f"{SHOP}/media/a.png"),
        (" https://cdn.example/a.png\n", "https://cdn.example/a.png"),
        ("HTTPS://CDN.example/A.png", "https://cdn.example/A.png"),
        (LATIN_1, f"{SHOP}/media/caf%E9.png"),
        (
            "https://cdn.example/👩‍👩‍👧.png",
            "https://cdn.example/%F0%9F%91%A9%E2%80%8D%F0%9F%91%A9%E2%80%8D%F0%9F%91%A7.png",
        ),
        ("https://[2606:4700::1111]/a b", "https://[2606:4700::1111]/a%20b"),
    ],
)
def test_an_address_is_written_as_hellotext_takes_it(given: str, sent: str) -> None:
    payload, adjustments = rendered(product_adapter(image_url=Value(given), url=None), Product(pk=1, name="Novel"))
    assert payload["image_url"] == sent
    assert adjustments == []
    assert urls.clean(sent) == sent.replace("&amp;", "&")


@pytest.mark.parametrize(
    "given",
    [
        "pending upload: ask Ana",
        "n/a",
        "none",
        "-",
        "javascript:alert(1)",
        "data:image/png;base64,AA",
        "ftp://cdn.example/a.png",
        "http://[",
        "http://",
        "https://cdn.example:port/a.png",
        "https://cdn example/a.png",
        "https://user:secret@cdn.example/a.png",
        "https://cdn.example/" + "x" * 3000,
        "https://\u2764\u200b.example/a.png",
        "http://localhost/a.png",
        "http://media/a.png",
        "http://10.0.0.7/a.png",
        "http://nas.local/a.png",
        "http://[::1]/a.png",
    ],
)
def test_what_is_no_public_address_is_left_out(given: str) -> None:
    payload, adjustments = rendered(product_adapter(image_url=Value(given), url=None), Product(pk=1, name="Novel"))
    assert payload == {"reference": "1", "source": "django", "name": "Novel"}
    assert adjustments == LEFT_OUT


@pytest.mark.parametrize("given", [{"url": "https://cdn.example/a.png"}, ["a"], 7, True, b"a"])
def test_what_is_no_text_is_left_out(given: Any) -> None:
    payload, adjustments = rendered(product_adapter(image_url=lambda obj: given, url=None), Product(pk=1, name="Novel"))
    assert payload["name"] == "Novel"
    assert "image_url" not in payload
    assert adjustments == LEFT_OUT


def test_a_page_on_the_shops_own_host_counts_as_public() -> None:
    page, image = Value("http://localhost:8000/p/1"), Value("http://localhost:8000/1.png")
    adapter = product_adapter(url=page, image_url=image)
    with override_settings(HELLOTEXT={"SITE_URL": "http://localhost:8000"}):
        payload, adjustments = rendered(adapter, Product(pk=1, name="Novel"))
        assert payload["url"] == "http://localhost:8000/p/1"
        assert adjustments == LEFT_OUT
    payload, adjustments = rendered(adapter, Product(pk=1, name="Novel"))
    assert "url" not in payload
    assert [field for field, _ in adjustments] == ["url", "image_url"]


@override_settings(HELLOTEXT={})
def test_a_relative_address_without_a_site_is_left_out_and_recorded() -> None:
    payload, adjustments = rendered(product_adapter(image_url=Value("/a.png"), url=None), Product(pk=1, name="Novel"))
    assert "image_url" not in payload
    assert adjustments == LEFT_OUT


@pytest.mark.parametrize(
    ("given", "sent", "adjusted"),
    [
        ("https://shop.example/oferta día", "https://shop.example/oferta%20d%C3%ADa", []),
        ("", SHOP, ["destination_url"]),
        ("in the shop", SHOP, ["destination_url", "destination_url"]),
        ("mailto:ana@shop.example", SHOP, ["destination_url", "destination_url"]),
    ],
)
def test_a_coupon_without_an_address_leads_to_the_shop(given: str, sent: str, adjusted: list[str]) -> None:
    adapter = coupon_adapter(destination_url=Value(given))
    payload, adjustments = rendered(adapter, Review(pk=1, title="SUMMER"))
    assert payload["destination_url"] == sent
    assert [field for field, _ in adjustments] == adjusted
