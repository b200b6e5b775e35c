"""``manage.py hellotext_sync``: brings Hellotext level with the shop, and says whether it is."""

from __future__ import annotations

import signal
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_hellotext import adapters, clock
from django_hellotext.adapters import registry
from django_hellotext.delivery import breaker, drain, syncing
from django_hellotext.emulator import Emulator, Fault
from django_hellotext.intake import backfill
from django_hellotext.models import Account, Change, Event, RemoteObject, SkipReason, State, SyncRun
from tests.factories import make_cart, make_cart_line, make_customer, make_product, make_staff, placed_order
from tests.testshop.models import Order, Product

from .conftest import Run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_shop")]


@pytest.mark.usefixtures("both_shops")
def test_what_was_there_before_is_sent_without_inventing_history(old_shop: Emulator, sync: Run) -> None:
    """Demand A7."""
    ran = sync()
    assert ran.code == 0
    assert ran.counts("product") == {"looked_at": 3, "sent": 2, "left_out": 1}
    assert ran.counts("profile") == {"looked_at": 2, "sent": 1, "left_out": 1}
    assert ran.counts("order") == {"looked_at": 1, "sent": 1}
    assert RemoteObject.objects.filter(state=State.SYNCED).count() == 4
    assert not Event.objects.exists()


def test_a_second_run_sends_no_request(old_shop: Emulator, sync: Run) -> None:
    make_cart_line(cart=make_cart(owner=make_customer()))
    make_cart_line(cart=make_cart())
    make_cart_line(cart=make_cart(owner=make_staff()))
    assert sync().code == 0
    before = len(old_shop.log)
    for _ in range(2):
        ran = sync()
        assert ran.code == 0
        assert ran.counts("cart") == {"looked_at": 3, "unchanged": 1, "left_out": 2}
        assert len(old_shop.log) == before
        assert not Change.objects.exists()


def test_each_object_is_counted_once_when_its_own_change_waited(old_shop: Emulator, sync: Run) -> None:
    """What waited, or is referred to by others, arrives before the run looks at it: that is not unchanged, too."""
    order = placed_order(customer=make_customer())
    Product.objects.filter(is_published=True).earliest("pk").save()
    order.save()
    ran = sync()
    for kind in ("profile", "product", "order"):
        counts = ran.counts(kind)
        assert counts.pop("looked_at") == sum(counts.values())


def test_only_what_changed_is_sent_even_when_no_signal_told(old_shop: Emulator, sync: Run) -> None:
    """Demand E1."""
    sync()
    before = len(old_shop.log)
    Product.objects.filter(pk=Product.objects.filter(is_published=True).earliest("pk").pk).update(name="Another")
    assert sync().counts("product") == {"looked_at": 3, "sent": 1, "unchanged": 1, "left_out": 1}
    assert len(old_shop.log) == before + 1


@pytest.mark.parametrize(
    "mode", [[], ["order"], ["--full"], ["--repair"], ["--limit", "1000"], ["testshop.Order", "--since", "2020-01-01"]]
)
def test_a_status_that_no_signal_told_of_sends_no_event(old_shop: Emulator, sync: Run, mode: list[str]) -> None:
    """A customer must not be thanked for what a script has written into the table."""
    sync()
    Order.objects.update(status=Order.Status.SHIPPED, shipped_at=timezone.now() - timedelta(days=1))
    assert sync(*mode).code == 0
    assert not Event.objects.exists()
    assert sync().counts("order") == {"looked_at": 1, "unchanged": 1}
    Order.objects.get().save()
    drain()
    assert not Event.objects.exists()


def test_a_status_that_no_signal_told_of_becomes_its_event_if_events_are_wanted(old_shop: Emulator, sync: Run) -> None:
    sync()
    at = clock.now() - timedelta(days=1)
    Order.objects.update(status=Order.Status.SHIPPED, shipped_at=clock.for_host(at))
    planned = sync("--events", "--dry-run").counts("order")["events"]
    sync("--events")
    event = Event.objects.get()
    assert (event.action, event.tracked_at, event.state) == ("order.shipped", at, State.DELIVERED)
    assert planned == 1
    assert "events" not in sync("--events", "--dry-run").counts("order")
    assert sync().counts("order") == {"looked_at": 1, "unchanged": 1}


