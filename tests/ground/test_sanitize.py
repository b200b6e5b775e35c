"""Text from outside, for a terminal, a log and a spreadsheet."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_hellotext.sanitize import csv_cell, one_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", r"\u001b[31mred\u001b[0m"),
        ("\x1b]0;title\x07", r"\u001b]0;title\u0007"),
        ("\x9b2J", r"\u009b2J"),
        ("a\rb\nc\td\x08", r"a\rb\nc\td\b"),
        ("a\x0bb\x0cc\x1cd\x85e\u2028f\u2029g", r"a\u000bb\fc\u001cd\u0085e\u2028f\u2029g"),
        ("safe\u202etxt.exe\u2066", r"safe\u202etxt.exe\u2066"),
        ("half \ud83d", r"half \ud83d"),
        ("the end\r\n", "the end"),
        (ValueError("a\nb"), r"a\nb"),
    ],
)
def test_what_a_terminal_would_obey_becomes_visible(text: object, shown: str) -> None:
    assert one_line(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "Žofia Müller, e\u0301",
        "\N{FOX FACE} \N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL} \N{HEAVY BLACK HEART}\ufe0f",
        "שלום \u200f(עולם)",
        "مرحبا",
        "می\u200cخواهم",  # noqa: RUF001 - Persian, whose words need joiners
        "1\u202f234,50\xa0€",
        "日本\u3000語",
        r"C:\new",
    ],
)
def test_words_in_every_script_stay_as_they_are(text: str) -> None:
    assert one_line(text) == text
    assert csv_cell(text) == text


@given(st.text())
def test_any_text_is_one_line_that_can_be_printed(text: str) -> None:
    shown = one_line(text)
    assert len(f"{shown}.".splitlines()) == 1
    assert {unicodedata.category(char) for char in shown}.isdisjoint({"Cc", "Cs", "Zl", "Zp"})
    shown.encode()


@given(st.dictionaries(st.text(), st.text(st.characters(exclude_categories=[]))))
def test_a_json_document_keeps_its_meaning(data: dict[str, str]) -> None:
    document = json.dumps(data, ensure_ascii=False, indent=2)
    assert json.loads("\n".join(map(one_line, document.split("\n")))) == data


SIGNS = ["=", "+", "-", "@", *"\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b"]
SKIPPED = ["", "   ", "\n", "\r\n", *" \xa0\u3000\u200b\ufeff\u200e\u2060\u0301"]


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("before", SKIPPED)
def test_no_cell_is_a_formula(before: str, sign: str) -> None:
    cell = csv_cell(f"{before}{sign}SUM(A1)")
    assert isinstance(cell, str)
    assert cell.startswith("'")


@pytest.mark.parametrize(
    ("value", "cell"), [("\t=1", r"\t=1"), ("\t =1", r"\t =1"), ("a\r=1", r"a\r=1"), (" \x00=1", r" \u0000=1")]
)
def test_a_control_character_before_a_sign_becomes_text(value: str, cell: str) -> None:
    assert csv_cell(value) == cell


@pytest.mark.parametrize("value", [5, -5, 0.5, None, True, "", "a=1", "'=1", "order.placed", "(-1)"])
def test_other_cells_stay_as_they_are(value: object) -> None:
    assert csv_cell(value) == value
