"""Which adapter mirrors which model."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import models
from django.db.models import Model
from django.test import override_settings
from django.test.utils import isolate_apps

from django_hellotext import adapters
from django_hellotext.adapters import (
    Items,
    Link,
    OrderAdapter,
    ProductAdapter,
    ProfileAdapter,
    UserProfileAdapter,
    Value,
)
from django_hellotext.adapters.registry import Registry
from tests.testshop.models import Book, Brand, Order, Product, ProductProxy, Timestamped


class Mirror(ProductAdapter):
    currency = "extra.currency"


class Orders(OrderAdapter):
    reference = "number"
    currency = "currency"
    profile = "customer"
    items = Items("lines", product="product", sku="sku", quantity=Value(1), price="unit_price")


def ids(registry: Registry) -> list[str | None]:
    return [message.id for message in registry.check()]


def test_an_adapter_is_found_by_its_model_and_label(registry: Registry) -> None:
    assert registry.register(Product)(Mirror) is Mirror
    adapter = registry.for_model(Product)
    assert isinstance(adapter, Mirror)
    assert adapter.label == "testshop.product"
    assert registry.for_label("testshop.Product") is adapter
    assert registry.all() == (adapter,)


def test_a_model_or_label_without_an_adapter_has_none(registry: Registry) -> None:
    registry.register(Product)(Mirror)
    assert registry.for_model(Order) is None
    for label in ("testshop.order", "testshop.nothing", "nowhere.product", "nonsense", ""):
        assert registry.for_label(label) is None


@pytest.mark.parametrize("registered", [Product, ProductProxy])
def test_a_proxy_and_its_model_have_the_same_adapter(registry: Registry, registered: type[Model]) -> None:
    """Demand E8."""
    registry.register(registered)(Mirror)
    adapter = registry.for_model(Product)
    assert adapter is not None
    assert adapter is registry.for_model(ProductProxy)
    assert (adapter.model, adapter.label) == (Product, "testshop.product")


def test_a_model_with_a_parent_is_mirrored_by_the_nearest_adapter(registry: Registry) -> None:
    registry.register(Product)(Mirror)
    assert registry.for_model(Book) is registry.for_model(Product)
    registry.register(Book)(Mirror)
    found = registry.for_model(Book)
    assert found is not None
    assert found.label == "testshop.book"


def test_a_link_uses_the_label_of_the_adapter_that_mirrors_it(registry: Registry) -> None:
    registry.register(Product)(Mirror)
    registry.register(Order)(Orders)
    order = registry.for_model(Order)
    assert order is not None
    link = order.link_to(Book(pk=4), kind="product", where="here")
    assert link == Link("product", "testshop.product", "4")


def test_one_adapter_serves_several_models(registry: Registry) -> None:
    registry.register(Brand, Group)(type("Names", (ProfileAdapter,), {"first_name": "name", "phone": "name"}))
    assert [adapter.model for adapter in registry.all()] == [Brand, Group]


def test_an_adapter_can_be_taken_out_again(registry: Registry) -> None:
    registry.register(Product)(Mirror)
    registry.unregister(ProductProxy)
    assert registry.all() == ()


@pytest.mark.parametrize("wrong", ["testshop.Product", None, object, Product(), Timestamped])
def test_what_is_no_model_with_a_table_is_noted_and_not_raised(registry: Registry, wrong: Any) -> None:
    registry.register(wrong)(Mirror)
    assert registry.all() == ()
    [mistake] = registry.mistakes
    assert mistake.id == "hellotext.E109"
    assert "Mirror registers" in mistake.msg


def test_a_swapped_model_is_noted(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(User._meta), "swapped", property(lambda self: "shop.Customer"))
    registry.register(User)(UserProfileAdapter)
    assert ids(registry) == ["hellotext.E109"]
    assert "swapped for shop.Customer" in registry.mistakes[0].msg


@pytest.mark.skipif(not hasattr(models, "CompositePrimaryKey"), reason="Django 5.2 and later have composite keys")
@isolate_apps("tests.testshop")
def test_a_model_with_a_composite_key_is_noted_and_does_not_stop_the_others(registry: Registry) -> None:
    """Its key is no text from which the object could be found again: a drain would stumble over its rows."""
    columns = {"row": models.IntegerField(), "seat": models.IntegerField(), "name": models.TextField()}
    key = models.CompositePrimaryKey("row", "seat")
    place = type("Place", (models.Model,), {"__module__": "tests.testshop.models", "pk": key, **columns})
    registry.register(place, Product)(Mirror)
    assert [adapter.model for adapter in registry.all()] == [Product]
    assert ids(registry) == ["hellotext.E109"]
    assert "Place, which has a composite primary key" in registry.mistakes[0].msg


def test_a_second_adapter_for_a_model_is_noted_and_the_first_stays(registry: Registry) -> None:
    registry.register(Product)(Mirror)
    registry.register(ProductProxy)(type("Second", (ProductAdapter,), {}))
    assert isinstance(registry.for_model(Product), Mirror)
    assert ids(registry) == ["hellotext.E111"]
    assert "Second registers testshop.ProductProxy, which Mirror already mirrors" in registry.mistakes[0].msg


@pytest.mark.parametrize("wrong", [object, adapters.Adapter, lambda obj: obj])
def test_what_is_no_adapter_of_a_kind_is_noted(registry: Registry, wrong: Any) -> None:
    assert registry.register(Product)(wrong) is wrong
    assert registry.all() == ()
    assert ids(registry) == ["hellotext.E108"]


@pytest.mark.parametrize("method", ["payload", "guest_payload"])
def test_an_adapter_cannot_go_round_the_consent_rule(registry: Registry, method: str) -> None:
    """Demand A1: these two methods keep subscription states out, so a class that replaces one is not taken."""
    own = type("Own", (ProfileAdapter,), {method: lambda self, obj: {"subscribe": True}})
    registry.register(User)(own)
    assert registry.for_model(User) is None
    assert ids(registry) == ["hellotext.E108"]
    assert f"Own overrides {method}()" in registry.mistakes[0].msg


def test_registering_nothing_is_noted(registry: Registry) -> None:
    registry.register()(Mirror)
    assert ids(registry) == ["hellotext.E110"]


def test_a_link_to_what_nothing_mirrors_is_a_mistake(registry: Registry) -> None:
    registry.register(Order)(Orders)
    messages = registry.check()
    assert [message.id for message in messages] == ["hellotext.E112", "hellotext.E112"]
    assert "Orders.profile (testshop.Order) leads to auth.User, which has no adapter" in messages[0].msg
    assert "Orders.items.product (testshop.Order) leads to testshop.Product" in messages[1].msg
    registry.register(User)(UserProfileAdapter)
    registry.register(Product)(Mirror)
    assert registry.check() == []


def test_a_link_to_another_kind_is_a_mistake(registry: Registry) -> None:
    registry.register(Order)(type("Odd", (OrderAdapter,), {"cart": "customer", "currency": "currency"}))
    registry.register(User)(UserProfileAdapter)
    [message] = registry.check()
    assert message.id == "hellotext.E112"
    assert "which is mirrored as a profile" in message.msg


def test_the_checks_of_every_adapter_are_in_the_registrys(registry: Registry) -> None:
    registry.register(Product)(type("Wrong", (Mirror,), {"name": "nmae"}))
    assert ids(registry) == ["hellotext.E101"]


def test_the_user_model_is_mirrored_when_nothing_mirrors_customers(registry: Registry) -> None:
    registry.autodiscover()
    assert isinstance(registry.for_model(User), UserProfileAdapter)
    registry.autodiscover()
    assert ids(registry) == []


def test_a_shop_that_mirrors_its_own_customers_keeps_the_user_model_out(registry: Registry) -> None:
    registry.register(Brand)(type("Makers", (ProfileAdapter,), {"phone": "name"}))
    registry.autodiscover()
    assert registry.for_model(User) is None


def test_a_user_model_that_the_shop_mirrors_otherwise_is_left_alone(registry: Registry) -> None:
    registry.register(User)(type("Odd", (ProductAdapter,), {"name": "username", "price": None}))
    registry.autodiscover()
    assert [adapter.kind for adapter in registry.all()] == ["product"]


@pytest.mark.parametrize("missing", ["nowhere.User", "nonsense"])
def test_a_project_without_users_is_fine(registry: Registry, missing: str) -> None:
    with override_settings(AUTH_USER_MODEL=missing):
        registry.autodiscover()
    assert registry.all() == ()


def test_an_apps_hellotext_module_is_found_and_its_errors_are_shown(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django_hellotext.adapters import registry as shared

    registry.autodiscover()  # whichever test comes first, the module is imported from here on
    assert shared.for_model(Product) is not None

    monkeypatch.delitem(sys.modules, "tests.testshop.hellotext")
    monkeypatch.setitem(sys.modules, "tests.testshop.models", None)
    with pytest.raises(ImportError, match=r"tests\.testshop\.models"):
        registry.autodiscover()


def test_the_packages_face_names_what_a_shop_needs() -> None:
    assert {"Guest", "Items", "Money", "OnChange", "Value", "register", "registry"} <= set(adapters.__all__)
    assert all(hasattr(adapters, name) for name in adapters.__all__)
    assert adapters.registry.for_model is adapters.registry.registry.for_model or callable(adapters.registry.for_model)
