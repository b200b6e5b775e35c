"""The amount of an event, read while the host's request runs: without a query and without the shop's code."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models.query_utils import DeferredAttribute

from django_hellotext.api.types import Money as ApiMoney
from django_hellotext.exceptions import HellotextError

from .fields import IfPresent, Money, Value
from .paths import concrete, trace

if TYPE_CHECKING:
    from .base import Adapter

# Compared exactly: a subclass may run code of its own when its value is read.
AMOUNTS = frozenset({models.DecimalField, models.IntegerField, models.BigIntegerField, models.PositiveIntegerField})
CURRENCIES = frozenset({models.CharField})


def loaded_amount(adapter: Adapter, obj: Any) -> ApiMoney | None:
    """Return the adapter's ``total`` of ``obj`` if it and its currency are plain fields that are loaded.

    ``None`` otherwise, and for a value that is no amount: the worker reads those, and reports what is wrong.
    """
    spec = None if adapter.getter("total") else adapter.spec("total")
    amount, currency = (spec.amount, spec.currency) if isinstance(spec, Money) else (spec, None)
    if currency is None:
        currency = adapter.getter("currency") or adapter.spec("currency")
    if isinstance(currency, IfPresent):
        currency = currency.path if adapter.has(currency) else None
    is_known = currency is None or isinstance(currency, Value) or _is_loaded(obj, currency, CURRENCIES)
    if not is_known or not _is_loaded(obj, amount, AMOUNTS):
        return None
    try:
        return adapter.amount(obj)
    except HellotextError:
        return None


def _is_loaded(obj: Any, path: Any, fields: frozenset[type[models.Field[Any, Any]]]) -> bool:
    """Return whether ``path`` names a column of ``obj``, of one of the classes ``fields``, that has its value."""
    if not isinstance(path, str) or not isinstance(obj, models.Model):
        return False
    field = trace(concrete(type(obj)), path).field
    if field is None or path not in (field.name, field.attname) or type(field) not in fields:
        return False
    # A property or descriptor of the shop's may stand before the column.
    is_plain = type(inspect.getattr_static(type(obj), field.attname, None)) is DeferredAttribute
    return is_plain and not hasattr(vars(obj).get(field.attname, models.F("")), "resolve_expression")
