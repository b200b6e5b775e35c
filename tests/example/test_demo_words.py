"""How the demo reads pages and prints tables."""

from __future__ import annotations

import io
import sys

import pytest
from demo import terminal
from demo.pages import Page, PageError
from demo.terminal import GREEN, Line

FORM = """
<form action="/search/"><input name="q" value="old"></form>
<form method="post">
  <input type="hidden" name="csrfmiddlewaretoken" value="abc">
  <input name="name" value="Ada &amp; Noah"><input type="checkbox" name="on" checked>
  <input type="checkbox" name="off"><input type="radio" name="way" value="deliver">
  <input type="radio" name="way" value="collect" checked>
  <select name="status"><option value="paid">Paid</option><option value="shipped" selected>Shipped</option></select>
  <select name="first"><option value="1">1</option><option value="2">2</option></select>
  <textarea name="note">Hello
there</textarea>
  <input type="submit" name="_save" value="Save"><button name="go">Go</button><input type="text">
</form>
"""


def test_a_form_is_sent_as_a_browser_sends_it() -> None:
    assert Page("http://shop/", FORM).form("").values == {
        "csrfmiddlewaretoken": "abc",
        "name": "Ada & Noah",
        "on": "on",
        "way": "collect",
        "status": "shipped",
        "first": "1",
        "note": "Hello\nthere",
    }


def test_a_form_is_found_by_where_it_goes() -> None:
    assert Page("http://shop/", FORM).form("/search/").values == {"q": "old"}
    with pytest.raises(PageError, match="has no form for /elsewhere/"):
        Page("http://shop/", FORM).form("/elsewhere/")


def test_a_page_that_does_not_show_what_is_needed_says_so() -> None:
    with pytest.raises(PageError, match="http://shop/ does not show"):
        Page("http://shop/", "nothing").price()


def rows() -> list[list[list[Line]]]:
    long = "a long story of many words that will not fit into a narrow column of the table"
    return [[[Line("09:00:00")], [Line(long)], [Line(f"✓ {long}", GREEN), Line("  details")]]]


@pytest.mark.parametrize("columns", [1, 60, 80, 100, 300])
def test_a_table_is_as_wide_as_the_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = terminal.table(["Time", "Shop", "Hellotext"], rows(), shares=[0, 1, 1]).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert len(lines[0]) <= max(60, min(columns, 132))


def test_what_is_wrapped_stands_under_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    lines = terminal.table(["Time", "Shop", "Hellotext"], rows(), shares=[0, 1, 1]).splitlines()
    cells = [line.split("│")[3] for line in lines[3:5]]
    assert cells[0].startswith(" ✓ a")
    assert cells[1].startswith("   ")


def test_there_are_no_colours_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.done("It is done.")
    assert capsys.readouterr().out == "  ✓ It is done.\n"


def test_a_terminal_that_knows_ascii_only_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    terminal.out("│ ✓ Noé")
    assert raw.getvalue() == b"| + No?\n"
