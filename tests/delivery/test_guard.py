"""The right account: a cloned database sends nothing (promise 10, demands A8, F5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import django_hellotext
from django_hellotext.delivery import Report, engine
from django_hellotext.emulator import Emulator
from django_hellotext.models import Account, Event, RemoteObject, State
from tests.factories import make_customer, make_product

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]


def test_a_cloned_database_under_another_environment_sends_nothing(
    hellotext: Emulator, deliver: Deliver, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The live site has drained once; its dump is restored on staging, with the live token."""
    engine._warn_of_clone.cache_clear()
    customer = make_customer()
    deliver()
    django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/waiting")
    before = len(hellotext.log)
    settings.HELLOTEXT = {**settings.HELLOTEXT, "ENVIRONMENT": "staging"}
    django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/new")
    make_product()
    deliver()
    assert len(hellotext.log) == before
    assert set(Event.objects.values_list("state", flat=True)) == {State.PENDING}
    assert "drain.environment: this database belongs to test-business/test" in caplog.text
    assert not Account.objects.filter(environment="staging").exists()
    settings.HELLOTEXT = {**settings.HELLOTEXT, "ENVIRONMENT": "test"}
    deliver()
    assert len(hellotext.log) > before


def test_rows_of_another_account_are_left_alone(hellotext: Emulator, deliver: Deliver, settings: Any) -> None:
    customer = make_customer()
    django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/first")
    settings.HELLOTEXT = {**settings.HELLOTEXT, "BUSINESS_ID": "another"}
    django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/second")
    deliver()
    assert dict(Event.objects.values_list("account", "state")) == {
        "test-business/test": "pending",
        "another/test": "delivered",
    }


def test_another_account_never_gets_the_ids_of_the_first(hellotext: Emulator, deliver: Deliver, settings: Any) -> None:
    """Demand F5."""
    product = make_product()
    deliver()
    settings.HELLOTEXT = {**settings.HELLOTEXT, "BUSINESS_ID": "another"}
    product.name = "renamed"
    product.save()
    assert RemoteObject.objects.count() == 1
    before = len(hellotext.log)
    deliver()
    assert RemoteObject.objects.filter(account="another/test").count() == 1
    # Only what Hellotext itself has told of the other account's object since then is used: it is asked for first.
    asked = hellotext.log[before]
    assert (asked.method, asked.path) == ("GET", f"/v1/attribution/products/{product.pk}")


def test_no_row_holds_a_credential(hellotext: Emulator, deliver: Deliver) -> None:
    make_product()
    deliver()
    [account] = Account.objects.values()
    assert "test-token" not in str(account)
