"""What an adapter attribute may be, and what becomes of it."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from django.test import override_settings
from django.utils.translation import gettext_lazy

from django_hellotext.adapters import IfPresent, ProductAdapter, Value
from django_hellotext.adapters.reading import strict
from django_hellotext.exceptions import ConfigurationError, TrackingError
from tests.testshop.models import Brand, Category, Note, Order, Product

from .shop import order_adapter, product_adapter


def book(**fields: Any) -> Product:
    return Product(pk=7, **{"name": "Novel", "slug": "novel", **fields})


def test_a_path_is_followed_over_relations() -> None:
    adapter = product_adapter(brand="brand.name")
    assert adapter.value(book(brand=Brand(pk=1, name="Acme")), "brand") == "Acme"


def test_a_path_that_meets_nothing_on_the_way_gives_nothing() -> None:
    assert product_adapter(brand="brand.name").value(book(brand=None), "brand") is None


def test_a_path_over_a_missing_one_to_one_gives_nothing(order: Order) -> None:
    assert order_adapter(name="note.text").value(order, "name") is None
    Note.objects.create(order=order, text="Gift")
    assert order_adapter(name="note.text").value(Order.objects.get(pk=order.pk), "name") == "Gift"


def test_a_path_calls_methods_and_reads_properties_and_mappings() -> None:
    adapter = product_adapter(url="get_absolute_url", name="shout", brand="extra.maker.name")
    shown = book(extra={"maker": {"name": "Acme"}})
    assert adapter.value(shown, "url") == "/products/novel/"
    assert adapter.value(shown, "name") == "NOVEL"
    assert adapter.value(shown, "brand") == "Acme"
    assert adapter.value(book(), "brand") is None


def test_a_callable_in_the_class_body_takes_the_object_alone() -> None:
    def prefixed(prefix: str, obj: Product) -> str:
        return prefix + obj.name

    assert product_adapter(name=lambda obj: obj.name.lower()).value(book(), "name") == "novel"
    assert product_adapter(name=partial(prefixed, "The ")).value(book(), "name") == "The Novel"
    assert product_adapter(name=staticmethod(lambda obj: obj.slug)).value(book(), "name") == "novel"


def test_a_get_method_wins() -> None:
    class Loud(ProductAdapter):
        name = "name"

        def get_name(self, obj: Product) -> str:
            return f"{obj.name}!"

    assert Loud(Product).value(book(), "name") == "Novel!"


def test_a_value_is_taken_literally() -> None:
    assert product_adapter(brand=Value("name")).value(book(), "brand") == "name"


def test_an_optional_path_counts_only_when_the_model_has_it() -> None:
    assert product_adapter(brand=IfPresent("maker.name")).value(book(), "brand") is None
    assert product_adapter(brand=IfPresent("slug")).value(book(), "brand") == "novel"


def test_a_name_that_does_not_exist_is_named_with_adapter_and_attribute() -> None:
    with pytest.raises(ConfigurationError, match=r"ShopProduct\.brand \(testshop\.Product\).*'maker'"):
        product_adapter(brand="maker").value(book(), "brand")


@pytest.mark.django_db
def test_a_path_never_calls_what_changes_data() -> None:
    kept = Product.objects.create(name="Novel")
    with pytest.raises(ConfigurationError, match=r"delete\(\), which changes data"):
        product_adapter(brand="delete").value(kept, "brand")
    assert Product.objects.filter(pk=kept.pk).exists()


def test_an_attribute_of_another_type_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match=r"ShopProduct\.brand .*int"):
        product_adapter(brand=3).value(book(), "brand")


def test_text_is_made_of_numbers_lazy_texts_and_choices() -> None:
    adapter = order_adapter(name=Value(gettext_lazy("Order")), payment_method="status", sales_channel=Value(3))
    placed = Order(pk=1, number="A-1", status=Order.Status.PLACED)
    payload = adapter.payload(placed)
    assert (payload["name"], payload["payment_method"], payload["sales_channel"]) == ("Order", "placed", "3")
    assert all(type(payload[key]) is str for key in ("name", "payment_method", "sales_channel"))


def test_text_is_never_made_of_a_list() -> None:
    with strict(), pytest.raises(ConfigurationError, match=r"ShopProduct\.name .*list"):
        product_adapter(name=Value(["a"])).payload(book())


def test_names_are_a_list_of_texts_each_once() -> None:
    adapter = product_adapter(tags=Value(["b", "a", "", None, "b"]), collection=Value("Summer"))
    payload = adapter.payload(book())
    assert payload["tags"] == ["b", "a"]
    assert payload["collection"] == ["Summer"]


@pytest.mark.parametrize("wrong", [{"a": 1}, 3, b"a"])
def test_names_are_never_made_of_anything_else(wrong: Any) -> None:
    with strict(), pytest.raises(ConfigurationError, match=r"ShopProduct\.tags"):
        product_adapter(tags=Value(wrong)).payload(book())


@pytest.mark.django_db
def test_names_of_related_objects_come_in_an_order_that_does_not_change() -> None:
    novel = Product.objects.create(name="Novel")
    novel.categories.set([Category.objects.create(name=name) for name in ("Sea", "Adventure")])
    assert product_adapter(categories="categories").payload(novel)["categories"] == ["Adventure", "Sea"]


def test_a_mapping_of_paths_gives_a_mapping_without_empty_values() -> None:
    adapter = product_adapter(metadata={"page": "slug", "maker": "brand.name", "kind": Value("book")})
    assert adapter.payload(book())["metadata"] == {"page": "novel", "kind": "book"}


def test_a_mapping_is_never_made_of_a_model_instance() -> None:
    with strict(), pytest.raises(ConfigurationError, match=r"ShopProduct\.metadata"):
        product_adapter(metadata="brand").payload(book(brand=Brand(pk=1)))


@override_settings(HELLOTEXT={"SITE_URL": "https://shop.example/de/"})
def test_a_relative_address_is_completed_with_the_site_url() -> None:
    adapter = product_adapter(url="get_absolute_url", image_url=Value("//cdn.example/a.png"))
    payload = adapter.payload(book())
    assert payload["url"] == "https://shop.example/products/novel/"
    assert payload["image_url"] == "https://cdn.example/a.png"


@pytest.mark.parametrize(
    "address", ["/a.png", "//cdn.example/a.png", "data:image/png;base64,AA", "ftp://a/b", "", None]
)
def test_an_address_that_hellotext_cannot_reach_is_left_out(address: str | None) -> None:
    assert "image_url" not in product_adapter(image_url=Value(address)).payload(book())


@override_settings(HELLOTEXT={"SITE_URL": "https://shop.example"}, MEDIA_URL="/media/")
def test_a_file_gives_its_address_and_an_empty_one_nothing() -> None:
    for path in ("picture", "picture.url"):
        adapter = product_adapter(image_url=path)
        assert adapter.payload(book(picture="a.png"))["image_url"] == "https://shop.example/media/a.png"
        assert "image_url" not in adapter.payload(book())


def test_empty_values_are_left_out() -> None:
    payload = product_adapter(brand="brand.name", tags=Value([]), metadata="extra").payload(book())
    assert payload == {"reference": "7", "source": "django", "name": "Novel"}


@override_settings(HELLOTEXT={"SOURCE": "myshop"})
def test_the_source_is_the_adapters_else_the_settings() -> None:
    assert product_adapter().payload(book())["source"] == "myshop"
    assert product_adapter(source="kiosk").payload(book())["source"] == "kiosk"


@pytest.mark.parametrize("empty", ["", None])
def test_an_empty_reference_is_a_fault_of_the_object(empty: str | None) -> None:
    with pytest.raises(TrackingError, match=r"ShopProduct\.reference") as caught:
        product_adapter(reference=Value(empty)).payload(book())
    assert caught.value.reason == "reference_empty"


def test_an_object_is_mirrored_unless_the_adapter_says_otherwise() -> None:
    assert product_adapter().should_sync(book())
    adapter = product_adapter(should_sync=lambda self, obj: obj.is_published)
    assert not adapter.should_sync(book(is_published=False))


def test_a_repr_names_the_adapter_and_no_data() -> None:
    assert repr(product_adapter()) == "<ShopProduct for testshop.Product>"
