"""Adjusted rows are shown on their pages, in lists, by the explanation, the doctor and the check."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from django_hellotext.adjustments import AdjustmentKind
from django_hellotext.admin import filters
from django_hellotext.delivery import data_quality
from django_hellotext.delivery.data_quality import tally
from django_hellotext.delivery.explain import explain
from django_hellotext.doctor.queue import _adjusted
from django_hellotext.management.adjusted import adjusted_lines
from django_hellotext.models import Dashboard, Event, Order, Product, State
from tests.factories import make_product
from tests.testshop.hellotext import ProductAdapter

from .admin_pages import text, url
from .rows import make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hellotext")]

IMAGE = {"field": "image_url", "kind": "left_out", "reason": "It is no public URL.", "original": "=cmd()"}


def differs(size: int) -> dict[str, Any]:
    return {"field": "total", "kind": "total_differs", "reason": f"The gap is {size}.", "size": size}


def test_the_page_of_a_row_shows_what_was_adjusted(operator: Client) -> None:
    row = make(Product, 1, state=State.SYNCED, adjustments={"made": [IMAGE], "more": 7})
    page = text(operator, url(Product, f"{row.pk}/change/"))
    assert "It is no public URL." in page
    assert str(AdjustmentKind.LEFT_OUT.label) in page
    assert "and 7 more" in page


def test_the_lists_can_be_narrowed_to_adjusted_and_to_flagged_rows(operator: Client) -> None:
    make(Event, 1)
    adjusted = make(Event, 2, adjustments={"made": [IMAGE]})
    flagged = make(Event, 3, adjustments={"made": [differs(50)]})
    for chosen, expected in (("any", {adjusted.pk, flagged.pk}), ("flagged", {flagged.pk})):
        context = operator.get(url(Event), {"adjusted": chosen}).context
        assert context is not None
        found = context["cl"].queryset
        assert {row.pk for row in found} == expected


def test_the_explanation_names_each_adjustment() -> None:
    row = make(Event, 1, adjustments={"made": [IMAGE], "more": 2})
    codes = explain(row).codes
    assert codes.count("adjusted") == 1
    assert "adjusted_more" in codes


def test_the_ten_largest_gaps_are_named_largest_first() -> None:
    for number in range(12):
        make(Order, number + 1, adjustments={"made": [differs(number + 31)]})
    make(Event, 1, adjustments={"made": [IMAGE]})
    found = tally("default")
    assert (found.rows, found.flagged) == (13, 12)
    assert [one.size for one in found.worst] == list(range(42, 32, -1))
    said = "\n".join(adjusted_lines(width=200))
    assert "The gap is 42. (42 %)" in said
    assert f"1 {AdjustmentKind.LEFT_OUT.label}" in said


def test_the_worst_are_objects_and_not_their_events() -> None:
    make(Order, 1, adjustments={"made": [differs(40)]})
    make(Event, 1, adjustments={"made": [differs(90)]})
    found = tally("default")
    assert (found.flagged, [one.size for one in found.worst]) == (2, [40])


@pytest.mark.parametrize("count", [1, 30])
def test_the_count_takes_four_queries_however_many_rows_there_are(
    count: int, django_assert_num_queries: Callable[..., Any]
) -> None:
    for number in range(count):
        make(Order, number, adjustments={"made": [differs(40)]})
        make(Event, number, adjustments={"made": [IMAGE]})
    with django_assert_num_queries(4):
        assert tally("default").rows == 2 * count


@pytest.mark.parametrize("bound", ["NEWEST", "MOST_ROWS"])
def test_a_bound_that_was_reached_is_said(operator: Client, monkeypatch: pytest.MonkeyPatch, bound: str) -> None:
    for number in range(3):
        make(Product, number, adjustments={"made": [IMAGE]})
    said = "Not all rows are counted"
    assert said not in text(operator, url(Dashboard, "adjustments/"))
    monkeypatch.setattr(data_quality, bound, 2)
    assert said in text(operator, url(Dashboard, "adjustments/"))
    assert (tally("default").rows, tally("default").complete) == (2, False)


def test_the_filter_says_when_it_does_not_show_all(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        make(Event, number, adjustments={"made": [differs(50)]})
    said = "Not all rows are shown"
    assert said not in text(operator, f"{url(Event)}?adjusted=flagged")
    monkeypatch.setattr(filters, "MOST_FLAGGED", 2)
    assert text(operator, f"{url(Event)}?adjusted=flagged").count(said) == 1


def test_the_page_and_the_csv_mention_what_is_only_counted(operator: Client) -> None:
    make(Product, 1, adjustments={"made": [IMAGE], "more": 7})
    page = text(operator, url(Dashboard, "adjustments/"))
    assert "counted, not kept" in page
    lines = operator.get(url(Dashboard, "adjustments.csv")).getvalue().decode().splitlines()
    assert ',beyond,"7 more adjustments were counted' in lines[2]


def test_the_dashboard_links_to_the_data_quality_page(operator: Client) -> None:
    assert url(Dashboard, "adjustments/") in text(operator, url(Dashboard))


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("hellotext.placeholder", "placeholder"),
        ("hellotext.unknown_customer", "unknown customer"),
        ("hellotext.session_cart", "session cart"),
    ],
)
def test_what_the_package_itself_mirrors_has_a_name(operator: Client, label: str, words: str) -> None:
    row = make(Product, 1, host_label=label, host_pk="key", adjustments={"made": [IMAGE]})
    for page in (url(Product), url(Product, f"{row.pk}/change/")):
        assert f"{words} key" in text(operator, page)
    assert label not in text(operator, url(Dashboard, "adjustments/"))


def test_the_page_and_the_explanation_say_what_the_present_rendering_adjusts(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ProductAdapter, "get_image_url", lambda self, obj: "no url", raising=False)
    product = make_product()
    row = make(Product, 1, host_pk=str(product.pk), state=State.SYNCED)
    assert "Changed or left out of it:" in text(operator, url(Product, f"{row.pk}/change/"))
    assert "would_adjust" in explain(row).codes


def test_the_doctor_warns_of_flagged_rows_only() -> None:
    assert _adjusted("default").title == "No row was adjusted"
    make(Event, 1, adjustments={"made": [IMAGE]})
    assert _adjusted("default").title == "1 row was adjusted"
    make(Event, 2, adjustments={"made": [differs(40)]})
    assert _adjusted("default").title == "2 rows were adjusted; the total and the lines of 1 differ"


def test_the_data_quality_page_groups_adjustments_and_links_rows(operator: Client) -> None:
    rows = [make(Product, number, adjustments={"made": [IMAGE]}) for number in (1, 2)]
    page = text(operator, url(Dashboard, "adjustments/"))
    assert "image_url" in page
    assert all(url(Product, f"{row.pk}/change/") in page for row in rows)


def test_the_csv_holds_no_formula(operator: Client) -> None:
    make(Product, 1, adjustments={"made": [IMAGE]})
    lines = operator.get(url(Dashboard, "adjustments.csv")).getvalue().decode().splitlines()
    assert lines[0] == "row,model,object,field,kind,reason,original,time"
    assert ",'=cmd()," in lines[1]


def test_only_rows_that_may_be_viewed_are_exported(clerk: Callable[..., Client]) -> None:
    make(Product, 1, adjustments={"made": [IMAGE]})
    make(Event, 1, adjustments={"made": [IMAGE]})
    lines = clerk("view_event").get(url(Dashboard, "adjustments.csv")).getvalue().decode().splitlines()
    assert [line.split(" ")[0] for line in lines[1:]] == ["event"]
    assert clerk().get(url(Dashboard, "adjustments.csv")).status_code == 403
