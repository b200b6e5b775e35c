"""What every page of the shop shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bookshop.carts import SESSION_KEY, open_cart
from bookshop.cookies import answer_of
from bookshop.models import CURRENCY, Book

if TYPE_CHECKING:
    from django.http import HttpRequest


def shop(request: HttpRequest) -> dict[str, Any]:
    """Return the shelves, the currency, how many books are in the visitor's cart, and the answer to the banner."""
    return {
        "subjects": Book.Subject.choices,
        "currency": CURRENCY,
        "cart_quantity": _cart_quantity(request),
        "cookie_answer": answer_of(request),
    }


def _cart_quantity(request: HttpRequest) -> int:
    if not hasattr(request, "session") or SESSION_KEY not in request.session:
        return 0
    cart = open_cart(request)
    return cart.quantity if cart else 0
