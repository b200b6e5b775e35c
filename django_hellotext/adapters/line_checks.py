"""What can be seen of the lines of an order before there is one: what will have to be adjusted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.core.checks import CheckMessage, Warning
from django.db import models
from django.db.models import Model

from .fields import Items
from .paths import concrete, trace
from .sold import declared_items

if TYPE_CHECKING:
    from .base import Adapter


def check_lines(adapter: Adapter) -> Iterator[CheckMessage]:
    """Warn of quantities that may be parts, of lines without an amount, and of products that may be gone."""
    declared = declared_items(adapter) if adapter.kind == "order" else None
    if not isinstance(declared, Items) or not isinstance(declared.path, str):
        return
    lines = trace(concrete(adapter.model), declared.path).model
    if lines is None:
        return
    if declared.total is None and _may_be_a_part(lines, declared.quantity):
        yield _warning(
            "hellotext.W111",
            adapter,
            f"{adapter.where('items.quantity')} may be a part of a piece, such as 0.350 kg. Hellotext takes whole "
            "quantities: such a line is sent as one piece at price times quantity.",
            "Let total lead to the amount of the line, which is what was charged; then nothing is multiplied.",
        )
    if declared.total is None and declared.price is None:
        yield _warning(
            "hellotext.W112",
            adapter,
            f"{adapter.where('items')} names neither a price nor a total: the present price of the product is sent, "
            "also for an order of last year.",
            "Let price lead to the unit price that was charged, or total to the amount of the line.",
        )
    if declared.sku is None and declared.title is None and _may_be_gone(lines, declared.product):
        yield _warning(
            "hellotext.W113",
            adapter,
            f"{adapter.where('items.product')} may be NULL, and neither sku nor title says what the line sold: it is "
            "sent as the placeholder 'Product no longer sold'.",
            "Let sku or title lead to what the line keeps of its product.",
        )


def _may_be_a_part(lines: type[Model], path: object) -> bool:
    field = trace(lines, path).field if isinstance(path, str) else None
    return isinstance(field, models.FloatField) or (
        isinstance(field, models.DecimalField) and bool(field.decimal_places)
    )


def _may_be_gone(lines: type[Model], path: object) -> bool:
    key = trace(lines, path).foreign_key if isinstance(path, str) else None
    return key is not None and key.null


def _warning(id: str, adapter: Adapter, message: str, hint: str) -> Warning:
    return Warning(message, hint=hint, obj=type(adapter), id=id)
