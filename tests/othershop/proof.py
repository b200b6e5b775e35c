"""The second shop keeps the same promises. Run by ``test_othershop.py`` under the settings of that shop."""

from __future__ import annotations

from decimal import Decimal
from io import StringIO

import pytest
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.core.management import call_command
from django.db import connection, transaction
from django.test import RequestFactory
from django.utils import timezone

import django_hellotext
from django_hellotext.conf import hellotext_settings
from django_hellotext.delivery import drain
from django_hellotext.delivery.fold import fold
from django_hellotext.intake import backfill
from django_hellotext.models import Change, Event, RemoteObject, Session
from django_hellotext.signals import delivered
from django_hellotext.testing import assert_conforms

from .models import Articulo, Cliente, Familia, Linea, Pedido

ALIASES = ("default", "norte")
pytestmark = pytest.mark.django_db(databases=ALIASES, transaction=True)


@pytest.fixture(autouse=True)
def shop(hellotext, settings):
    settings.HELLOTEXT = {**settings.HELLOTEXT, "SOURCE": "tienda", "CURRENCY": None, "DATABASES": list(ALIASES)}
    return hellotext


def cliente(number: int = 1, using: str = "default") -> Cliente:
    return Cliente.objects.using(using).create(correo=f"cliente{number}@example.com", nombre="Íñigo")


def articulo(codigo: str = "A-1", *, precio: str = "1.500", moneda: str = "KWD", using: str = "default") -> Articulo:
    return Articulo.objects.using(using).create(codigo=codigo, nombre="Té ✿", precio=Decimal(precio), moneda=moneda)


def pedido(estado: str = "hecho", *, using: str = "default", number: int = 1) -> Pedido:
    with transaction.atomic(using=using):
        made = Pedido.objects.using(using).create(cliente=cliente(number, using), estado=estado, moneda="KWD")
        sold = articulo(f"P-{number}", using=using)
        Linea.objects.using(using).create(pedido=made, articulo=sold, cantidad=2, precio=sold.precio)
    return made


def bodies(emulator, path: str) -> list[dict]:
    return [
        one.body_json for one in emulator.log if path in one.path and one.method in ("POST", "PATCH") and one.accepted
    ]


def forget(using: str = "default") -> None:
    Change.objects.using(using).all().delete()


def test_its_configuration_is_right():
    call_command("check")


def test_its_adapters_conform():
    sold_out = articulo("A-9", precio="150", moneda="JPY")
    Articulo.todos.filter(pk=sold_out.pk).update(borrado_en=timezone.now())
    assert_conforms(
        *(cliente(number) for number in (7, 8, 9)),
        *(articulo(f"A-{number}") for number in (1, 2, 3)),
        articulo("J-1", precio="150", moneda="JPY"),
        *(pedido(number=number) for number in (1, 2, 3)),
    )


def test_prices_without_and_with_three_decimals_arrive_exactly(shop):
    """Demand I5."""
    articulo("J-1", precio="150", moneda="JPY")
    articulo("K-1", precio="1.505", moneda="KWD")
    drain("default")
    sent = {body["reference"]: body["price"] for body in bodies(shop, "/products")}
    assert {name: (str(price["amount"]), price["currency"]) for name, price in sent.items()} == {
        "J-1": ("150", "JPY"),
        "K-1": ("1.505", "KWD"),
    }


def test_a_soft_deletion_is_a_change_like_any_other_and_hides_nothing(shop):
    """Demands E8, E5: the default manager does not show the row, and delivery finds it all the same."""
    made = articulo()
    drain("default")
    made.borrado_en = timezone.now()
    made.save(update_fields=["borrado_en"])
    assert Change.objects.get().object_pk == str(made.pk)
    drain("default")
    assert RemoteObject.objects.get(kind="product").state == "skipped"


def test_a_field_that_nobody_reads_costs_nothing(django_assert_num_queries):
    """Demand E2."""
    made = articulo()
    forget()
    made.visitas += 1
    # The shop's method is told apart by `watches`.
    with django_assert_num_queries(1):
        made.save(update_fields=["visitas"])
    assert not Change.objects.exists()


