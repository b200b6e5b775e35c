"""Whatever a shop charged, the lines at Hellotext add up to it, and the original values can be read back."""

from __future__ import annotations

import os
from collections import defaultdict
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from django_hellotext.adapters.charges import Bill, Charge, Line, settle

# The long suite asks for 10,000.
EXAMPLES = int(os.environ.get("TEST_LINES_EXAMPLES", "200"))

WHOLE = st.integers(1, 12).map(Decimal)
PARTS = st.integers(1, 9_999).map(lambda grams: Decimal(grams) / 1000)
NOT_ABOVE_ZERO = st.integers(-3, 0).map(Decimal)
AMOUNTS = st.one_of(st.integers(0, 20), st.integers(0, 10**7))


def line_of(name: str, quantity: Decimal, amount: int) -> Charge[str]:
    return Charge(name, quantity, amount, key=name)


GOODS = st.builds(line_of, st.sampled_from("ABCDEFGH"), st.one_of(WHOLE, PARTS, NOT_ABOVE_ZERO), AMOUNTS)
TAKEN_BACK = st.builds(
    lambda name, pieces, amount: line_of(name, Decimal(-pieces), -amount),
    st.sampled_from("ABCDEFGH"),
    st.integers(1, 3),
    st.integers(1, 5_000),
)
VOUCHERS = st.integers(1, 10**6).map(lambda amount: Charge[str](None, Decimal(1), -amount))
EXTRAS = st.builds(
    lambda name, amount: Charge(name, Decimal(1), amount, key=name, is_fee=True),
    st.sampled_from(["Shipping", "Gift wrap", "fees"]),
    st.integers(1, 10_000),
)
LINES = st.lists(st.one_of(GOODS, GOODS, GOODS, TAKEN_BACK, VOUCHERS), max_size=14)


def bill_of(charges: list[Charge[str]], total: int | None, *, is_complete: bool = True, most: int = 1_000) -> Bill[str]:
    return settle(charges, total=total, fees="fees", others="others", is_complete=is_complete, most=most)


def expected(charges: list[Charge[str]]) -> int:
    """What the lines say was charged; never below 0."""
    return max(sum(charge.amount for charge in charges), 0)


def assert_lines_are_right(bill: Bill[str]) -> None:
    assert all(line.price >= 0 for line in bill.lines)
    assert all(type(line.quantity) is int and line.quantity >= 1 for line in bill.lines)
    assert len({line.product for line in bill.lines}) == len(bill.lines)


def assert_originals_can_be_read_back(bill: Bill[str], charges: list[Charge[str]]) -> None:
    """The quantities and amounts of the shop's lines, by product, from what is sent and from the metadata."""
    quantities: dict[str, Decimal] = defaultdict(Decimal)
    amounts: dict[str, int] = defaultdict(int)
    for charge in charges:
        if charge.product is not None:
            amounts[charge.product] += charge.amount
            if (charge.quantity > 0) == (charge.amount >= 0):
                quantities[charge.product] += charge.quantity
    sent = {line.product: line for line in bill.lines}
    for product, amount in amounts.items():
        if amount < 0 or (amount == 0 and quantities[product] <= 0) or product in ("fees", "others"):
            continue
        line = sent.get(product, Line(product, 0, 0))
        assert bill.quantities.get(product, Decimal(line.quantity)) == quantities[product]
        assert bill.line_totals.get(product, line.quantity * line.price) == amount


@given(charges=LINES, extras=st.lists(EXTRAS, max_size=3), total=st.one_of(st.none(), st.integers(-500, 10**7)))
@settings(max_examples=EXAMPLES, deadline=None)
def test_the_lines_add_up_to_what_was_charged(
    charges: list[Charge[str]], extras: list[Charge[str]], total: int | None
) -> None:
    given = [*charges, *extras]
    bill = bill_of(given, total)
    assert bill.total == (expected(given) if total is None else max(total, 0))
    assert_lines_are_right(bill)
    assert_originals_can_be_read_back(bill, given)


@given(charges=LINES, total=st.integers(0, 10**7))
@settings(max_examples=EXAMPLES, deadline=None)
def test_lines_that_are_far_from_the_total_stay_as_they_are(charges: list[Charge[str]], total: int) -> None:
    bill = bill_of(charges, total, is_complete=False)
    missing = total - expected(charges)
    if bill.difference:
        assert abs(missing) * 100 > 30 * total
        assert (bill.total, bill.difference) == (expected(charges), missing)
    else:
        assert bill.total == total
    assert_lines_are_right(bill)


@given(charges=st.lists(GOODS, min_size=1, max_size=14), most=st.integers(2, 5))
@settings(max_examples=EXAMPLES, deadline=None)
def test_the_smallest_lines_stand_together_beyond_what_hellotext_takes(charges: list[Charge[str]], most: int) -> None:
    bill = bill_of(charges, None, most=most)
    assert len(bill.lines) <= most
    assert bill.total == expected(charges)
    assert_lines_are_right(bill)
    assert_originals_can_be_read_back(bill, charges)


def test_a_discount_is_spread_by_largest_remainder() -> None:
    bill = bill_of([line_of("A", Decimal(1), 1000), line_of("B", Decimal(1), 500), line_of("C", Decimal(1), 500)], 1999)
    assert [(line.product, line.price) for line in bill.lines] == [("A", 999), ("B", 500), ("C", 500)]
    assert (bill.discount, bill.line_totals) == (1, {"A": 1000})


def test_extras_are_lowered_only_for_what_the_products_cannot_take() -> None:
    shipping = Charge("Shipping", Decimal(1), 500, key="Shipping", is_fee=True)
    assert [line.price for line in bill_of([line_of("A", Decimal(1), 1000), shipping], 700).lines] == [200, 500]
    assert [line.price for line in bill_of([line_of("A", Decimal(1), 1000), shipping], 300).lines] == [0, 300]


@pytest.mark.parametrize(
    ("others", "expected_lines", "quantities"),
    [
        ([], [("A", 1, 1000)], {"A": 3}),
        ([line_of("B", Decimal(1), 200)], [("A", 3, 333), ("B", 1, 201)], {}),
        ([line_of("B", Decimal(2), 200)], [("A", 1, 1000), ("B", 2, 100)], {"A": 3}),
        (
            [line_of("B", Decimal(1), 200), Charge("fees", Decimal(1), 300, key="fees", is_fee=True)],
            [("A", 3, 333), ("B", 1, 200), ("fees", 1, 301)],
            {},
        ),
    ],
)
def test_the_remainder_of_three_for_ten_goes_where_there_is_one_piece(
    others: list[Charge[str]], expected_lines: list[tuple[str, int, int]], quantities: dict[str, int]
) -> None:
    bill = bill_of([line_of("A", Decimal(3), 1000), *others], None)
    assert [(line.product, line.quantity, line.price) for line in bill.lines] == expected_lines
    assert bill.quantities == quantities


def test_a_piece_taken_back_lowers_the_quantity_and_a_discount_on_a_product_does_not() -> None:
    bill = bill_of([line_of("A", Decimal(3), 3000), line_of("A", Decimal(-1), -1000)], None)
    assert bill.lines == [Line("A", 2, 1000)]
    bill = bill_of([line_of("A", Decimal(3), 3000), line_of("A", Decimal(1), -300)], None)
    assert bill.lines == [Line("A", 3, 900)]


def test_a_product_that_is_free_stays_on_its_line() -> None:
    bill = bill_of([line_of("A", Decimal(2), 0), line_of("B", Decimal(1), 500)], 500)
    assert bill.lines == [Line("A", 2, 0), Line("B", 1, 500)]
