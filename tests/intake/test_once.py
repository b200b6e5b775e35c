"""One transaction says a thing once, and forgets what it has said as soon as anything is undone (demand E3)."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DataError, connection, transaction

from django_hellotext.intake.changes import gathered
from django_hellotext.models import Change
from tests.factories import make_order, make_order_line, make_product
from tests.testshop.models import Order, OrderLine, Product

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hellotext")]


@pytest.fixture
def product() -> Product:
    made = make_product()
    Change.objects.all().delete()
    return made


def recorded() -> list[tuple[str, str | None]]:
    return list(Change.objects.order_by("id").values_list("object_label", "metadata__status"))


def test_many_saves_of_an_object_in_a_transaction_are_one_row(product: Product) -> None:
    """Demand E3."""
    with transaction.atomic():
        for _ in range(5):
            product.save()
    assert len(recorded()) == 1


def test_a_save_after_the_commit_is_recorded_again(product: Product) -> None:
    with transaction.atomic():
        product.save()
    with transaction.atomic():
        product.save()
    product.save()
    product.save()
    assert len(recorded()) == 4


def test_an_order_with_its_lines_is_one_row() -> None:
    """Demand E3: an admin form with inlines saves the order and then each line."""
    with transaction.atomic():
        order = make_order(status=Order.Status.PLACED)
        lines = [make_order_line(order=order, product=None) for _ in range(3)]
        lines[0].delete()
        order.save()
    assert recorded() == [("testshop.order", "placed")]


def test_each_status_of_one_transaction_is_recorded(product: Product) -> None:
    """Demand A6: no transition is lost, not even one there and back."""
    with transaction.atomic():
        order = make_order(status=Order.Status.PLACED)
        for status in ("paid", "paid", "placed", "paid"):
            order.status = status
            order.save()
    assert [status for _, status in recorded()] == ["placed", "paid", "placed", "paid"]


def test_a_deletion_after_a_save_is_recorded(product: Product) -> None:
    """Demand E5."""
    with transaction.atomic():
        product.save()
        product.delete()
    assert [change.deleted for change in Change.objects.order_by("id")] == [False, True]


def test_a_savepoint_that_is_rolled_back_forgets(product: Product) -> None:
    with transaction.atomic():
        with pytest.raises(RuntimeError), transaction.atomic():
            product.save()
            raise RuntimeError
        product.save()
    assert len(recorded()) == 1


def test_a_savepoint_of_the_hosts_own_that_is_rolled_back_forgets(product: Product) -> None:
    with transaction.atomic():
        # Django 6.1 has another name for it.
        savepoint = getattr(transaction, "savepoint_create", transaction.savepoint)()
        product.save()
        transaction.savepoint_rollback(savepoint)
        product.save()
    assert len(recorded()) == 1


def test_a_released_savepoint_is_remembered(product: Product) -> None:
    with transaction.atomic():
        with transaction.atomic():
            product.save()
        product.save()
    assert len(recorded()) == 1


def test_a_transaction_that_is_rolled_back_forgets(product: Product) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        product.save()
        raise RuntimeError
    with transaction.atomic():
        product.save()
    assert len(recorded()) == 1


def test_under_manual_transactions_nothing_is_taken_for_said(product: Product) -> None:
    """Nobody tells us of the host's own commit: a row too many is the safe side."""
    transaction.set_autocommit(False)
    try:
        for _ in range(2):
            with transaction.atomic():
                product.save()
            transaction.commit()
    finally:
        transaction.set_autocommit(True)
    assert len(recorded()) == 2


def test_a_refused_insert_is_not_taken_for_said(product: Product, settings: Any) -> None:
    """The database refuses the first row; the second save of the transaction says it again."""
    settings.HELLOTEXT = {**settings.HELLOTEXT, "RAISE_ERRORS": False}
    refused: list[str] = []

    def refuse(execute: Any, sql: str, *arguments: Any) -> Any:
        if Change._meta.db_table in sql and not refused:
            refused.append(sql)
            raise DataError("refused")
        return execute(sql, *arguments)

    with transaction.atomic(), connection.execute_wrapper(refuse):
        product.save()
        product.save()
        product.save()
    assert len(refused) == 1
    assert len(recorded()) == 1


def test_a_gathered_block_is_one_statement(product: Product, django_assert_num_queries: Any) -> None:
    """Demand E3: however many objects a bulk call touches."""
    order = make_order()
    Change.objects.all().delete()
    with transaction.atomic(), gathered():
        OrderLine.objects.bulk_create(OrderLine(order=order) for _ in range(3))
        with django_assert_num_queries(2):
            make_product(name="One")
            make_product(name="Two")
        assert recorded() == []
    assert [label for label, _ in recorded()] == ["testshop.product", "testshop.product"]
