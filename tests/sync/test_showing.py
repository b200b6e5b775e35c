"""What a sync shows while it goes on."""

from __future__ import annotations

import re
from io import StringIO

import pytest
from django.core.management import call_command
from tqdm import tqdm

from django_hellotext.emulator import Emulator
from django_hellotext.management import showing
from django_hellotext.management.showing import BAR, duration

pytestmark = pytest.mark.django_db


class Terminal(StringIO):
    """Takes itself for a terminal."""

    def isatty(self) -> bool:
        return True


def shown_on(err: StringIO, *arguments: str) -> str:
    call_command("hellotext_sync", "testshop.Product", "--wait", "10", *arguments, stdout=StringIO(), stderr=err)
    return err.getvalue()


def test_a_terminal_gets_a_bar_with_the_rate_and_the_time_that_is_left(old_shop: Emulator) -> None:
    assert re.search(r"testshop\.Product 100% \|.*\| (3/3, )? *[\d.]+/s, \d+:\d+ left", shown_on(Terminal()))


def test_neither_a_log_nor_quiet_gets_a_bar(old_shop: Emulator) -> None:
    assert "|" not in shown_on(StringIO())
    assert shown_on(Terminal(), "--quiet") == ""


def test_a_rate_is_so_many_in_a_second_however_slow_it_is() -> None:
    """Below one in a second it would be seconds for one, ``4.00s/``, by itself."""
    assert " 0.25/s, 00:04 left" in tqdm.format_meter(2, 3, 8.0, ncols=80, unit="", bar_format=BAR)


def test_a_long_run_adds_lines_to_a_log(old_shop: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(showing, "EVERY", -1.0)
    assert re.search(r"testshop\.Product: [123] of 3 looked at, [\d,]+/s, about \d+ s left\n", shown_on(StringIO()))


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (89, "89 s"), (90, "2 min"), (7200, "2.0 h"), (259_200, "3.0 d")]
)
def test_a_duration_is_said_in_the_unit_that_suits_it(seconds: float, said: str) -> None:
    assert duration(seconds) == said
