"""The cart: see it, put a book or another edition of it in, change how many, take one out."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

import django_hellotext as hellotext
from bookshop import carts
from bookshop.forms import QuantityForm
from bookshop.models import Book, Cart, Edition


def show(request: HttpRequest) -> HttpResponse:
    """Show the visitor's cart."""
    context = {"cart": carts.open_cart(request), "quantities": range(1, carts.MOST_COPIES + 1)}
    return render(request, "bookshop/cart.html", context)


@require_POST
def add(request: HttpRequest, slug: str) -> HttpResponse:
    """Put copies of a book into the cart, on top of those that are there."""
    book = get_object_or_404(Book, slug=slug, is_published=True)
    form = QuantityForm(request.POST)
    if not form.is_valid():
        messages.error(request, f"Please choose between 1 and {carts.MOST_COPIES} copies.")
        return redirect(book)
    cart = carts.open_or_new_cart(request)
    article = _article(request, book)
    wanted = carts.quantity_in(cart, article=article) + form.cleaned_data["quantity"]
    _put(request, cart, article=article, quantity=wanted)
    messages.success(request, f"“{article}” is in your cart.")
    return redirect("cart")


@require_POST
def change(request: HttpRequest, slug: str) -> HttpResponse:
    """Set how many copies of a book are in the cart."""
    book = get_object_or_404(Book, slug=slug)
    form = QuantityForm(request.POST)
    cart = carts.open_cart(request)
    if cart is None or not form.is_valid():
        messages.error(request, f"Please choose between 1 and {carts.MOST_COPIES} copies.")
        return redirect("cart")
    _put(request, cart, article=_article(request, book), quantity=form.cleaned_data["quantity"])
    return redirect("cart")


@require_POST
def remove(request: HttpRequest, slug: str) -> HttpResponse:
    """Take a book out of the cart."""
    book = get_object_or_404(Book, slug=slug)
    cart = carts.open_cart(request)
    if cart is not None:
        article = _article(request, book)
        _put(request, cart, article=article, quantity=0)
        messages.info(request, f"“{article}” is no longer in your cart.")
    return redirect("cart")


def _article(request: HttpRequest, book: Book) -> Book | Edition:
    """Return the edition of ``book`` whose SKU was posted, else the book as it is."""
    sku = request.POST.get("edition", "").replace("\x00", "")
    return get_object_or_404(Edition.objects.select_related("book"), book=book, sku=sku) if sku else book


@transaction.atomic
def _put(request: HttpRequest, cart: Cart, *, article: Book | Edition, quantity: int) -> None:
    """Change the cart, and tell Hellotext what became more or fewer."""
    before = carts.quantity_in(cart, article=article)
    now = carts.set_quantity(cart, article=article, quantity=quantity)
    if now != before:
        hellotext.remember_session(cart, request)
        hellotext.track("cart.added" if now > before else "cart.removed", cart, request=request, items=[(article, now)])
