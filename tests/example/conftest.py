"""The shop under its own settings, with its catalogue on the shelves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from bookshop.models import App, Book, Category, Coupon, Edition, Order, Survey
from config import settings as shop_settings
from django.core.management import call_command
from django.test import Client

import django_hellotext

if TYPE_CHECKING:
    from pytest_django import Settings

# The settings of the bookshop's account.
ACCOUNT = {
    "BUSINESS_ID": "books",
    "API_TOKEN": "token",
    "ENVIRONMENT": "test",
    "SOURCE": "bookshop",
    "CURRENCY": "EUR",
    "SITE_URL": "https://books.example",
    "RAISE_ERRORS": True,
}

# What the shop's settings say and the package's own test settings do not.
SHOP_SETTINGS = [
    "AUTH_PASSWORD_VALIDATORS",
    "LOGIN_REDIRECT_URL",
    "LOGIN_URL",
    "LOGOUT_REDIRECT_URL",
    "MIDDLEWARE",
    "PAYMENT_WEBHOOK_SECRET",
    "ROOT_URLCONF",
    "STATIC_URL",
    "TEMPLATES",
]

ADDRESS = {"street": "Lamp Lane 4", "postcode": "10115", "city": "Berlin", "country": "Germany"}
BUYER = {"first_name": "Ada", "last_name": "Byron", "email": "ada@example.com", "phone": ""}


@pytest.fixture(autouse=True)
def shop(settings: Settings) -> Settings:
    """Run the shop under its own settings; its integration is installed but has no account."""
    for name in SHOP_SETTINGS:
        setattr(settings, name, getattr(shop_settings, name))
    settings.HELLOTEXT = {}
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return settings


# What load_catalogue fills, each before what refers to it.
CATALOGUE: list[Any] = [Category, Book, Book.categories.through, Edition, Coupon, App, Survey]


@pytest.fixture(scope="session")
def catalogue_rows() -> dict[Any, list[dict[str, Any]]]:
    """The rows of the catalogue by model, once a test has loaded it; inserting them is faster than loading it."""
    return {}


@pytest.fixture
def books(db: None, catalogue_rows: dict[Any, list[dict[str, Any]]]) -> dict[str, Book]:
    """The forty books, by slug. The catalogue is there, but no change of it is recorded for Hellotext."""
    if catalogue_rows:
        for model in CATALOGUE:
            model.objects.bulk_create(model(**row) for row in catalogue_rows[model])
    else:
        with django_hellotext.paused():
            call_command("load_catalogue", verbosity=0)
        catalogue_rows.update((model, list(model.objects.values())) for model in CATALOGUE)
    return {book.slug: book for book in Book.objects.all()}


class Visitor(Client):
    """A browser in the shop, with the steps that the tests take again and again."""

    def add(self, slug: str, *, quantity: int = 1) -> None:
        """Put copies of a book into the cart."""
        answer = self.post(f"/cart/add/{slug}/", {"quantity": quantity})
        assert answer.status_code == 302

    def register(self, *, email: str = "ada@example.com", **more: str) -> None:
        """Make an account, and be logged in."""
        password = "correct-horse-9"
        answer = self.post(
            "/account/register/",
            {
                "first_name": "Ada",
                "last_name": "Byron",
                "email": email,
                "password1": password,
                "password2": password,
                **more,
            },
        )
        assert answer.status_code == 302, answer.context["form"].errors

    def check_out(self, **changes: str) -> Order:
        """Buy what is in the cart."""
        answer = self.post("/checkout/", {**BUYER, **ADDRESS, "delivery": "deliver", **changes})
        assert answer.status_code == 302, answer.context["form"].errors
        return Order.objects.get(token=answer.headers["Location"].split("/")[2])


@pytest.fixture
def visitor(books: dict[str, Book]) -> Visitor:
    """Somebody who has just come in."""
    return Visitor()
