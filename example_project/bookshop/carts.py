"""The cart of a visitor: found by the web session, kept by the customer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bookshop.models import Book, Cart, CartLine, Edition

if TYPE_CHECKING:
    from django.http import HttpRequest

SESSION_KEY = "cart"
MOST_COPIES = 20  # of one book in one cart


def open_cart(request: HttpRequest) -> Cart | None:
    """Return the visitor's open cart, or None when there is none yet."""
    token = request.session.get(SESSION_KEY)
    if token is None:
        return None
    return (
        Cart.objects.prefetch_related("lines__book", "lines__edition__book")
        .filter(token=token, ordered_at=None)
        .first()
    )


def open_or_new_cart(request: HttpRequest) -> Cart:
    """Return the visitor's open cart, made when there is none yet."""
    cart = open_cart(request)
    if cart is not None:
        return cart
    customer = request.user if request.user.is_authenticated else None
    cart = Cart.objects.create(customer=customer)
    request.session[SESSION_KEY] = str(cart.token)
    return cart


def quantity_in(cart: Cart, *, article: Book | Edition) -> int:
    """Return how many copies of ``article`` are in ``cart``."""
    line = CartLine.objects.filter(cart=cart, sku=article.sku).first()
    return line.quantity if line else 0


def set_quantity(cart: Cart, *, article: Book | Edition, quantity: int) -> int:
    """Put exactly ``quantity`` copies of ``article`` into ``cart``, none takes it out; return how many there are."""
    quantity = max(0, min(quantity, MOST_COPIES))
    edition = article if isinstance(article, Edition) else None
    if quantity:
        what = {"book": edition.book if edition else article, "edition": edition}
        CartLine.objects.update_or_create(
            cart=cart, sku=article.sku, defaults={"quantity": quantity}, create_defaults={**what, "quantity": quantity}
        )
    else:
        CartLine.objects.filter(cart=cart, sku=article.sku).delete()
    cart.save()
    return quantity


def claim(request: HttpRequest) -> None:
    """Give the visitor's cart to the customer who has just logged in, or bring back the one left open last time."""
    customer = request.user
    if not customer.is_authenticated:
        return
    cart = open_cart(request)
    if cart is None:
        cart = Cart.objects.filter(customer=customer, ordered_at=None, lines__isnull=False).first()
    if cart is None:
        return
    if cart.customer_id != customer.pk:
        cart.customer = customer
        cart.save(update_fields=["customer", "updated_at"])
    request.session[SESSION_KEY] = str(cart.token)
