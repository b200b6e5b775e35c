"""What a sync shows while it goes on."""

from __future__ import annotations

import re
from io import StringIO

import pytest
from django.core.management import call_command

from django_hellotext.emulator import Emulator

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
