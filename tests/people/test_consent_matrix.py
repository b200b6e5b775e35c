"""Header, consent and class of action decide together whether anything is recorded (demand I2)."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.test import RequestFactory

import django_hellotext as hellotext
from django_hellotext.actions import Purpose
from django_hellotext.consent import decide
from django_hellotext.delivery import Report
from django_hellotext.emulator import Emulator
from django_hellotext.models import Event, State
from tests.factories import make_customer, make_order, make_product

HEADERS: dict[str, dict[str, str]] = {
    "none": {},
    "GPC": {"Sec-GPC": "1"},
    "DNT": {"DNT": "1"},
    "both": {"Sec-GPC": "1", "DNT": "1"},
    "neither": {"Sec-GPC": "0", "DNT": "0"},
}
ANSWERS: tuple[bool | None, ...] = (True, False, None)
BROWSING = ("page.viewed", "product.viewed", "wishlist.filled")
BUYING = ("order.placed", "order.cancelled")


def expected(header: str, answer: bool | None, action: str, *, honours_dnt: bool) -> bool:
    """The whole rule, said once more: the shop's word first, then the browser's, which speaks of browsing alone."""
    if answer is not None:
        return answer
    refused = header in ("GPC", "both") or (header == "DNT" and honours_dnt)
    return not (refused and action in BROWSING)


@pytest.mark.django_db
@pytest.mark.parametrize("honours_dnt", [False, True])
@pytest.mark.parametrize(("header", "answer"), list(itertools.product(HEADERS, ANSWERS)))
def test_the_matrix(
    hellotext_app: Emulator, settings: Any, rf: RequestFactory, header: str, answer: bool | None, honours_dnt: bool
) -> None:
    """I2: header, consent and action class."""
    settings.HELLOTEXT = {
        **settings.HELLOTEXT,
        "CONSENT": lambda request, purpose, subject: answer,
        "DO_NOT_TRACK": honours_dnt,
        "ACTIONS": ["wishlist.filled"],
    }
    customer, request = make_customer(), rf.get("/", headers=HEADERS[header])
    objects = {"product.viewed": make_product(), "order.placed": make_order(), "order.cancelled": make_order()}
    for action in (*BROWSING, *BUYING):
        hellotext.track(action, objects.get(action), profile=customer, request=request, url="https://shop.example/")
    recorded = set(Event.objects.values_list("action", flat=True))
    assert recorded == {
        action for action in (*BROWSING, *BUYING) if expected(header, answer, action, honours_dnt=honours_dnt)
    }
    assert set(Event.objects.values_list("consent", flat=True)) <= {answer}


@pytest.mark.django_db
@pytest.mark.parametrize("frozen", [True, None])
@pytest.mark.parametrize(("later", "state"), [(True, "delivered"), (None, "delivered"), (False, "skipped")])
@pytest.mark.parametrize("purpose", [Purpose.BROWSE, Purpose.TRANSACT])
def test_it_is_asked_again_when_it_is_sent(
    deliver: Callable[..., Report],
    settings: Any,
    frozen: bool | None,
    later: bool | None,
    state: str,
    purpose: Purpose,
) -> None:
    """I2: the answer is frozen on the row; only a clear no at sending stops it."""
    answers = [frozen]
    settings.HELLOTEXT = {**settings.HELLOTEXT, "CONSENT": lambda request, asked, subject: answers[-1]}
    if purpose is Purpose.BROWSE:
        hellotext.track("page.viewed", profile=make_customer(), url="https://shop.example/")
    else:
        hellotext.track("order.placed", make_order(), profile=make_customer())
    assert Event.objects.get().consent is frozen
    answers.append(later)
    deliver()
    row = Event.objects.get()
    assert (row.state, row.skip_reason) == (state, "consent" if state == State.SKIPPED else "")


@pytest.mark.parametrize("purpose", Purpose)
def test_a_broken_hook_is_logged_once_and_not_with_every_request(
    settings: Any, rf: RequestFactory, caplog: pytest.LogCaptureFixture, purpose: Purpose
) -> None:
    """Bad input: refused for browse, as recorded otherwise; one line in a process."""

    def broken(request: Any, purpose: str, subject: Any) -> bool:
        raise RuntimeError("broken")

    settings.HELLOTEXT = {"CONSENT": broken}
    with caplog.at_level(logging.ERROR):
        answers = {decide(rf.get("/"), purpose=purpose) for _ in range(100)}
    assert answers == {False if purpose is Purpose.BROWSE else None}
    assert [record.getMessage() for record in caplog.records] == ["consent.hook_failed"]