def test_objects_that_are_gone_without_a_signal_are_noticed(old_shop: Emulator, sync: Run) -> None:
    """Demands E1, E5."""
    sync()
    Order.objects.get().lines.all().delete()
    Order.objects.all()._raw_delete("default")
    assert sync().counts("order") == {"deleted": 1}
    assert RemoteObject.objects.get(kind="order").state == State.DELETED
    assert sync().counts("order") == {}


def test_an_object_that_comes_back_is_sent_again(hellotext: Emulator, sync: Run) -> None:
    product = make_product()
    sync()
    Product.objects.filter(pk=product.pk).delete()
    sync()
    Product.objects.bulk_create([Product(pk=product.pk, name="Back again", price=1)])
    sync()
    assert RemoteObject.objects.get().state == State.SYNCED
    assert sync().counts("product") == {"looked_at": 1, "unchanged": 1}


def test_what_a_person_skipped_stays_skipped(hellotext: Emulator, sync: Run) -> None:
    make_product(name="")
    sync()
    RemoteObject.objects.filter(state=State.FAILED).skip(SkipReason.PERSON)
    before = len(hellotext.log)
    ran = sync()
    assert (ran.code, ran.counts("product")) == (0, {"looked_at": 1, "left_out": 1})
    assert len(hellotext.log) == before


@pytest.mark.usefixtures("both_shops")
def test_a_label_or_a_kind_keeps_to_one_model_and_what_it_needs(old_shop: Emulator, sync: Run) -> None:
    for name in ("testshop.product", "product"):
        ran = sync(name)
        assert {one["kind"] for one in ran.document["kinds"]} == {"product"}
    assert set(RemoteObject.objects.values_list("kind", flat=True)) == {"product"}


@pytest.mark.usefixtures("both_shops")
@pytest.mark.parametrize("label", ["testshop.PRODUCT", "testshop.ProductProxy", "PRODUCT"])
def test_models_are_named_in_any_case_and_by_their_proxies_too(old_shop: Emulator, sync: Run, label: str) -> None:
    assert sync(label).counts("product")["looked_at"] == 3


@pytest.mark.parametrize("label", ["testshop.Brand", "shop.Nothing", "nonsense", "a.b.c", ""])
def test_an_unknown_label_is_refused_before_anything_is_sent(old_shop: Emulator, sync: Run, label: str) -> None:
    ran = sync("testshop.Product", label)
    assert ran.code == 4
    assert "No adapter is registered for" in ran.message
    assert "Registered: auth.User" in ran.message
    assert "kinds: app, cart" in ran.message
    assert not old_shop.log
    assert not Change.objects.exists()
    assert not SyncRun.objects.exists()


def test_a_misspelt_label_names_the_nearest(old_shop: Emulator, sync: Run) -> None:
    assert "Did you mean testshop.Product?" in sync("testshop.Prodct").message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--since", "yesterday"], "--since 'yesterday' is no date"),
        (["--since", "2026-02-31"], "is no date"),
        (["--since", ""], "is no date"),
        (["--since", "2026-01-31", "testshop.product"], "testshop.Product has no field that says when"),
        (["--limit", "0"], "--limit must be a whole number of 1 or more"),
        (["--limit", "many"], "--limit must be"),
        (["--concurrency", "-1"], "--concurrency must be"),
        (["--wait", "-1"], "--wait must be"),
        (["--wait", "nan"], "--wait must be"),
        (["--wait", "soon"], "--wait must be"),
        (["--resume"], "There is nothing to resume"),
        (["--resume", "--full"], "leave out --full"),
        (["--resume", "product", "--since", "2026-01-01"], "leave out labels, --since"),
    ],
)
def test_bad_arguments_are_named_and_nothing_begins(
    old_shop: Emulator, sync: Run, arguments: list[str], message: str
) -> None:
    ran = sync(*arguments)
    assert ran.code == 4
    assert message in ran.message
    assert not old_shop.log
    assert not SyncRun.objects.exists()


