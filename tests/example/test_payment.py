"""The payment provider's webhook."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from bookshop import payments
from bookshop.models import Order
from django.test import Client

if TYPE_CHECKING:
    from django.http import HttpResponse
    from pytest_django.live_server_helper import LiveServer

    from tests.example.conftest import Visitor

pytestmark = pytest.mark.django_db

PAID_AT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)

NO_TIMES: list[Any] = ["soon", 1e40, None, []]
NO_NOTIFICATIONS = [
    b"",
    b"[]",
    b"null",
    b"{",
    b"\xff",
    json.dumps({"order": "LL-1"}).encode(),
    *(json.dumps({"order": "LL-1", "reference": "r", "paid_at": time}).encode() for time in NO_TIMES),
]


@pytest.fixture
def order(visitor: Visitor) -> Order:
    visitor.add("walden")
    return visitor.check_out()


def notify(body: bytes, *, signature: str | None = None) -> Any:
    """Report what ``body`` says, as a server without cookies that knows nothing of CSRF."""
    signed = payments.signature_of(body) if signature is None else signature
    return Client(enforce_csrf_checks=True).post(
        "/payments/webhook/",
        data=body,
        content_type="application/json",
        headers={payments.SIGNATURE_HEADER: signed},
    )


def paid(order: Order, *, reference: str = "pay_1") -> bytes:
    return payments.Notification(order=order.number, reference=reference, paid_at=PAID_AT).body()


def test_a_signed_notification_marks_the_order_as_paid(order: Order) -> None:
    answer = notify(paid(order))
    assert answer.status_code == 200
    assert answer.json() == {"order": order.number, "status": "paid"}
    order.refresh_from_db()
    assert (order.status, order.paid_at, order.payment_reference) == ("paid", PAID_AT, "pay_1")


def test_the_webhook_leaves_no_cookie(order: Order) -> None:
    answer: HttpResponse = notify(paid(order))
    assert not answer.cookies


@pytest.mark.parametrize("signature", ["", "sha256=", "sha256=00", "é", "x" * 5_000])
def test_an_unsigned_notification_is_refused(order: Order, signature: str) -> None:
    assert notify(paid(order), signature=signature).status_code == 403
    order.refresh_from_db()
    assert order.status == Order.Status.PLACED


def test_a_signature_holds_for_its_own_body_only(order: Order) -> None:
    signature = payments.signature_of(paid(order, reference="pay_1"))
    assert notify(paid(order, reference="pay_2"), signature=signature).status_code == 403


def test_the_same_payment_reported_twice_changes_nothing(order: Order) -> None:
    notify(paid(order))
    order.refresh_from_db()
    order.move_to(Order.Status.SHIPPED)
    order.save()
    assert notify(paid(order)).json() == {"order": order.number, "status": "shipped"}


def test_another_payment_for_a_paid_order_is_a_conflict(order: Order) -> None:
    notify(paid(order))
    assert notify(paid(order, reference="pay_2")).status_code == 409
    order.refresh_from_db()
    assert order.payment_reference == "pay_1"


def test_a_payment_for_no_order_is_not_found(order: Order) -> None:
    body = payments.Notification(order="LL-NONE", reference="pay_1", paid_at=PAID_AT).body()
    assert notify(body).status_code == 404


@pytest.mark.parametrize("content", NO_NOTIFICATIONS)
def test_a_signed_body_that_is_no_notification_is_a_bad_request(db: None, content: bytes) -> None:
    assert notify(content).status_code == 400


def test_a_long_body_is_not_read(db: None) -> None:
    assert notify(b" " * (payments.MOST_BYTES + 1)).status_code == 413


def test_a_notification_reads_as_it_was_written() -> None:
    notification = payments.Notification(order="LL-1", reference="pay_1", paid_at=PAID_AT)
    assert payments.read_notification(notification.body()) == notification


def test_a_browser_cannot_read_the_webhook(db: None) -> None:
    assert Client().get("/payments/webhook/").status_code == 405


@pytest.mark.django_db(transaction=True)
def test_the_pay_button_reports_to_the_webhook(live_server: LiveServer, visitor: Visitor) -> None:
    visitor.add("walden")
    order = visitor.check_out()
    host = live_server.url.removeprefix("http://")
    answer = visitor.post(f"/orders/{order.token}/pay/", headers={"host": host}, follow=True)
    assert "your payment has arrived" in answer.text
    order.refresh_from_db()
    assert order.status == Order.Status.PAID
    again = visitor.post(f"/orders/{order.token}/pay/", headers={"host": host}, follow=True)
    assert "The payment was not accepted." in again.text
