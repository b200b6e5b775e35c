"""Whatever a shop keeps, a payload is valid against the contract or refused by name (I5, I6, A1)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import pytest
import simplejson
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_core.testing import MockRequest

from django_hellotext import adapters
from django_hellotext.adapters import KIND_ORDER, Adapter, Link, links
from django_hellotext.adapters.base import CONSENT_KEYS
from django_hellotext.adapters.fields import Shape
from django_hellotext.adapters.money import EXPONENTS
from django_hellotext.api import HellotextClient
from django_hellotext.api.backends.base import BaseBackend, PreparedRequest, RawResponse
from django_hellotext.api.backends.dummy import DummyBackend
from django_hellotext.delivery.send import OPERATIONS, values_of
from django_hellotext.exceptions import ConfigurationError, TrackingError
from tests.contract import openapi
from tests.docs.test_adapters import BASES
from tests.testshop.models import Product

ANY_DATA = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), database=None)

# Half of a surrogate pair is missing: no database holds one.
AWKWARD = ["", " ", "\x00", "\x1b[0m", "a\r\nb", "👩‍👩‍👧", "é" * 300, "x" * 20_000, "\u202eabc", "{{ x }}", "<b>", "0"]
TEXTS = st.one_of(
    st.none(),
    st.sampled_from(AWKWARD),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.just("plain"),
)
AMOUNTS = st.one_of(
    st.none(),
    st.decimals(min_value=0, max_value=10**9, allow_nan=False, allow_infinity=False, places=4),
    st.integers(0, 10**9),
    st.sampled_from([Decimal("0"), Decimal("1E+3"), Decimal("0.001"), Decimal("NaN"), "12.50", "a lot", 1.5]),
)
CURRENCIES = st.sampled_from(["JPY", "EUR", "KWD", "CLF"])
MAPPINGS = st.one_of(st.none(), st.dictionaries(st.text(max_size=8), st.one_of(TEXTS, st.integers(), st.booleans())))
ADDRESSES = ["https://shop.example/a", "/a", "", "javascript:alert(1)", "http://[", "https://ümlaut.example/ü?a=b c"]
# What delivery turns into a refused row with its reason.
REFUSED = (TrackingError, ConfigurationError, ValueError, TypeError)


def link(kind: str) -> st.SearchStrategy[Link | None]:
    return st.one_of(st.none(), st.just(Link(kind, "shop.thing", "1")))


LINES = st.lists(
    st.fixed_dictionaries(
        {"product": st.just(Link("product", "shop.thing", "1")), "quantity": st.integers(0, 5), "price": AMOUNTS}
    ),
    max_size=3,
)
VARIANTS = st.lists(
    st.fixed_dictionaries({"reference": TEXTS, "name": TEXTS, "sku": TEXTS, "price": AMOUNTS, "metadata": MAPPINGS}),
    max_size=3,
)


def data_for(name: str, shape: Shape) -> st.SearchStrategy[Any]:
    """What a host may keep for attribute ``name``."""
    if name == "currency":
        return CURRENCIES
    if name == "delivery":
        return st.sampled_from(["deliver", "collect"])
    if name == "value_kind":
        return st.sampled_from(["text", "number", "tags"])
    match shape:
        case Shape.TEXT:
            return TEXTS
        case Shape.URL | Shape.IMAGE:
            return st.one_of(TEXTS, st.sampled_from(ADDRESSES))
        case Shape.FLAG:
            return st.one_of(st.none(), st.booleans())
        case Shape.COUNT:
            return st.one_of(st.none(), st.integers(1, 99))
        case Shape.MONEY:
            return AMOUNTS
        case Shape.NAMES:
            return st.one_of(st.none(), st.lists(TEXTS, max_size=4))
        case Shape.MAPPING:
            return MAPPINGS if name != "address" else st.one_of(st.none(), st.just({"city": "Lima", "country": "PE"}))
        case Shape.LINK:
            return link(name)
        case Shape.ITEMS:
            return LINES
        case Shape.VARIANTS:
            return VARIANTS
    return st.none()


@lru_cache
def adapter_for(kind: str) -> Adapter:
    """An adapter of ``kind`` that reads every attribute from a dictionary."""
    base = BASES[kind]
    getters = {f"get_{name}": lambda self, obj, name=name: obj[name] for name in base.attributes}
    adapter: Adapter = type("AnyAdapter", (base,), getters)(Product)
    return adapter


class Capture(BaseBackend):
    """Keeps the last request."""

    last: PreparedRequest

    def send(self, request: PreparedRequest) -> RawResponse:
        self.last = request
        return DummyBackend().send(request)


def sent(kind: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """The body in which ``payload`` goes out, proved against the contract."""
    backend = Capture()
    client = HellotextClient(token="t", backend=backend)
    values = values_of(payload, dict.fromkeys(links(payload), "MzYwlE50"))
    if kind == "cart" and "profile" not in values:
        values["session"] = "a-session"
    OPERATIONS[kind].create(client, values)
    request = backend.last
    headers = {"Authorization": "Bearer t", "Content-Type": "application/json"}
    openapi().validate_request(
        MockRequest(
            "https://api.hellotext.com",
            request.method.lower(),
            quote(request.path, safe="/%"),
            headers=headers,
            data=request.body,
            content_type="application/json",
        )
    )
    body: dict[str, Any] = simplejson.loads(request.body or b"", use_decimal=True)
    return body


@pytest.mark.parametrize("kind", KIND_ORDER)
@ANY_DATA
@given(data=st.data())
def test_any_data_goes_out_as_the_contract_wants_or_is_refused_by_name(kind: str, data: st.DataObject) -> None:
    adapter = adapter_for(kind)
    obj = {name: data.draw(data_for(name, shape), label=name) for name, shape in adapter.attributes.items()}
    with override_settings(HELLOTEXT={"SITE_URL": "https://shop.example"}):
        try:
            body = sent(kind, adapter.payload(obj))
        except REFUSED as error:
            refusal = str(error)
        else:
            refusal = ""
    if refusal:
        return
    assert not {name.lower() for name in body} & CONSENT_KEYS
    assert json.dumps(body, default=str)


@pytest.mark.parametrize("kind", KIND_ORDER)
@given(text=st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=60).filter(str.strip))
@settings(parent=ANY_DATA, max_examples=25)
def test_no_text_is_refused_that_a_person_might_have_typed(kind: str, text: str) -> None:
    adapter = adapter_for(kind)
    obj: dict[str, Any] = dict.fromkeys(adapter.attributes)
    obj |= {name: text for name, shape in adapter.attributes.items() if shape is Shape.TEXT}
    obj |= {name: Link(name, "shop.thing", "1") for name, shape in adapter.attributes.items() if shape is Shape.LINK}
    obj |= {"delivery": "deliver", "value_kind": "text", "destination_url": "https://shop.example/", "currency": "EUR"}
    if kind == "property":
        text = f"p {text}".replace("{", "(").replace("}", ")")
        obj["name"] = text
    if kind == "refund":
        obj["product"] = None
    body = sent(kind, adapter.payload(obj))
    named = next(name for name in ("name", "code", "first_name", "reference") if name in adapter.attributes)
    assert body[named] == text


@pytest.mark.parametrize("currency", ["JPY", "EUR", "KWD", "CLF"])
@given(cents=st.integers(0, 10**12))
@settings(parent=ANY_DATA)
def test_money_is_exact_in_every_currency(currency: str, cents: int) -> None:
    """I5: no digit is lost or made up, whatever the number of decimals."""
    amount = Decimal(cents).scaleb(-EXPONENTS.get(currency, 2))
    adapter = adapter_for("product")
    obj = {**dict.fromkeys(adapter.attributes), "reference": "1", "name": "x", "price": amount, "currency": currency}
    price = sent("product", adapter.payload(obj))["price"]
    assert Decimal(price["amount"]) == amount
    assert price["currency"] == currency


@given(key=st.sampled_from(sorted(CONSENT_KEYS)), tail=st.sampled_from(["", "[x]"]), value=st.booleans())
@settings(parent=ANY_DATA)
def test_no_profile_ever_holds_a_consent_key(key: str, tail: str, value: bool) -> None:
    """A1"""

    class Wrong(adapters.ProfileAdapter):
        def build(self, obj: Any) -> dict[str, Any]:
            return {"email": "a@example.com", f"{key}{tail}": value}

    with pytest.raises(ConfigurationError, match="Consent is never mirrored"):
        Wrong(Product).payload({})
