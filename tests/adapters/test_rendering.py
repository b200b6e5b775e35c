"""A payload is the same in every language, time zone, URL configuration and under every script name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf.urls.i18n import i18n_patterns
from django.db import transaction
from django.db.models.signals import post_init
from django.http import HttpResponse
from django.test import override_settings
from django.urls import get_script_prefix, get_urlconf, path, reverse, set_script_prefix, set_urlconf
from django.utils import formats, timezone, translation
from django.utils.translation import gettext, gettext_lazy

from django_hellotext.adapters import Guest, OnChange, Value, registry
from django_hellotext.adapters.rendering import neutral
from django_hellotext.delivery import Report
from django_hellotext.delivery.drift import Standing, look_at
from django_hellotext.delivery.preview import preview
from django_hellotext.emulator import Emulator
from django_hellotext.intake.backfill import page_of
from django_hellotext.models import RemoteObject, State
from tests.factories import make_product, make_variant
from tests.testshop.models import Order, Product

from .shop import order_adapter, product_adapter

WHEN = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)

urlpatterns = i18n_patterns(path("product/", lambda request: HttpResponse(""), name="product"))


@contextmanager
def visitor(*, language: str = "de", zone: str = "Pacific/Auckland") -> Iterator[None]:
    """Run the block as in the request of a visitor with another language, zone, host and mount point."""
    prefix, urlconf = get_script_prefix(), get_urlconf()
    try:
        set_script_prefix("/mounted/here/")
        set_urlconf("tests.urls")  # of another host, as django-hosts sets it on a request
        with translation.override(language), timezone.override(zone):
            yield
    finally:
        set_urlconf(urlconf)
        set_script_prefix(prefix)


def around() -> tuple[Any, ...]:
    """Everything that a payload must not depend on."""
    return (
        translation.get_language(),
        timezone.get_current_timezone_name(),
        get_script_prefix(),
        get_urlconf(),
        gettext("Monday"),
        formats.date_format(timezone.localtime(WHEN), "DATETIME_FORMAT"),
    )


@pytest.fixture(autouse=True)
def urls() -> Iterator[None]:
    with override_settings(ROOT_URLCONF=__name__, LANGUAGE_CODE="es", TIME_ZONE="America/Montevideo", SITE_URL=""):
        yield


def test_the_shops_code_sees_one_world_and_the_visitor_gets_theirs_back() -> None:
    adapter = product_adapter(get_metadata=lambda self, obj: {"seen": [str(part) for part in around()]})
    alone = adapter.payload(Product(pk=1, name="Novel"))
    with visitor():
        before = around()
        assert adapter.payload(Product(pk=1, name="Novel")) == alone
        assert around() == before
    assert alone["metadata"]["seen"][:5] == ["es", "UTC", "/", "None", "lunes"]


def test_an_address_is_reversed_as_the_worker_would() -> None:
    adapter = product_adapter(url=lambda obj: f"https://shop.example{reverse('product')}")
    with visitor():
        assert adapter.payload(Product(pk=1, name="Novel"))["url"] == "https://shop.example/es/product/"


def test_a_script_name_that_the_settings_fix_stays() -> None:
    adapter = product_adapter(url=lambda obj: f"https://shop.example{reverse('product')}")
    with override_settings(FORCE_SCRIPT_NAME="/shop"), visitor():
        assert adapter.payload(Product(pk=1, name="Novel"))["url"] == "https://shop.example/shop/es/product/"


def test_lazy_text_and_naive_times_are_settled_at_any_depth() -> None:
    naive = datetime(2026, 7, 1, 12, 0)  # noqa: DTZ001 - as a shop keeps it
    adapter = product_adapter(
        metadata=Value({"day": gettext_lazy("Monday"), "more": [{"at": naive, "on": gettext_lazy("Friday")}]})
    )
    with visitor():
        found = adapter.payload(Product(pk=1, name="Novel"))["metadata"]
        assert found["day"] == "lunes"
        assert type(found["day"]) is str
    assert found["more"][0]["on"] == "viernes"
    assert found["more"][0]["at"].isoformat() == "2026-07-01T12:00:00-03:00"


@pytest.mark.parametrize(
    "read",
    [
        lambda adapter, order: adapter.guest_payload(order)["first_name"],
        lambda adapter, order: adapter.status(order)[0],
        lambda adapter, order: adapter.reference_of(order),
    ],
    ids=["guest", "status", "reference"],
)
def test_what_is_read_beside_the_payload_is_neutral_too(read: Callable[[Any, Any], str]) -> None:
    adapter = order_adapter(
        reference=lambda obj: gettext("Monday"),
        guest=Guest(email=Value("gil@example.com"), first_name=lambda obj: gettext_lazy("Monday")),
        events=OnChange(lambda obj: gettext("Monday"), {"lunes": "order.placed"}),
    )
    with visitor():
        assert read(adapter, Order(pk=1, number="A-1")) == "lunes"


def test_what_the_shops_code_leaves_behind_does_not_reach_the_next_payload() -> None:
    def careless(obj: Product) -> dict[str, str]:
        translation.activate("fr")
        return {"day": gettext("Monday")}

    with neutral():
        assert product_adapter(metadata=careless).payload(Product(pk=1, name="Novel"))["metadata"] == {"day": "lundi"}
        adapter = product_adapter(metadata=lambda obj: {"day": gettext("Monday")})
        assert adapter.payload(Product(pk=2, name="Novel"))["metadata"] == {"day": "lunes"}


@pytest.fixture
def translated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Products whose address and description depend on the language."""
    adapter = type(registry.for_model(Product))
    monkeypatch.setattr(
        adapter,
        "get_url",
        lambda self, obj: f"https://shop.example/{translation.get_language()}/{obj.pk}",
        raising=False,
    )
    monkeypatch.setattr(adapter, "get_metadata", lambda self, obj: {"day": gettext_lazy("Monday")}, raising=False)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("translated")
