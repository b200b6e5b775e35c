"""The amount of an event, read while the host's request runs: without a query and without the shop's code."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Collection
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models.query_utils import DeferredAttribute

from django_hellotext.api.types import Money as ApiMoney
from django_hellotext.exceptions import HellotextError

from .fields import IfPresent, Money, Value
from .loading import paths_of
from .paths import concrete, trace

if TYPE_CHECKING:
    from .base import Adapter

logger = logging.getLogger("django_hellotext.adapters")

# Compared exactly: a subclass may run code of its own when its value is read.
AMOUNTS = frozenset({models.DecimalField, models.IntegerField, models.BigIntegerField, models.PositiveIntegerField})
CURRENCIES = frozenset({models.CharField})


def loaded_amount(adapter: Adapter, obj: Any) -> ApiMoney | None:
    """Return the adapter's ``total`` of ``obj`` if it and its currency are plain fields that are loaded.

    ``None`` leaves it to the worker, which also reports what is wrong with a value that is no amount. A total of 0 is
    left to it as well: a shop may save a new order first and fill in its total in the same transaction.
    """
    spec = None if adapter.getter("total") else adapter.spec("total")
    amount, currency = (spec.amount, spec.currency) if isinstance(spec, Money) else (spec, None)
    if currency is None:
        currency = adapter.getter("currency") or adapter.spec("currency")
    if isinstance(currency, IfPresent):
        currency = currency.path if adapter.has(currency) else None
    is_known = currency is None or isinstance(currency, Value) or _loaded(obj, currency, CURRENCIES) is not None
    number = _loaded(obj, amount, AMOUNTS) if is_known else None
    if not isinstance(number, Decimal | int) or not number:
        return None
    try:
        return adapter.amount(obj)
    except HellotextError:
        return None
    except Exception:
        # The event itself must not be lost; the worker reads the amount, or reports why it cannot.
        logger.exception("adapter.failed", extra={"adapter": type(adapter).__name__})
        return None


def writes_amount(adapter: Adapter, update_fields: Collection[str] | None) -> bool:
    """Return whether a save of ``update_fields`` (``None``: all of them) writes the adapter's ``total``."""
    if update_fields is None:
        return True
    reads = (trace(concrete(adapter.model), path).reads or frozenset() for path in paths_of(adapter, "total"))
    return any(not fields.isdisjoint(update_fields) for fields in reads)


def _loaded(obj: Any, path: Any, fields: frozenset[type[models.Field[Any, Any]]]) -> Any:
    """Return what the column ``path`` of ``obj``, of one of the classes ``fields``, holds in memory; else ``None``."""
    # The class of a lazy object is that of the object behind it; its values are not looked at.
    model = obj.__class__
    if not isinstance(path, str) or not issubclass(model, models.Model):
        return None
    field = trace(concrete(model), path).field
    if field is None or path not in (field.name, field.attname) or type(field) not in fields:
        return None
    # A property or descriptor of the shop's may stand before the column.
    if type(inspect.getattr_static(model, field.attname, None)) is not DeferredAttribute:
        return None
    value = vars(obj).get(field.attname)
    exponent = value.as_tuple().exponent if isinstance(value, Decimal) else 0
    if isinstance(field, models.DecimalField) and isinstance(exponent, int) and -exponent > (field.decimal_places or 0):
        return None  # the database will round it
    return value
