"""From a cart to an order, and from an order to its payment."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from bookshop.models import Cart, Order, OrderLine

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from bookshop.forms import CheckoutForm


class EmptyCart(Exception):
    """There is nothing to buy: the cart is empty, or it has become an order already."""


def place_order(form: CheckoutForm, *, cart: Cart, customer: User | None) -> Order:
    """Turn ``cart`` into an order with the valid ``form``'s data. The caller opens the transaction.

    Raises ``EmptyCart`` when the cart has no lines, or when another request was faster.
    """
    now = timezone.now()
    if not Cart.objects.filter(pk=cart.pk, ordered_at=None).update(ordered_at=now):
        raise EmptyCart
    lines = list(cart.lines.select_related("book", "edition__book"))
    if not lines:
        raise EmptyCart
    order: Order = form.save(commit=False)
    order.cart = cart
    order.customer = customer
    order.coupon = form.cleaned_data["coupon"]
    order.placed_at = now
    order.save()
    OrderLine.objects.bulk_create(
        OrderLine(
            order=order,
            book=line.book,
            edition=line.edition,
            title=str(line.article),
            quantity=line.quantity,
            unit_price=order.coupon.off(line.unit_price) if order.coupon else line.unit_price,
        )
        for line in lines
    )
    return order


def confirm_payment(number: str, *, reference: str, paid_at: datetime) -> Order:
    """Mark the order ``number`` as paid. A second confirmation of the same payment changes nothing.

    Raises ``Order.DoesNotExist``, and ``InvalidMove`` when the order cannot be paid any more.
    """
    with transaction.atomic():
        order = Order.objects.select_for_update().get(number=number)
        if order.payment_reference == reference:
            return order
        order.move_to(Order.Status.PAID, at=paid_at)
        order.payment_reference = reference
        order.save(update_fields=["status", "paid_at", "payment_reference"])
        return order
