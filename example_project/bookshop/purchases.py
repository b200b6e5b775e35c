"""From a cart to an order, and from an order to its payment."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from bookshop.models import Cart, CartLine, Coupon, Order, OrderLine

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
    sold = [_sell(line, coupon=order.coupon) for line in lines]
    order.total = sum((line.total for line in sold), start=Decimal("0.00"))
    order.save()
    for line in sold:
        line.order = order
    OrderLine.objects.bulk_create(sold)
    return order


def _sell(line: CartLine, *, coupon: Coupon | None) -> OrderLine:
    """Return the line of an order, not saved, for ``line`` of a cart."""
    price = coupon.off(line.unit_price) if coupon else line.unit_price
    return OrderLine(
        book=line.book,
        edition=line.edition,
        sku=line.sku,
        title=str(line.article),
        quantity=line.quantity,
        unit_price=price,
        total=price * line.quantity,
    )


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
