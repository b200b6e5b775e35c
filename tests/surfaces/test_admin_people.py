"""The list of profiles names accounts that are one customer, and profiles that were left behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

import django_hellotext
from django_hellotext.delivery import Report
from django_hellotext.delivery.profiles import SHARED
from django_hellotext.emulator import Emulator
from django_hellotext.models import FORMER, Profile, State
from tests.factories import make_customer, placed_order

from .admin_pages import text, url
from .rows import make

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
ONE_CUSTOMER, LEFT_BEHIND = url(Profile, "?customers=one"), url(Profile, "?customers=left")


def profile(number: int, **values: Any) -> Profile:
    row: Profile = make(Profile, number, **{"host_label": "auth.user", "state": State.SYNCED, **values})
    return row


def rows_of(page: str) -> int:
    return page.count('class="action-select"')


def test_two_accounts_of_one_customer_are_listed_with_both(
    hellotext: Emulator, deliver: Deliver, operator: Client
) -> None:
    first = make_customer(email="ana@example.com")
    deliver()
    second = make_customer(email="ANA@example.com")
    make_customer(email="bea@example.com")
    placed_order(email="ana@example.com")  # a guest is no account
    deliver()
    page = text(operator, ONE_CUSTOMER)
    assert rows_of(page) == 1
    assert "one customer with" in page.lower()
    for account in (first, second):
        assert f'/admin/auth/user/{account.pk}/change/">user {account.pk}</a>' in page


def test_accounts_that_share_a_profile_otherwise_are_listed(hellotext: Emulator, operator: Client) -> None:
    """Before a worker has noted it, after their accounts could not be told apart; not after a deletion."""
    profile(1, remote_id="same")
    profile(2, remote_id="same")
    profile(3, remote_id="", state=State.FAILED, error_type=SHARED)
    profile(4, remote_id="same", state=State.DELETED)
    profile(5, remote_id="own")
    profile(6, remote_id="")
    profile(7, remote_id="")
    page = text(operator, ONE_CUSTOMER)
    assert rows_of(page) == 2
    assert ">R-2<" in page
    assert ">R-3<" in page


def test_an_account_that_has_left_a_profile_is_listed_with_its_id(
    hellotext: Emulator, deliver: Deliver, operator: Client
) -> None:
    placed_order(email="ana.new@example.com")
    account = make_customer(email="ana@example.com")
    deliver()
    left = Profile.objects.get(host_label="auth.user").remote_id
    account.email = "ana.new@example.com"
    account.save()
    deliver()
    page = text(operator, LEFT_BEHIND)
    assert rows_of(page) == 1
    assert left in page


def test_a_former_profile_that_somebody_has_is_not_left(hellotext: Emulator, operator: Client) -> None:
    profile(1, data={FORMER: ["theirs", "nobodys"]})
    profile(2, remote_id="theirs")
    page = text(operator, LEFT_BEHIND)
    assert "nobodys" in page
    assert "theirs" not in page


@pytest.mark.parametrize("address", [ONE_CUSTOMER, LEFT_BEHIND])
def test_the_lists_make_the_same_number_of_queries_whatever_they_hold(
    hellotext: Emulator, operator: Client, address: str
) -> None:
    costs = []
    for number in range(1, 31):
        profile(number, remote_id=f"p{number % 2}", attributed=number > 2, data={FORMER: [f"f{number}"]})
        if number in (4, 30):
            text(operator, address)
            with CaptureQueriesContext(connection) as queries:
                text(operator, address)
            costs.append(len(queries))
    assert costs[0] == costs[1] <= 8


def test_who_may_not_see_profiles_sees_neither(hellotext: Emulator, clerk: Callable[..., Client]) -> None:
    assert clerk("view_event").get(ONE_CUSTOMER).status_code == 403
    assert clerk("view_profile").get(ONE_CUSTOMER).status_code == 200


def test_without_the_filter_the_list_is_as_it_was(hellotext: Emulator, operator: Client) -> None:
    with django_hellotext.paused():
        User.objects.create_user("ana")
    profile(1)
    page = text(operator, url(Profile))
    assert "two accounts, one customer" in page
    assert "one customer with" not in page.lower()
