"""An adapter covers every parameter that the contract has for its kind, in creating and in updating."""

from __future__ import annotations

from typing import Any

import pytest

from django_hellotext.adapters import KIND_ORDER
from django_hellotext.adapters.checking import MAIN
from tests.contract import resolve, server_operations
from tests.docs.test_adapters import BASES

PATHS = {
    "profile": ("/v1/profiles", "/v1/profiles/{id}"),
    "property": ("/v1/properties", "/v1/properties/{id}"),
    "list": ("/v1/lists", "/v1/lists/{id}"),
    "action": ("/v1/attribution/actions", "/v1/attribution/actions/{id}"),
    "form": ("/v1/attribution/forms", "/v1/attribution/forms/{id}"),
    "app": ("/v1/attribution/apps", "/v1/attribution/apps/{id}"),
    "product": ("/v1/attribution/products", "/v1/attribution/products/{id}"),
    "product_variant": ("/v1/attribution/products/{product}/variants", "/v1/attribution/variants/{id}"),
    "coupon": ("/v1/coupons", "/v1/coupons/{id}"),
    "cart": ("/v1/attribution/carts", "/v1/attribution/carts/{id}"),
    "order": ("/v1/attribution/orders", "/v1/attribution/orders/{id}"),
    "refund": ("/v1/attribution/refunds", "/v1/attribution/refunds/{id}"),
}
NAMES = {
    "profile": {"emails": "email", "phones": "phone", "addresses": "address", "properties": "property"}
    | {"properties_by_id": "property_by_id"},
    "property": {"value_kind": "kind"},
}
LEFT_OUT = {
    "profile": {"subscribe"},  # consent is never in a payload (promise 9)
    # The sum of an order is what its lines say (facts of the API); how lines are changed is the client's business.
    "order": {"total"},
    "cart": {"new_items", "session"},  # a cart's session is remembered, not read from the shop
    "product": {"new_variants"},
}
ONES_OWN = {"reference", "source"}  # of the base class


@pytest.mark.parametrize("kind", KIND_ORDER)
def test_an_adapter_covers_every_parameter_of_its_kind(kind: str) -> None:
    names = NAMES.get(kind, {})
    covered = {names.get(name, name) for name in BASES[kind].attributes} | ONES_OWN | LEFT_OUT.get(kind, set())
    if kind == "profile":
        covered |= {f"new_default_{name}" for name in MAIN}  # by ``keeps_former``
    create, update = PATHS[kind]
    wanted = parameters("POST", create) | parameters("PATCH", update)
    assert wanted, kind
    assert wanted - covered == set()


def parameters(method: str, path: str) -> set[str]:
    """The names of the fields of a request's body."""
    [operation] = [one for one in server_operations() if (one.method, one.path) == (method, path)]
    return set().union(*(fields(one["schema"]) for one in operation.node["requestBody"]["content"].values()))


def fields(schema: dict[str, Any]) -> set[str]:
    schema = resolve(schema)
    found = set(schema.get("properties", ()))
    return found.union(*(fields(part) for word in ("allOf", "anyOf", "oneOf") for part in schema.get(word, ())))