@pytest.mark.parametrize("unconfigured", [{}, None, {"API_TOKEN": "secret-token"}])
def test_an_unconfigured_app_is_told_what_is_missing(settings: Any, sync: Run, unconfigured: Any) -> None:
    settings.HELLOTEXT = unconfigured
    ran = sync()
    assert ran.code == 4
    assert "not configured" in ran.message
    assert "secret-token" not in ran.message


def test_since_keeps_to_what_changed_lately(hellotext: Emulator, sync: Run) -> None:
    old, fresh = make_cart(owner=make_customer()), make_cart(owner=make_customer())
    type(old).objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=10))
    Change.objects.all().delete()
    day = (timezone.now() - timedelta(days=2)).date().isoformat()
    assert sync("cart", "--since", day).counts("cart") == {"looked_at": 1, "sent": 1}
    assert RemoteObject.objects.get(kind="cart").host_pk == str(fresh.pk)


def test_a_limit_sends_so_many_and_the_next_run_goes_on(hellotext: Emulator, sync: Run) -> None:
    for _ in range(5):
        make_product()
    Change.objects.all().delete()
    assert [sync("--limit", "2").counts("product")["sent"] for _ in range(2)] == [2, 2]
    assert sync("--limit", "2").counts("product") == {"looked_at": 5, "sent": 1, "unchanged": 4}


def test_full_sends_what_is_unchanged_too(hellotext: Emulator, sync: Run) -> None:
    make_product()
    sync()
    before = len(hellotext.log)
    assert sync("--full").counts("product") == {"looked_at": 1, "sent": 1}
    assert [entry.method for entry in list(hellotext.log)[before:]] == ["PATCH"]


def test_refusals_end_with_code_2_and_stop_nothing_else(hellotext: Emulator, sync: Run) -> None:
    """Demand F2: grouped by their reason, with one example and what to do."""
    for _ in range(3):
        make_product(name="")
    customer = make_customer()
    ran = sync()
    assert (ran.code, ran.message) == (2, "3 rows were refused; the rest is in step.")
    [error] = ran.document["errors"]
    assert error["count"] == 3
    assert (error["kind"], error["parameter"]) == ("product", "name")
    assert error["example"].startswith("testshop.product ")
    assert error["advice"]
    assert RemoteObject.objects.get(host_pk=str(customer.pk), kind="profile").state == State.SYNCED
    shown = sync(text=True)
    assert "3 x product: " in shown.err
    assert " ".join(error["advice"].split()) in " ".join(shown.err.split())