def test_a_request_that_sends_at_once_sends_what_a_worker_would(settings: Any, hellotext: Emulator) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "DISPATCH": "immediate"}
    with visitor(language="de"), transaction.atomic():
        make_product()
    [product] = hellotext.world.store["product"].rows.values()
    assert product["url"].startswith("https://shop.example/es/")
    assert product["metadata"] == {"day": "lunes"}


@pytest.mark.django_db(transaction=True)
def test_the_error_that_a_request_stores_is_in_the_language_of_the_site(settings: Any, hellotext: Emulator) -> None:
    def stored(language: str) -> str:
        with visitor(language=language), transaction.atomic():
            make_variant()
        row = RemoteObject.objects.filter(state=State.FAILED).latest("id")
        return str(row.error_message.partition(": ")[2])

    settings.HELLOTEXT = {**settings.HELLOTEXT, "DISPATCH": "immediate", "RAISE_ERRORS": False}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(registry.for_model(Product)), "should_sync", lambda self, obj: False)
        assert stored("en") == stored("de") != ""


@pytest.mark.django_db
@pytest.mark.usefixtures("translated", "hellotext")
def test_an_operator_in_another_language_sees_no_difference(deliver: Callable[..., Report]) -> None:
    make_product()
    deliver()
    row = RemoteObject.objects.get(kind="product")
    with visitor(language="de"):
        seen = preview(row, using="default")
    assert not seen.changed
    assert seen.differs == frozenset()


@pytest.fixture
def bound_to_a_language(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Products remember the language in which they were loaded, as those of django-parler do."""

    def remember(sender: Any, instance: Any, **kwargs: Any) -> None:
        instance.language = translation.get_language()

    post_init.connect(remember, sender=Product)
    adapter = type(registry.for_model(Product))
    monkeypatch.setattr(adapter, "get_name", lambda self, product: f"in {product.language}", raising=False)
    yield
    post_init.disconnect(remember, sender=Product)


@pytest.mark.django_db
@pytest.mark.usefixtures("bound_to_a_language", "hellotext")
def test_a_payload_does_not_depend_on_the_language_in_which_its_object_is_loaded(
    deliver: Callable[..., Report],
) -> None:
    make_product()
    deliver()
    row = RemoteObject.objects.get(kind="product")
    adapter = registry.for_model(Product)
    assert adapter is not None
    with visitor(language="fr"):
        assert not preview(row, using="default").changed
        hosts = page_of(adapter, using="default", after=None)
        assert [seen.standing for seen in look_at(adapter, hosts, using="default")] == [Standing.IN_STEP]
