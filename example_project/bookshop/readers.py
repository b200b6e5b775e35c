"""What Hellotext learns of a customer, who is a user of the whole project: ``config/hellotext.py`` registers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model

from django_hellotext import adapters

if TYPE_CHECKING:
    from django.contrib.auth.models import User

FAVOURITE = "Favourite category"
BOOK_CLUB = "Book club"


class CustomerAdapter(adapters.UserProfileAdapter):
    """A user who is no staff, with address and favourite category, and on the list of the book club."""

    address = {
        "street": "reader.street",
        "postal_code": "reader.postcode",
        "city": "reader.city",
        "country": "reader.country",
    }
    properties = {FAVOURITE: "reader.favourite.name"}
    depends_on = {
        "bookshop.Reader": "user",
        "bookshop.Category": lambda category: get_user_model().objects.filter(reader__favourite=category),
    }

    def get_lists(self, user: User) -> list[str]:
        """Return the lists that the customer is on; that is no consent to be written to."""
        reader = getattr(user, "reader", None)
        return [BOOK_CLUB] if reader is not None and reader.in_book_club else []
