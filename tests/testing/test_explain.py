"""``testing.explain``, the command and the admin say the same of an object and of a row."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils import translation

import django_hellotext
from django_hellotext.delivery import Report
from django_hellotext.models import Event, RemoteObject
from django_hellotext.testing import explain
from tests.factories import make_customer, make_order

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]


@pytest.fixture
def operator(client: Client) -> Client:
    with django_hellotext.paused():
        client.force_login(User.objects.create_superuser("operator"))
    return client


def of_the_command(*args: str) -> str:
    out = StringIO()
    call_command("hellotext_explain", *args, stdout=out)
    return out.getvalue().strip()


def of_the_page(client: Client, address: str) -> list[str]:
    """The lines of the explanation, as they are read."""
    page = client.get(address).content.decode()
    lists = re.findall(r'<ul class="hellotext-explanation">(.*?)</ul>', page, re.DOTALL)
    assert len(lists) == 1, address
    return [html.unescape(text) for text in re.findall(r"<li[^>]*>(.*?)</li>", lists[0], re.DOTALL)]


def lines_of(text: str) -> list[str]:
    return [line.strip().removeprefix("- ") for line in text.splitlines()[1:]]


@pytest.mark.parametrize("language", ["en", "es"])
def test_all_three_say_the_same(deliver: Deliver, operator: Client, language: str) -> None:
    customer = make_customer(email="<b>hidden</b>@example.com")
    make_order(number="", status="placed", customer=customer)
    deliver()
    event, mirror = Event.objects.get(), RemoteObject.objects.get(kind="order")
    with translation.override(language):
        said = {
            f"/admin/django_hellotext/event/{event.pk}/change/": (event, ("event", str(event.pk))),
            f"/admin/django_hellotext/order/{mirror.pk}/change/": (mirror, ("object", str(mirror.pk))),
            f"/admin/auth/user/{customer.pk}/change/": (customer, ("auth.user", str(customer.pk))),
        }
        for address, (what, args) in said.items():
            text = str(explain(what))
            assert len(lines_of(text)) > 1
            assert of_the_command(*args) == text
            assert of_the_page(operator, address) == lines_of(text)
