"""Customers of the shop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from bookshop.models import Answer, App, Reader, Survey
from django.contrib.auth.models import User

from tests.example.conftest import Visitor

if TYPE_CHECKING:
    from bookshop.models import Book

pytestmark = pytest.mark.django_db


def test_a_new_customer_is_known_by_the_e_mail_address_and_is_no_staff(visitor: Visitor) -> None:
    visitor.register(email="Ada@Example.com")
    user = User.objects.get()
    assert (user.username, user.email, user.first_name) == ("ada@example.com", "ada@example.com", "Ada")
    assert not user.is_staff
    assert visitor.get("/account/").status_code == 200


def test_what_a_customer_likes_to_read_may_be_left_open(visitor: Visitor) -> None:
    visitor.register()
    reader = Reader.objects.get(user__email="ada@example.com")
    assert (reader.favourite, reader.in_book_club) == (None, False)


def test_a_customer_may_name_a_category_and_join_the_book_club(visitor: Visitor) -> None:
    visitor.register(favourite="Sea stories", book_club="on")
    reader = Reader.objects.get(user__email="ada@example.com")
    assert (str(reader.favourite), reader.in_book_club) == ("Sea stories", True)


def test_an_address_has_one_account(visitor: Visitor) -> None:
    visitor.register()
    password = "correct-horse-9"
    page = Visitor().post(
        "/account/register/",
        {
            "first_name": "Eve",
            "last_name": "Else",
            "email": "ADA@example.com",
            "password1": password,
            "password2": password,
        },
    )
    assert "email" in page.context["form"].errors
    assert User.objects.count() == 1


def test_a_weak_password_is_refused(visitor: Visitor) -> None:
    data = {"first_name": "Eve", "last_name": "Else", "email": "eve@example.com"}
    page = visitor.post("/account/register/", {**data, "password1": "12345678", "password2": "12345678"})
    assert page.context["form"].errors
    assert not User.objects.exists()


def test_the_account_page_is_for_customers(visitor: Visitor) -> None:
    assert visitor.get("/account/").headers["Location"].startswith("/account/login/")


def test_the_account_page_lists_the_customers_own_orders(visitor: Visitor, books: dict[str, Book]) -> None:
    visitor.add("walden")
    visitor.register()
    own = visitor.check_out()
    other = Visitor()
    other.add("dracula")
    guests = other.check_out()
    page = visitor.get("/account/").text
    assert own.number in page
    assert guests.number not in page


def test_a_wrong_password_does_not_open_the_door(visitor: Visitor) -> None:
    visitor.register()
    stranger = Visitor()
    page = stranger.post("/account/login/", {"username": "ada@example.com", "password": "wrong"})
    assert page.status_code == 200
    assert stranger.get("/account/").status_code == 302


def test_an_app_is_offered_until_the_customer_has_it(visitor: Visitor) -> None:
    visitor.register()
    app = App.objects.get()
    assert "Get the app" in visitor.get("/account/").text
    for _ in range(2):
        assert visitor.post(f"/account/apps/{app.pk}/").status_code == 302
    assert "Get the app" not in visitor.get("/account/").text
    assert app.readers.count() == 1


def test_an_answer_to_a_survey_is_kept_and_an_empty_one_is_none(visitor: Visitor) -> None:
    visitor.register()
    survey = Survey.objects.get()
    for text in ("", "x" * 201, "Lighthouses"):
        assert visitor.post(f"/account/surveys/{survey.pk}/", {"text": text}).status_code == 302
    answer = Answer.objects.get()
    assert (answer.text, answer.customer.email, answer.survey) == ("Lighthouses", "ada@example.com", survey)


@pytest.mark.parametrize("path", ["/account/apps/1/", "/account/surveys/1/"])
def test_apps_and_surveys_are_for_customers(visitor: Visitor, path: str) -> None:
    assert visitor.post(path).headers["Location"].startswith("/account/login/")
    assert not Answer.objects.exists()
