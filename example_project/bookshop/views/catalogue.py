"""The catalogue: all books, one book."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from bookshop.carts import MOST_COPIES
from bookshop.models import Book
from django_hellotext.decorators import track

FEATURED = "moby-dick"  # on top of the home page, with one book on either side
FEATURED_BESIDE = ("the-secret-garden", "the-time-machine")
MORE_BOOKS = 4  # beneath a book's own page
LONGEST_SEARCH = 80  # characters


def home(request: HttpRequest) -> HttpResponse:
    """Show the catalogue, whole, by shelf or by words."""
    books = Book.objects.filter(is_published=True)
    subject = request.GET.get("subject", "")
    words = request.GET.get("q", "").replace("\x00", "").strip()[:LONGEST_SEARCH]
    if subject in Book.Subject.values:
        books = books.filter(subject=subject)
    else:
        subject = ""
    if words:
        books = books.filter(Q(title__icontains=words) | Q(author__icontains=words))
    context: dict[str, Any] = {"books": books, "subject": subject, "words": words}
    if not subject and not words:
        featured = next((book for book in books if book.slug == FEATURED), None)
        beside = [book for book in books if book.slug in FEATURED_BESIDE]
        context |= {"featured": featured, "beside": beside}
    return render(request, "bookshop/home.html", context)


@track("product.viewed", object=lambda slug: Book.objects.get(slug=slug), via="browser")
def book(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one book."""
    book = get_object_or_404(Book, slug=slug, is_published=True)
    others = Book.objects.filter(is_published=True).exclude(pk=book.pk)
    same_shelf = list(others.filter(subject=book.subject))
    more = (same_shelf + list(others.exclude(subject=book.subject)))[:MORE_BOOKS]
    context = {
        "book": book,
        "editions": book.editions.all(),
        "more": more,
        "quantities": range(1, MOST_COPIES // 4 + 1),
    }
    return render(request, "bookshop/book.html", context)
