"""Products as real shops have them arrive at Hellotext, as the policy says, and the row says what was changed."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from django_hellotext.adapters import Money, ProductAdapter, Value, registry
from django_hellotext.adjustments import Adjustments
from django_hellotext.delivery import Report
from django_hellotext.emulator import Emulator
from django_hellotext.models import Event, RemoteObject, State
from tests.factories import make_customer, make_product, make_variant, placed_order
from tests.testshop.models import Product

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
SHOP = "https://shop.example"


@pytest.fixture
def product(
    hellotext: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> Callable[..., tuple[dict[str, Any], list[tuple[str, str]]]]:
    """Send a product whose adapter has these attributes: what arrives, and field and kind of the adjustments."""
    settings.HELLOTEXT = {**settings.HELLOTEXT, "SITE_URL": SHOP}
    adapter = type(registry.for_model(Product))
    monkeypatch.setattr(adapter, "fallbacks", ProductAdapter.fallbacks)

    def send(fields: dict[str, Any] | None = None, **attributes: Any) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        for name, value in attributes.items():
            monkeypatch.setattr(adapter, name, value, raising=False)
        made = make_product(**(fields or {}))
        deliver()
        row = RemoteObject.objects.get(host_label="testshop.product", host_pk=str(made.pk))
        assert row.state == State.SYNCED, row.error_message
        adjustments = [(one.field, one.kind) for one in Adjustments.from_json(row.adjustments)]
        return dict(hellotext.world.store["product"].rows[row.remote_id]), adjustments

    return send


@pytest.mark.parametrize(
    ("image", "there"),
    [
        ("Sandía roja.png", f"{SHOP}/Sand%C3%ADa%20roja.png"),
        (unicodedata.normalize("NFD", "/media/Sandía.png"), f"{SHOP}/media/Sandi%CC%81a.png"),
        ("/media/Sand%C3%ADa%20roja.png", f"{SHOP}/media/Sand%C3%ADa%20roja.png"),
        ("https://cdn.example/a.png?w=1&#038;h=2", "https://cdn.example/a.png?w=1&h=2"),
        ("https://tienda-ñandú.example/a.png", "https://xn--tienda-and-z9a5i.example/a.png"),
    ],
)
def test_an_image_arrives_with_an_address_that_can_be_fetched(product: Any, image: str, there: str) -> None:
    found, adjustments = product(image_url=Value(image))
    assert (found["image_url"], adjustments) == (there, [])


@pytest.mark.parametrize("image", ["no image", "http://10.0.0.1/a.png", "ftp://cdn.example/a.png"])
def test_a_product_arrives_without_an_image_that_nobody_can_fetch(product: Any, image: str) -> None:
    found, adjustments = product(image_url=Value(image))
    assert (found["image_url"], adjustments) == (None, [("image_url", "left_out")])


@pytest.mark.parametrize(
    ("fields", "there", "adjusted"),
    [
        ({"name": "", "sku": "N-1"}, "N-1", [("name", "repaired")]),
        ({"name": "Novel\x1b"}, "Novel", [("name", "repaired")]),
        ({"name": "Té &#8211; verde"}, "Té &#8211; verde", []),
        ({"name": "كتاب 👩‍👩‍👧"}, "كتاب 👩‍👩‍👧", []),
    ],
)
def test_a_name_arrives(product: Any, fields: dict[str, Any], there: str, adjusted: list[tuple[str, str]]) -> None:
    found, adjustments = product(fields)
    assert (found["name"], adjustments) == (there, adjusted)


def test_a_name_that_is_too_long_is_cut(product: Any) -> None:
    found, adjustments = product(name=lambda obj: "x" * 300)
    assert (found["name"], adjustments) == ("x" * 255, [("name", "shortened")])


def test_entities_are_decoded_where_that_is_declared(product: Any) -> None:
    found, adjustments = product({"name": "Té &#8211; verde"}, decode_entities=True)
    assert (found["name"], adjustments) == ("Té \u2013 verde", [])


@pytest.mark.parametrize(
    ("price", "currency", "there"),
    [
        ("0", "EUR", "0.00"),
        (19.99, "EUR", "19.99"),
        (" 19.995 ", "eur", "20.00"),
        (1200.4, "CLP", "1200"),
        (1200, "JPY", "1200"),
        ("1.2345", "KWD", "1.235"),
    ],
)
def test_a_price_arrives_to_the_minor_unit(product: Any, price: Any, currency: str, there: str) -> None:
    found, adjustments = product(price=Money(Value(price), currency=Value(currency)))
    assert found["price"] == {"amount": there, "currency": currency.upper()}
    assert adjustments == []


def test_a_price_that_cannot_be_read_costs_only_itself(product: Any) -> None:
    found, adjustments = product(price=Value("ask us"), currency=Value("EUR"))
    assert (found["price"], adjustments) == (None, [("price", "left_out")])


def test_a_parent_without_a_price_has_that_of_its_cheapest_variant(product: Any) -> None:
    variants = Value(
        [
            {"reference": "L", "name": "L", "price": Decimal("12.00")},
            {"reference": "S", "name": "S", "price": Decimal("9.50")},
        ]
    )
    found, adjustments = product(price=Value(0), currency=Value("EUR"), variants=variants)
    assert found["price"] == {"amount": "9.50", "currency": "EUR"}
    assert adjustments == [("price", "repaired")]


def test_the_order_of_a_messy_product_arrives_with_its_event(
    product: Any, hellotext: Emulator, deliver: Deliver
) -> None:
    product(get_brand=lambda self, obj: 1 / 0, image_url=Value("Sandía roja.png"), price=Value("n/a"))
    placed_order(customer=make_customer())
    deliver()
    assert Event.objects.get(action="order.placed").state == State.DELIVERED
    assert len(hellotext.world.store["order"].rows) == 1


def test_a_messy_variant_arrives(hellotext: Emulator, deliver: Deliver) -> None:
    variant = make_variant(name="", sku="N-1-L")
    deliver()
    row = RemoteObject.objects.get(host_label="testshop.variant", host_pk=str(variant.pk))
    assert hellotext.world.store["variant"].rows[row.remote_id]["name"] == "N-1-L"
