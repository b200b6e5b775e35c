"""Adjustments are collected by the innermost block, masked, and stored within bounds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from django_hellotext.adjustments import MOST, Adjustment, AdjustmentKind, Adjustments, adjust, collecting


def test_the_innermost_block_collects() -> None:
    with collecting() as outer:
        adjust("name", AdjustmentKind.SHORTENED, "Too long.")
        with collecting() as inner:
            adjust("price", AdjustmentKind.LEFT_OUT, "No number.")
        adjust("url", AdjustmentKind.LEFT_OUT, "No URL.")
    assert [one.field for one in outer] == ["name", "url"]
    assert [one.field for one in inner] == ["price"]


def test_nothing_is_collected_outside_of_a_block_or_in_another_thread() -> None:
    adjust("name", AdjustmentKind.SHORTENED, "Too long.")
    with collecting() as found, ThreadPoolExecutor(1) as pool:
        pool.submit(adjust, "name", AdjustmentKind.SHORTENED, "Too long.").result()
    assert len(found) == 0


def test_a_row_keeps_twenty_and_counts_the_rest() -> None:
    with collecting() as found:
        for number in range(MOST + 7):
            adjust(f"field{number}", AdjustmentKind.REPAIRED, "Repaired.")
    stored = found.as_json()
    assert stored is not None
    assert (len(stored["made"]), stored["more"]) == (MOST, 7)
    assert Adjustments.from_json(stored).as_json() == stored


@pytest.mark.parametrize(
    ("field", "original"),
    [
        ("email", "ana@example.com"),
        ("phone", "+59899123456"),
        ("first_name", "Anastasia"),
        ("addresses.country", "Ruritania"),
        ("property[Birthday]", "1990-02-30"),
    ],
)
def test_personal_originals_are_masked(field: str, original: str) -> None:
    with collecting() as found:
        adjust(field, AdjustmentKind.LEFT_OUT, "Not usable.", original)
    assert original not in str(found.as_json())


def test_the_size_is_stored_only_where_there_is_one() -> None:
    with collecting() as found:
        adjust("total", AdjustmentKind.TOTAL_DIFFERS, "They differ.", "120.00", size=90)
        adjust("name", AdjustmentKind.REPAIRED, "Repaired.")
    stored = found.as_json()
    assert stored is not None
    assert [one.get("size") for one in stored["made"]] == [90, None]
    assert next(iter(Adjustments.from_json(stored))) == Adjustment(
        "total", "total_differs", "They differ.", "120.00", 90
    )