def test_a_related_manager_is_seen_as_far_as_it_is_ours():
    """Demand E1: as the documentation says of its calls."""
    familia, made = Familia.objects.create(nombre="Té"), articulo()
    forget()
    familia.articulos.add(made)
    assert not Change.objects.exists()
    for empty in (familia.articulos.remove, lambda made: familia.articulos.clear()):
        Articulo.todos.filter(pk=made.pk).update(familia=familia)
        forget()
        empty(made)
        assert Change.objects.get().object_pk == str(made.pk)


def test_what_meets_a_conflict_keeps_its_own_key(shop):
    """Demand E1: the key of the object at hand is one that was never written."""
    made = articulo()
    forget()
    again = Articulo(codigo="A-1", nombre="Otro", precio=Decimal(2), moneda="KWD")
    options = {"ignore_conflicts": True}
    if connection.features.supports_update_conflicts_with_target:
        options = {"update_conflicts": True, "update_fields": ["nombre"], "unique_fields": ["codigo"]}
    Articulo.todos.bulk_create([again], **options)
    assert str(again.pk) not in Change.objects.values_list("object_pk", flat=True)
    if "unique_fields" in options:
        assert Change.objects.get().object_pk == str(made.pk)


def test_a_renamed_family_reaches_its_articles(shop):
    """Demand E1, by a callable."""
    familia = Familia.objects.create(nombre="Té")
    for number in range(3):
        made = articulo(f"A-{number}")
        made.familia = familia
        made.save()
    drain("default")
    Familia.objects.update(nombre="Tés")
    drain("default")
    assert [body["categories"] for body in bodies(shop, "/products")][-3:] == [["Tés"]] * 3


def test_bulk_calls_through_a_filtered_manager_are_seen():
    """Demands E1, E8."""
    made = Articulo.objects.bulk_create(
        Articulo(codigo=f"B-{number}", nombre="Té", precio=1, moneda="JPY") for number in range(3)
    )
    assert sorted(Change.objects.values_list("object_pk", flat=True)) == sorted(str(one.pk) for one in made)
    forget()
    Articulo.objects.filter(codigo="B-1").update(borrado_en=timezone.now())
    Articulo.objects.update(precio=2)
    assert Change.objects.count() == 3


def test_a_sync_walks_over_keys_without_an_order_of_their_own_in_both_databases(shop, monkeypatch):
    """Demand F1: a random key is a checkpoint, too, however the database sorts it."""
    monkeypatch.setattr(backfill, "SIZE", 3)
    for place, alias in enumerate(ALIASES):
        for number in range(8):
            articulo(f"{alias}-{number}", using=alias)
        pedido(using=alias, number=place)
        forget(alias)
    call_command("hellotext_sync", stdout=StringIO(), stderr=StringIO())
    created = [body["reference"] for body in bodies(shop, "/products")]
    assert len(created) == len(set(created)) == 18
    assert not any(Event.objects.using(alias).exists() for alias in ALIASES)
    before = len(shop.log)
    call_command("hellotext_sync", stdout=StringIO(), stderr=StringIO())
    assert len(shop.log) == before
    call_command("hellotext_sync", "--check", stdout=StringIO(), stderr=StringIO())


def test_an_order_arrives_whole_and_each_step_is_an_event(shop):
    """Demands E4, A6."""
    made = pedido()
    made.estado = "pagado"
    made.save()
    drain("default")
    assert list(Event.objects.order_by("id").values_list("action", "state")) == [
        ("order.placed", "delivered"),
        ("order.confirmed", "delivered"),
    ]
    assert [len(body["items"]) for body in bodies(shop, "/orders")] == [1]
    assert {(event.amount, event.currency) for event in Event.objects.all()} == {(Decimal("3.0000"), "KWD")}


