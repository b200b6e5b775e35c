"""``manage.py hellotext_status``: the same figures in a terminal, with an exit code, and no flicker."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.utils import translation

import django_hellotext
from django_hellotext import clock
from django_hellotext.delivery import Report
from django_hellotext.delivery.overview import overview
from django_hellotext.emulator import Emulator
from django_hellotext.models import Account, Event, Session, State
from tests.factories import make_customer, placed_order

from .rows import refused_events

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
KEY = "test-business/test"
COMMAND = "django_hellotext.management.commands.hellotext_status"


def run(*arguments: str) -> tuple[int, str]:
    """The exit code and the output."""
    out = StringIO()
    try:
        call_command("hellotext_status", *arguments, stdout=out)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue()
    except CommandError as error:
        return error.returncode, str(error)
    return 0, out.getvalue()


def test_it_says_how_things_stand(deliver: Deliver) -> None:
    placed_order(customer=make_customer())
    deliver()
    django_hellotext.track("page.viewed", profile=make_customer(), url="https://shop.example/")
    refused_events("parameter_invalid", 3)
    code, out = run()
    assert code == 0
    assert "test-business/test on default" in out
    assert "ok: What is recorded is delivered." in out
    assert "1 events, 0 objects" in out
    assert "3 wait for a person" in out
    assert "3 x event: parameter_invalid" in out
    assert "half within about" in out
    assert "ago" in out
    assert "\x1b" not in out


def test_a_shop_in_which_nothing_has_happened_yet_is_fine(hellotext: Emulator) -> None:
    code, out = run()
    assert code == 0
    assert "nothing was measured in 24 hours" in out
    assert "never" in out


@pytest.mark.parametrize(("condition", "code"), [("paused", 1), ("halted", 2), ("foreign", 2), ("stalled", 2)])
def test_the_exit_code_says_whether_somebody_has_to_act(hellotext: Emulator, condition: str, code: int) -> None:
    environment = "other" if condition == "foreign" else "test"
    key = f"test-business/{environment}"
    Account.objects.create(key=key, business_id="test-business", environment=environment, drained_at=clock.now())
    if condition == "paused":
        Account.objects.pause(key, seconds=60, reason="ServerError 503")
    if condition == "halted":
        Account.objects.halt(key, reason="Hellotext answered 401")
    if condition == "stalled":
        Account.objects.update(drained_at=None)
        refused_events("")
        Event.objects.update(state=State.PENDING, created_at=clock.now() - timedelta(hours=1))
    found, out = run()
    assert found == code
    assert f"{condition}: " in out
    assert ("next try" in out) == (condition == "halted")


def test_what_is_not_configured_is_said(settings: Any) -> None:
    settings.HELLOTEXT = {}
    code, out = run()
    assert code == 4
    assert "BUSINESS_ID" in out


def test_a_database_that_cannot_be_read_is_said(hellotext: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{COMMAND}.overview", _away)
    code, out = run()
    assert code == 4
    assert "could not be read" in out


def _away(using: str) -> Any:
    raise OperationalError("the server is away")


@pytest.mark.parametrize("arguments", [["--database", "elsewhere"], ["--watch", "0"], ["--watch", "-1"]])
def test_a_wrong_argument_is_explained(hellotext: Emulator, arguments: list[str]) -> None:
    code, out = run(*arguments)
    assert code == 4
    assert arguments[0] in out


@pytest.mark.usefixtures("still_clock")
def test_json_has_everything_for_a_monitor(deliver: Deliver) -> None:
    placed_order(customer=make_customer())
    deliver()
    refused_events("not_found", 2)
    code, out = run("--json", "--database", "default")
    document = json.loads(out)
    assert (code, document["code"], document["state"]) == (0, 0, "ok")
    (one,) = document["databases"]
    assert one["delivered"]["this_hour"] > 1
    assert one["latency"]["p50"] > 0
    assert one["last_drain"].endswith("+00:00")
    assert one["refused"][0]["type"] == "not_found"


def test_sessions_of_another_customer_are_told_apart_from_what_was_refused(hellotext: Emulator) -> None:
    """G6"""
    assert "Conflicts" not in run()[1]
    Session.objects.create(account=KEY, identity="x", state=State.FAILED, error_type=Session.CONFLICT)
    _, out = run()
    assert "Refused      none" in out
    assert "Conflicts    1 session of another customer; nothing to do" in out
    (one,) = json.loads(run("--json")[1])["databases"]
    assert (one["refused"], one["session_conflicts"]) == ([], 1)


def test_all_of_it_is_in_one_language(hellotext: Emulator) -> None:
    refused_events("not_found")
    with translation.override("es"):
        assert "ok: What is recorded is delivered." in run()[1]
        assert "Create what it names" in run("--json")[1]


def test_hostile_text_does_nothing_to_a_terminal(hellotext: Emulator) -> None:
    refused_events("\x1b[2Jbell\x07\N{RIGHT-TO-LEFT OVERRIDE}</script>")
    code, out = run()
    assert code == 0
    assert not [letter for letter in out if not letter.isprintable() and letter != "\n"]
    assert json.loads(run("--json")[1])["databases"][0]["refused"][0]["type"].startswith("\x1b[2J")


# --watch


def watched(monkeypatch: pytest.MonkeyPatch, looks: int, *arguments: str, is_terminal: bool = False) -> tuple[int, str]:
    """Let it look so many times, then press Ctrl-C."""
    seen: list[str] = []

    def counted(using: str) -> Any:
        seen.append(using)
        if len(seen) >= looks:
            signal.raise_signal(signal.SIGINT)
        if looks == 3 and len(seen) == 2:
            raise OperationalError("the server is away")
        return overview(using)

    monkeypatch.setattr(f"{COMMAND}.overview", counted)
    out = StringIO()
    out.isatty = lambda: is_terminal  # type: ignore[method-assign]
    try:
        call_command("hellotext_status", "--watch", "0.01", *arguments, stdout=out)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue()
    return 0, out.getvalue()


def test_watching_looks_again_until_ctrl_c(hellotext: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out = watched(monkeypatch, 2)
    assert code == 0
    assert out.count("State") == 2
    assert "\x1b" not in out


def test_on_a_terminal_the_screen_is_written_over_and_not_cleared_again(
    hellotext: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out = watched(monkeypatch, 2, is_terminal=True)
    assert code == 0
    assert out.count("\x1b[2J") == 1
    assert out.count("\x1b[H") == 2
    assert out.startswith("\x1b[?25l")
    assert out.endswith("\x1b[?25h")


def test_watching_goes_on_when_the_database_is_away_for_a_while(
    hellotext: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{COMMAND}.connections.close_all", lambda: None)
    code, out = watched(monkeypatch, 3, "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [line.get("state", "away") for line in lines] == ["ok", "away", "ok"]


@pytest.mark.parametrize("size", [(20, 5), (200, 50)])
def test_what_does_not_fit_on_the_screen_is_left_out(
    hellotext: Emulator, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    columns, lines = size
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", str(lines))
    _, out = watched(monkeypatch, 1, is_terminal=True)
    shown = out.partition("\x1b[H")[2].rpartition("\x1b[J")[0].replace("\x1b[K", "").splitlines()
    assert len(shown) < lines
    assert max(map(len, shown)) <= columns
