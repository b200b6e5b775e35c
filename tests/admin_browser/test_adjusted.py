"""Adjusted rows in a browser: the data-quality page and the page of a row, wide and narrow, by day and by night."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from django_hellotext.delivery import Report
from django_hellotext.models import Order as RemoteOrder
from django_hellotext.models import RemoteObject

from .conftest import Enter
from .test_pages import Deliver, buys

pytestmark = [
    pytest.mark.chromium,
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("the admin in a browser"),
    pytest.mark.timeout(300),
]

MADE: list[dict[str, Any]] = [
    {"field": "image_url", "kind": "left_out", "reason": "It is no public URL.", "original": "x" * 150},
    {"field": "items", "kind": "total_differs", "reason": "The total and the lines differ by 40.00 EUR.", "size": 90},
    {"field": "items", "kind": "fees_added", "reason": "A line 'Shipping and fees' of 4.90 EUR makes up the total."},
]


@pytest.mark.parametrize("width", [1280, 375])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_adjusted_rows_fit_their_pages(shop: Any, deliver: Deliver, enter: Enter, width: int, scheme: str) -> None:
    buys("grace", "walden", session="of-grace")
    report = deliver()
    assert isinstance(report, Report)
    RemoteObject.objects.update(adjustments={"made": MADE, "more": 3})
    row = RemoteOrder.objects.get()
    operator = enter(width=width)
    operator.page.emulate_media(color_scheme=scheme)
    operator.go(reverse("admin:django_hellotext_dashboard_changelist"))
    operator.follow("Data quality")
    assert "It is no public URL." in operator.text()
    assert operator.overflow() == []
    operator.shoot(f"quality-{width}-{scheme}")
    operator.go(reverse("admin:django_hellotext_order_change", args=[row.pk]))
    assert "and 3 more" in operator.text()
    assert operator.overflow() == []
    operator.shoot(f"row-{width}-{scheme}")