@pytest.mark.parametrize("alias", ALIASES)
def test_each_database_holds_its_own_and_rolls_its_own_back(shop, alias):
    """Demand E8."""
    other = next(name for name in ALIASES if name != alias)
    with transaction.atomic(using=other), pytest.raises(RuntimeError), transaction.atomic(using=alias):
        articulo(using=alias)
        articulo("A-2", using=other)
        raise RuntimeError
    assert Change.objects.using(alias).count() == 0
    assert Change.objects.using(other).count() == 1
    pedido(using=alias)
    assert drain(alias).failed == 0
    assert Event.objects.using(alias).get().state == "delivered"
    assert not Event.objects.using(other).exists()


@pytest.mark.parametrize("alias", ALIASES)
def test_an_opt_out_counts_in_the_database_of_its_customer(alias):
    """Demand A1."""
    customer = cliente(using=alias)
    given = django_hellotext.Evidence(source="caja", text="Sí", at=timezone.now())
    django_hellotext.subscribe(customer, evidence=given)
    django_hellotext.unsubscribe(customer)
    drain(alias)
    assert list(Event.objects.using(alias).order_by("id").values_list("action", "skip_reason")) == [
        ("subscribe", "opted_out"),
        ("unsubscribe", ""),
    ]


@pytest.mark.parametrize("alias", ALIASES)
def test_a_customer_is_forgotten_in_the_database_that_knows_them(alias):
    """Demand I3."""
    customer = cliente(using=alias)
    django_hellotext.track("page.viewed", profile=customer, session="visita", url="https://tienda.example/")
    drain(alias)
    kept = [model.objects.using(alias) for model in (Event, Session)]
    assert [rows.count() for rows in kept] == [1, 1]
    django_hellotext.forget_customer(customer)
    assert [rows.count() for rows in kept] == [0, 0]


@pytest.mark.parametrize("folded", [True, False])
def test_an_order_supersedes_the_cart_events_in_its_own_database(folded):
    """Demand A2: the order is made between the claim and the request; another worker may have folded it by then."""
    tea = articulo(using="norte")
    django_hellotext.cart_changed("cesta", [(tea, 1)], profile=cliente(using="norte"), created=True)

    def order(instance, **kwargs):
        if getattr(instance, "kind", "") == "cart":
            django_hellotext.cart_ordered("cesta", using="norte")
            if folded:
                fold(hellotext_settings.account, using="norte")

    delivered.connect(order)
    try:
        drain("norte")
    finally:
        delivered.disconnect(order)
    event = Event.objects.using("norte").get()
    assert (event.action, event.skip_reason) == ("cart.added", "superseded")


def test_its_session_cart_survives_the_login_and_becomes_an_order(shop, client):
    """Demand A9."""
    visit = RequestFactory().post("/cesta/")
    visit.session = SessionStore()
    visit.user = cliente()
    tea = articulo()
    django_hellotext.cart_changed(visit, [(tea, 2)], created=True)
    visit.session.cycle_key()
    django_hellotext.cart_changed(visit, [(tea, 1)])
    drain("default")
    assert list(Event.objects.order_by("id").values_list("action", "state")) == [
        ("cart.added", "delivered"),
        ("cart.removed", "delivered"),
    ]
    django_hellotext.cart_ordered(visit)
    drain("default")
    assert RemoteObject.objects.get(kind="cart").seen["lines"] == {}


def test_an_account_of_another_database_keeps_its_profile(shop):
    """The first account with an e-mail has the profile, on whichever database it is."""
    pedido(using="norte")
    drain("norte")
    second = Cliente.objects.create(correo="CLIENTE1@example.com", nombre="Mallory")
    drain("default")
    row = RemoteObject.objects.get(kind="profile", host_pk=str(second.pk))
    first = RemoteObject.objects.using("norte").get(kind="profile")
    assert (row.attributed, row.remote_id) == (True, first.remote_id)
    assert [body.get("first_name") for body in bodies(shop, "/v1/profiles")] == ["Íñigo"]
