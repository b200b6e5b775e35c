"""What the doctor prints: readable on a terminal, stable for machines, nothing private."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import OutputWrapper
from django.utils import translation

from django_hellotext.delivery import drain
from django_hellotext.emulator import Emulator
from django_hellotext.models import Account, Event, RemoteObject, State
from tests.factories import make_customer, make_product, placed_order

from .conftest import Doctor

pytestmark = pytest.mark.django_db

KEYS = {"code", "state", "family", "database", "title", "meaning", "advice", "page"}


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_each_line_has_a_mark_a_meaning_what_to_do_and_a_page(healthy: Emulator, doctor: Doctor) -> None:
    Account.objects.halt("test-business/test", reason="Hellotext answered 401.")
    text = doctor(text=True).text
    assert "✓ Configured for test-business/test" in text
    assert re.search(
        r"^✗ error: The account is halted, since .*\n  Hellotext answered 401\. Everything waits.*\n  → Correct API"
        r"[\s\S]*?\n  reference/doctor\.html#finding-account\.halted$",
        text,
        re.MULTILINE,
    )
    assert "- not looked at: the drift: nobody has compared both sides yet" in text
    assert text.endswith("1 error, 0 warnings.")


def test_quiet_prints_only_what_is_not_well(healthy: Emulator, doctor: Doctor) -> None:
    told = doctor("--quiet", text=True)
    assert (told.code, told.text) == (0, "")
    Account.objects.pause("test-business/test", seconds=60, reason="ServerError 503")
    told = doctor("--quiet", text=True)
    assert told.text.startswith("! warning: The account pauses after ServerError 503")
    assert "✓" not in told.text


@pytest.mark.parametrize(
    ("wrong", "options", "code"),
    [("", [], 0), ("warning", [], 1), ("error", [], 2), ("warning", ["--fail-level", "error"], 0),
     ("error", ["--fail-level", "error"], 2)],
)  # fmt: skip
def test_exit_codes(healthy: Emulator, doctor: Doctor, wrong: str, options: list[str], code: int) -> None:
    if wrong == "warning":
        Account.objects.pause("test-business/test", seconds=60, reason="ServerError 503")
    if wrong == "error":
        Account.objects.halt("test-business/test", reason="401")
    assert doctor(*options).code == code
    assert doctor(*options, text=True).code == code


def test_the_document_has_the_same_keys_whatever_is_wrong(healthy: Emulator, doctor: Doctor) -> None:
    Account.objects.halt("test-business/test", reason="401")
    document = doctor().document
    assert document.keys() == {"schema", "version", "account", "state", "code", "findings"}
    assert (document["schema"], document["account"], document["state"]) == (1, "test-business/test", "error")
    assert all(one.keys() == KEYS for one in document["findings"])
    assert {one["state"] for one in document["findings"]} <= {"ok", "warning", "error", "skipped"}


@pytest.mark.parametrize(("columns", "longest"), [("80", 80), ("120", 120)])
def test_lines_fit_the_terminal(
    healthy: Emulator, doctor: Doctor, monkeypatch: pytest.MonkeyPatch, columns: str, longest: int
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    Account.objects.halt("test-business/test", reason="Hellotext answered 401: the token does not allow sending. " * 3)
    lines = doctor(text=True).text.splitlines()
    assert max(len(line) for line in lines) <= longest


def test_colour_is_for_terminals_and_for_the_mark_alone(healthy: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, terminal = StringIO(), Terminal()
    call_command("hellotext_doctor", stdout=plain)
    assert "\x1b" not in plain.getvalue()
    monkeypatch.setenv("FORCE_COLOR", "1")
    call_command("hellotext_doctor", stdout=OutputWrapper(terminal), force_color=True)
    painted = re.findall(r"\x1b\[[\d;]+m(.*?)\x1b\[0m", terminal.getvalue())
    assert set(painted) == {"✓"}


def test_it_speaks_english_as_the_checks_do(settings: Any, healthy: Emulator, doctor: Doctor) -> None:
    row = make_product()
    drain()
    RemoteObject.objects.filter(host_pk=row.pk, kind="product").update(state=State.FAILED, error_type="adapter_failed")
    with translation.override("es"):
        assert "Correct the adapter" in doctor()["queue.refused"]["advice"]


def test_neither_the_token_nor_anything_personal_is_printed(
    settings: Any, healthy: Emulator, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Demand I1."""
    settings.HELLOTEXT = {**settings.HELLOTEXT, "STATUS_TOKEN": "canary-status-token"}
    customer = make_customer(email="canary@acme.example", first_name="Canaria", last_name="Vogel")
    placed_order(customer=customer, email="canary@acme.example", phone="+4915112345678")
    drain()
    Event.objects.update(state=State.FAILED, error_type="invalid", error_message="canary@acme.example Canaria")
    RemoteObject.objects.update(state=State.FAILED, error_type="x", error_message="+4915112345678 Vogel")
    printed = doctor().text + doctor(text=True).text + doctor("--send-test", "--wait", "0.1").text
    settings.HELLOTEXT = {**settings.HELLOTEXT, "API_TOKEN": "canary-wrong-token"}
    printed += doctor().text + doctor(text=True).text
    for canary in ("test-token", "canary", "Canaria", "Vogel", "49151"):
        assert canary not in printed


def test_the_checks_of_django_do_not_end_it_before_it_begins(settings: Any, doctor: Doctor) -> None:
    settings.HELLOTEXT = {"CONSETN": True}
    assert doctor().codes[:2] == ["hellotext.E002", "settings.wrong"]


def test_a_wrong_option_is_refused(healthy: Emulator) -> None:
    with pytest.raises(CommandError, match="invalid choice"):
        call_command("hellotext_doctor", "--fail-level", "never")
