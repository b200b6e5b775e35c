"""Consent: the shop's own word first, then the browser's, else what was recorded before."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.http import HttpRequest
from django.test import RequestFactory, override_settings

from django_hellotext.actions import Purpose
from django_hellotext.consent import decide

calls: list[tuple[Any, str, Any]] = []


def remembered(request: Any, purpose: str, subject: Any) -> bool | None:
    calls.append((request, purpose, subject))
    return None


def request_with(**headers: str) -> HttpRequest:
    return RequestFactory().get("/", headers=headers)


def asked(answer: Any, purpose: Purpose, request: HttpRequest | None = None) -> bool | None:
    with override_settings(HELLOTEXT={"CONSENT": lambda request, purpose, subject: answer}):
        return decide(request, purpose=purpose)


def fails(request: Any, purpose: str, subject: Any) -> bool:
    raise RuntimeError("the banner is broken")


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("answer", [True, False, None])
def test_the_shops_word_counts_for_every_purpose(purpose: Purpose, answer: bool | None) -> None:
    assert asked(answer, purpose) is answer


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("hook", [fails, "tests.ground.test_consent.fails", "tests.ground.nowhere.hook"])
def test_a_hook_that_fails_neither_tracks_a_visitor_nor_loses_an_order(
    purpose: Purpose, hook: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with override_settings(HELLOTEXT={"CONSENT": hook}), caplog.at_level(logging.ERROR):
        assert decide(request_with(), purpose=purpose) is (False if purpose is Purpose.BROWSE else None)
    assert [record.message for record in caplog.records] == ["consent.hook_failed"]


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("answer", ["yes", 1, 0, "", [], object()])
def test_an_answer_of_another_type_is_no_consent(
    purpose: Purpose, answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        assert asked(answer, purpose) is (False if purpose is Purpose.BROWSE else None)
    assert [record.message for record in caplog.records] == ["consent.hook_answer"]


@override_settings(HELLOTEXT={})
@pytest.mark.parametrize(
    ("purpose", "signal", "answer"),
    [
        (Purpose.BROWSE, "1", False),
        (Purpose.BROWSE, "0", None),
        (Purpose.BROWSE, "", None),
        (Purpose.BROWSE, "1; DROP", None),
        (Purpose.TRANSACT, "1", None),
        (Purpose.MESSAGE, "1", None),
    ],
)
def test_the_browsers_privacy_signal_refuses_browsing_alone(purpose: Purpose, signal: str, answer: Any) -> None:
    assert decide(request_with(**{"Sec-GPC": signal}), purpose=purpose) is answer


def test_the_shops_word_is_stronger_than_the_browsers_signal() -> None:
    assert asked(True, Purpose.BROWSE, request_with(**{"Sec-GPC": "1"})) is True


def test_a_silent_hook_leaves_the_signal_its_say() -> None:
    assert asked(None, Purpose.BROWSE, request_with(**{"Sec-GPC": "1"})) is False


def test_the_hook_gets_request_purpose_and_subject() -> None:
    request, subject = request_with(), object()
    with override_settings(HELLOTEXT={"CONSENT": "tests.ground.test_consent.remembered"}):
        decide(request, purpose=Purpose.TRANSACT, subject=subject)
        decide(None, purpose=Purpose.BROWSE)
    assert calls[-2:] == [(request, "transact", subject), (None, "browse", None)]


@pytest.mark.django_db
@pytest.mark.parametrize("signal", ["0", "1"])
def test_asking_touches_neither_session_nor_user(signal: str, django_assert_num_queries: Any) -> None:
    with override_settings(HELLOTEXT={}), django_assert_num_queries(0):
        request = request_with(**{"Sec-GPC": signal})
        decide(request, purpose=Purpose.BROWSE)
    assert not hasattr(request, "session")
