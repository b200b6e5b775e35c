"""The catalogue and its pages."""

from __future__ import annotations

from decimal import Decimal
from io import StringIO
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest
from bookshop.models import Book
from django.contrib.staticfiles import finders
from django.core.management import call_command

if TYPE_CHECKING:
    from tests.example.conftest import Visitor

pytestmark = pytest.mark.django_db


def load() -> str:
    said = StringIO()
    call_command("load_catalogue", stdout=said)
    return said.getvalue()


def test_loading_the_catalogue_twice_changes_nothing() -> None:
    assert "40 added, 0 corrected, 40 on the shelves" in load()
    before = list(Book.objects.values())
    assert "0 added, 0 corrected, 40 on the shelves" in load()
    assert list(Book.objects.values()) == before


def test_loading_the_catalogue_corrects_a_book_and_keeps_its_identity(books: dict[str, Book]) -> None:
    book = books["moby-dick"]
    Book.objects.filter(pk=book.pk).update(price=Decimal("1.00"), title="Moby")
    assert "0 added, 1 corrected" in load()
    corrected = Book.objects.get(sku=book.sku)
    assert (corrected.pk, corrected.price, corrected.title) == (book.pk, Decimal("18.50"), "Moby-Dick")


def test_every_book_has_a_cover_that_is_a_drawing(books: dict[str, Book]) -> None:
    for book in books.values():
        path = finders.find(book.cover)
        assert isinstance(path, str), f"{book} has no cover at {book.cover}"
        root = ElementTree.parse(path).getroot()  # noqa: S314 - our own file
        assert root.tag == "{http://www.w3.org/2000/svg}svg"


@pytest.mark.parametrize(
    "path", ["/", "/?subject=gothic", "/?q=moby", "/cart/", "/account/login/", "/account/register/"]
)
def test_every_open_page_answers(visitor: Visitor, path: str) -> None:
    assert visitor.get(path).status_code == 200


def test_every_book_page_answers(visitor: Visitor, books: dict[str, Book]) -> None:
    for book in books.values():
        page = visitor.get(book.get_absolute_url())
        assert page.status_code == 200
        assert f"{book.price} EUR" in page.text


def test_no_page_asks_another_host_for_anything_of_its_own(visitor: Visitor) -> None:
    page = visitor.get("/").text
    assert 'rel="stylesheet" href="/static/' in page
    assert 'src="http' not in page


def test_a_shelf_shows_its_own_books_only(visitor: Visitor) -> None:
    shelf = visitor.get("/?subject=gothic").context["books"]
    assert {"dracula", "frankenstein", "the-picture-of-dorian-gray"} < {book.slug for book in shelf}
    assert {book.subject for book in shelf} == {"gothic"}


def test_the_search_finds_titles_and_authors(visitor: Visitor) -> None:
    assert {book.author for book in visitor.get("/?q=AUSTEN").context["books"]} == {"Jane Austen"}
    assert [book.slug for book in visitor.get("/?q=walden").context["books"]] == ["walden"]


@pytest.mark.parametrize("query", ["q=%00", "q=" + "x" * 10_000, "subject=no-such-shelf", "q=%F0%9F%90%8B", "q=a&q=b"])
def test_a_strange_search_is_answered_too(visitor: Visitor, query: str) -> None:
    assert visitor.get(f"/?{query}").status_code == 200


def test_a_book_that_is_not_in_the_shop_is_not_found(visitor: Visitor, books: dict[str, Book]) -> None:
    Book.objects.filter(slug="walden").update(is_published=False)
    assert visitor.get("/books/walden/").status_code == 404
    assert visitor.get("/books/no-such-book/").status_code == 404
    assert visitor.post("/cart/add/walden/", {"quantity": 1}).status_code == 404
    assert b"Walden" not in visitor.get("/").content