def test_an_adapter_that_raises_for_one_object_stops_no_other(
    hellotext: Emulator, sync: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Demand F2."""
    bad, *good = [make_product() for _ in range(4)]
    adapter = registry.for_model(Product)
    assert adapter is not None

    def choosy(self: Any, obj: Product) -> bool:
        if obj.pk == bad.pk:
            raise ZeroDivisionError("no such shelf")
        return True

    monkeypatch.setattr(type(adapter), "should_sync", choosy)
    for _ in range(2):
        ran = sync()
        assert ran.code == 2
        [error] = ran.document["errors"]
        assert (error["type"], error["count"]) == ("adapter_failed", 1)
        assert "ZeroDivisionError: no such shelf" in error["message"]
    synced = RemoteObject.objects.filter(kind="product", state=State.SYNCED)
    assert {row.host_pk for row in synced} == {str(product.pk) for product in good}


def test_a_status_without_end_stops_nothing(old_shop: Emulator, sync: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Demand F2: on PostgreSQL and MariaDB the database would refuse it, and a page of others with it."""
    adapter = registry.for_model(Order)
    endless = adapters.OnChange(lambda order: f"{order.status} {'x' * 150}", {"paid": "order.confirmed"})
    monkeypatch.setattr(type(adapter), "events", endless)
    assert sync().code == 0
    assert sync("--check").code == 0


def test_what_was_refused_is_tried_again_by_the_next_run(hellotext: Emulator, sync: Run) -> None:
    make_product(name="")
    assert sync().code == 2
    Product.objects.update(name="Tea")
    ran = sync()
    assert (ran.code, ran.counts("product")["sent"]) == (0, 1)


def test_an_unreachable_hellotext_is_said_and_nothing_is_lost(old_shop: Emulator, sync: Run, settings: Any) -> None:
    configured = settings.HELLOTEXT
    settings.HELLOTEXT = {**configured, "BACKEND": "http", "BACKEND_OPTIONS": {}, "BASE_URL": "http://127.0.0.1:9"}
    ran = sync("testshop.Order", "--wait", "0.1")
    assert ran.code == 1
    assert "could not be sent now: the account pauses after ConnectionFailed" in ran.message
    assert "--resume" in ran.message
    settings.HELLOTEXT = configured
    RemoteObject.objects.update(next_attempt_at=None)
    Account.objects.resume(Account.objects.get().key)
    ran = sync("--resume")
    assert ran.code == 0
    assert Order.objects.count() == RemoteObject.objects.filter(kind="order", state=State.SYNCED).count()


def test_a_refused_token_is_said_and_nothing_is_lost(old_shop: Emulator, sync: Run) -> None:
    old_shop.revoke_token()
    ran = sync("--wait", "30")
    assert ran.code == 1
    assert "the token or the plan does not allow sending" in ran.message
    assert not RemoteObject.objects.filter(state=State.FAILED).exists()


def test_a_long_outage_is_said(old_shop: Emulator, sync: Run) -> None:
    old_shop.add_fault(Fault("error", status=503))
    ran = sync("--wait", "0.1")
    assert ran.code == 1
    assert "the account pauses after ServerError 503" in ran.message


def test_a_short_outage_is_waited_for(old_shop: Emulator, sync: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(syncing, "PAUSE", 0.05)
    old_shop.add_fault(Fault("error", status=503, times=2))
    ran = sync("--wait", "60")
    assert ran.code == 0
    assert ran.counts("order") == {"looked_at": 1, "sent": 1}


def test_a_copied_database_is_told_whose_it_is(old_shop: Emulator, sync: Run, settings: Any) -> None:
    """Demand A8."""
    sync()
    settings.HELLOTEXT = {**settings.HELLOTEXT, "ENVIRONMENT": "staging"}
    before = len(old_shop.log)
    ran = sync("--wait", "0.1")
    assert ran.code == 1
    assert "this database belongs to test-business/test" in ran.message
    assert len(old_shop.log) == before


def test_a_plan_counts_and_shows_masked_examples_and_writes_nothing(old_shop: Emulator, sync: Run) -> None:
    """Demand I1."""
    sync()
    customer = make_customer(email="wile.coyote@acme.example")
    Product.objects.filter(is_published=True).update(name="Another")
    placed_order(customer=customer)
    Order.objects.earliest("pk").delete()
    Change.objects.all().delete()
    before = (len(old_shop.log), RemoteObject.objects.count(), SyncRun.objects.count())
    ran = sync("--dry-run")
    assert ran.code == 0
    assert ran.counts("profile") == {"created": 1, "unchanged": 1, "left_out": 1}
    assert ran.counts("product") == {"created": 1, "updated": 2, "left_out": 1}
    assert ran.counts("order") == {"created": 1, "deleted": 1}
    [profiles] = [one for one in ran.document["kinds"] if one["kind"] == "profile"]
    assert profiles["examples"]["created"]["email"] == "w***@acme.example"
    [orders] = [one for one in ran.document["kinds"] if one["model"] == "testshop.Order"]
    [line] = orders["examples"]["created"]["items"]
    assert line["product"].startswith("product testshop.product ")
    assert "wile.coyote" not in ran.out
    assert "Coyote" not in ran.out
    assert (len(old_shop.log), RemoteObject.objects.count(), SyncRun.objects.count()) == before
    assert not Change.objects.exists()
    shown = sync("--dry-run", text=True).out
    assert "Nothing was sent and nothing was written." in shown
    assert '"name": "Another"' in shown


def test_quiet_prints_errors_only(old_shop: Emulator, sync: Run) -> None:
    ran = sync("--quiet", text=True)
    assert (ran.out, ran.err) == ("", "")
    make_product(name="")
    ran = sync("--quiet", text=True)
    assert ran.out == ""
    assert "1 x product" in ran.err


def test_the_closing_table_has_a_line_for_each_kind(old_shop: Emulator, sync: Run) -> None:
    lines = sync("auth.User", "testshop.Product", "testshop.Cart", "testshop.Order", text=True).out.splitlines()
    assert lines[0].split() == ["kind", "model", "looked", "at", "sent", "left", "out"]
    assert [line.split() for line in lines[2:]] == [
        ["profile", "auth.User", "2", "1", "1"],
        ["product", "testshop.Product", "3", "2", "1"],
        ["cart", "testshop.Cart", "0", "0", "0"],
        ["order", "testshop.Order", "1", "1", "0"],
    ]


def test_a_log_gets_plain_lines(old_shop: Emulator, sync: Run) -> None:
    err = sync("testshop.Order", "auth.User", "testshop.Product", text=True).err
    assert err.splitlines() == [
        "auth.User: 2 looked at",
        "testshop.Product: 3 looked at",
        "testshop.Order: 1 looked at",
    ]
    assert "\r" not in err


def test_statements_for_unchanged_objects_are_constant(
    hellotext: Emulator, sync: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Demand F1: each page costs the same, however many came before it."""
    monkeypatch.setattr(backfill, "SIZE", 10)
    monkeypatch.setattr(syncing, "FEED", 600.0)  # whatever else the machine does

    def statements(count: int) -> int:
        Product.objects.bulk_create(Product(name=f"Product {n}", price=1) for n in range(count))
        sync("product")
        with CaptureQueriesContext(connection) as queries:
            sync("product")
        return len([query for query in queries if "SAVEPOINT" not in query["sql"]])  # there are few outside of a test

    first, second, third = statements(20), statements(20), statements(20)
    assert second - first == third - second
    assert second - first <= 2 * 35  # a page of objects and a page of mirrors


def test_definitions_are_created_first_and_only_once(old_shop: Emulator, sync: Run, settings: Any) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "LISTS": ["Regulars"], "ACTIONS": ["tea.brewed"]}
    ran = sync()
    assert (ran.code, ran.document["definitions"]["created"]) == (0, ["list 'Regulars'", "action 'tea.brewed'"])
    paths = [entry.path for entry in old_shop.log if entry.method == "POST"]
    assert paths[:2] == ["/v1/lists", "/v1/attribution/actions"]
    before = len(old_shop.log)
    assert sync().code == 0
    assert {entry.method for entry in old_shop.log[before:]} == {"GET"}
    settings.HELLOTEXT = {**settings.HELLOTEXT, "LISTS": ["Regulars", "Guests"]}
    assert sync().document["definitions"]["created"] == ["list 'Guests'"]


def test_a_definition_that_clashes_is_named_and_the_rest_goes_on(old_shop: Emulator, sync: Run, settings: Any) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "PROPERTIES": {"Size": "text"}}
    sync()
    settings.HELLOTEXT = {**settings.HELLOTEXT, "PROPERTIES": {"Size": "number"}}
    make_product()
    ran = sync()
    assert ran.code == 2
    assert ran.counts("product")["sent"] == 1
    [error] = [one for one in ran.document["errors"] if one["type"] == "definition_clash"]
    assert "property 'Size'" in error["message"]
    assert "kind is 'text' there and 'number' in the settings" in error["message"]


def test_a_run_beside_another_is_refused_until_that_one_is_silent(old_shop: Emulator, sync: Run) -> None:
    other = SyncRun.objects.create(account="test-business/test", options={"worker": "elsewhere|7|1"})
    for arguments in ([], ["--resume"]):
        ran = sync(*arguments)
        assert ran.code == 4
        assert f"Another sync is at work since {str(other).removeprefix('test-business/test ')}" in ran.message
        assert "(elsewhere, process 7)" in ran.message
    assert SyncRun.objects.get() == other
    SyncRun.objects.update(updated_at=clock.now() - timedelta(minutes=10))
    ran = sync(text=True)
    assert ran.code == 0
    assert "was stopped; this one looks at all anew." in ran.out


def test_created_definitions_are_named(old_shop: Emulator, sync: Run, settings: Any) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "LISTS": ["Regulars"]}
    assert "Brought into being: list 'Regulars'" in sync(text=True).out


def test_definitions_that_cannot_be_created_are_said_and_the_objects_are_sent(
    old_shop: Emulator, sync: Run, settings: Any
) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "LISTS": ["Regulars"]}
    old_shop.add_fault(Fault("error", status=503, path="/v1/lists"))
    ran = sync()
    assert ran.code == 1
    assert "The definitions could not be brought into being" in ran.message
    assert "503" in ran.message
    assert ran.counts("order") == {"looked_at": 1, "sent": 1}


def test_a_halted_account_is_compared_with_nothing(old_shop: Emulator, sync: Run) -> None:
    sync()
    Account.objects.halt(Account.objects.get().key, reason="No plan.")
    before = len(old_shop.log)
    ran = sync("--check")
    assert (ran.code, len(old_shop.log)) == (1, before)
    assert "Hellotext is not asked" in ran.message
    assert "No plan." in ran.message


def test_a_database_that_fails_ends_the_command_with_its_error(
    old_shop: Emulator, sync: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Product._meta, "db_table", "no_such_table")
    ran = sync("--dry-run", "product")
    assert ran.code == 1
    assert "The database could not be used" in ran.message
    assert "no_such_table" in ran.message


def test_a_signal_stops_the_run_and_the_next_goes_on(
    old_shop: Emulator, sync: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "SIZE", 1)
    adapter = registry.for_model(Product)
    with monkeypatch.context() as patch:

        def stop(self: Any, obj: Product) -> bool:
            signal.raise_signal(signal.SIGTERM)
            return True

        patch.setattr(type(adapter), "should_sync", stop)
        ran = sync("product")
    assert ran.code == 1
    assert "Stopped." in ran.message
    assert "--resume" in ran.message
    assert sync("--resume").code == 0


def test_a_plan_keeps_to_the_limit(hellotext: Emulator, sync: Run) -> None:
    for _ in range(3):
        make_product()
    placed_order(customer=make_customer())
    Change.objects.all().delete()
    ran = sync("--dry-run", "--limit", "2")
    assert sum(one["created"] + one["updated"] for one in ran.document["kinds"]) == 2


def test_a_plan_shows_what_is_no_longer_to_be_mirrored(hellotext: Emulator, sync: Run) -> None:
    product = make_product()
    sync()
    Product.objects.update(is_published=False)
    ran = sync("--dry-run", "product")
    [products] = [one for one in ran.document["kinds"] if one["updated"]]
    assert products["examples"]["updated"] == {"pk": str(product.pk), "is": "no longer to be mirrored"}


def test_a_status_that_raises_is_neither_drift_nor_an_event(
    old_shop: Emulator, sync: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sync()
    Order.objects.update(status=Order.Status.SHIPPED)
    adapter = registry.for_model(Order)

    def broken(order: Order) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr(type(adapter), "events", adapters.OnChange(broken, {"shipped": "order.shipped"}))
    assert sync("--check").code == 0
    assert "events" not in sync("--events", "--full", "--dry-run").counts("order")
    assert sync("--events").code == 0
    assert not Event.objects.exists()
    assert "adapter.failed" in caplog.messages


def test_a_long_run_says_that_it_is_alive(old_shop: Emulator, sync: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syncing, "BEAT", -1.0)
    assert sync().code == 0
    assert SyncRun.objects.get().finished_at is not None


def test_an_adapter_names_the_field_that_since_reads(
    hellotext: Emulator, sync: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed_order(customer=make_customer())
    Change.objects.all().delete()
    adapter: Any = registry.for_model(Order)
    for name, code in (("shipped_at", 0), ("no_such_field", 4)):
        monkeypatch.setattr(type(adapter), "changed_at", name)
        ran = sync("order", "--since", "2020-01-01")
        assert ran.code == code
    assert "testshop.Order" in ran.message
