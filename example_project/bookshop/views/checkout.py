"""The checkout, and the page of an order."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from bookshop import carts
from bookshop.forms import checkout_form
from bookshop.models import Order
from bookshop.purchases import EmptyCart, place_order
from django_hellotext import track


def checkout(request: HttpRequest) -> HttpResponse:
    """Buy what is in the cart, as a customer or as a guest."""
    cart = carts.open_cart(request)
    if cart is None or not cart.quantity:
        messages.info(request, "Your cart is empty.")
        return redirect("cart")
    form = checkout_form(request)
    if request.method != "POST" or not form.is_valid():
        return render(request, "bookshop/checkout.html", {"cart": cart, "form": form})
    customer = request.user if request.user.is_authenticated else None
    try:
        with transaction.atomic():
            order = place_order(form, cart=cart, customer=customer)
            if order.coupon is not None:
                track("coupon.redeemed", order.coupon, profile=order, request=request, key=order.number)
    except EmptyCart:
        messages.info(request, "This cart has become an order already.")
        return redirect("cart")
    del request.session[carts.SESSION_KEY]
    return redirect(order)


def order(request: HttpRequest, token: str) -> HttpResponse:
    """Show an order: a guest's to whoever knows its address, a customer's to the customer and to staff."""
    order = get_object_or_404(Order.objects.prefetch_related("lines__book"), token=token)
    if order.customer_id is not None and not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    if order.customer_id not in (None, request.user.pk) and not request.user.is_staff:
        return render(request, "404.html", status=404)
    return render(request, "bookshop/order.html", {"order": order, "steps": _steps(order)})


def _steps(order: Order) -> list[dict[str, object]]:
    """Return the way of an order from its placing to its delivery, with the times so far."""
    way = [Order.Status.PLACED, Order.Status.PAID, Order.Status.SHIPPED, Order.Status.DELIVERED]
    if order.status == Order.Status.CANCELLED:
        way = [status for status in way if getattr(order, Order.REACHED_AT[status])] + [Order.Status.CANCELLED]
    return [
        {"label": status.label, "at": getattr(order, Order.REACHED_AT[status]), "now": status == order.status}
        for status in way
    ]
