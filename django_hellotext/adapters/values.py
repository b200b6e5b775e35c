"""From what a host keeps to what the contract takes: text, addresses on the web, names, mappings, statuses, times."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any

from django.db.models import Manager, Model, QuerySet
from django.db.models.fields.files import FieldFile
from django.utils.functional import Promise

from django_hellotext import clock
from django_hellotext.adjustments import AdjustmentKind, adjust
from django_hellotext.exceptions import ConfigurationError, TrackingError

from . import texts, urls
from .money import to_decimal
from .reading import UnreadableError, field_of, is_strict

logger = logging.getLogger("django_hellotext.adapters")

STATUS_LENGTH = 100  # characters of the columns


def is_empty(value: Any) -> bool:
    """Whether ``value`` is left out of a payload: ``None``, text without a letter, an empty list or mapping."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, list | tuple | Mapping) and not value)


def text(value: Any, *, where: str) -> str | None:
    """``value`` as text; a model instance gives its own, a set of them or a mapping is a mistake.

    NUL and lone surrogates, which neither a database nor JSON takes, are replaced. Raises ``ConfigurationError`` naming
    ``where``.
    """
    if value is None:
        return None
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, Manager | QuerySet | Mapping | list | tuple | set | bytes):
        raise UnreadableError(f"{where}: expected text, not {type(value).__name__}.")
    return texts.readable(str(value), field=field_of(where))


def url(value: Any, *, where: str, private: bool = False) -> str | None:
    """``value`` as an absolute http(s) address, percent-encoded once; one that is not public only if ``private``.

    A relative one is completed with ``HELLOTEXT["SITE_URL"]``, and left out without it. What Hellotext could not reach
    is left out, which is said once for each attribute in the log ``django_hellotext.adapters``. A file gives its own
    address. The shop's own host counts as public: on a developer's machine it is a local one.
    """
    try:
        found = _address(value, where=where)
    except urls.NoSiteError:
        return None  # the shop has set no address, which is nothing that is wrong with this object
    if found is None or private or not urls.is_private(found) or urls.is_own(found):
        return found
    _record_left_out(where, "It is private.", found)
    return None


def image(value: Any, *, where: str) -> str | None:
    """``value`` as the address of an image that Hellotext can fetch, else ``None``; see ``url``."""
    try:
        found = _address(value, where=where)
    except urls.NoSiteError as error:
        _record_left_out(where, str(error), str(value))
        return None
    if found is None or not urls.is_private(found):
        return found
    _record_left_out(where, "It is private.", found)
    return None


def _address(value: Any, *, where: str) -> str | None:
    if isinstance(value, FieldFile):
        value = value.url if value else None
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, Manager | QuerySet | Mapping | list | tuple | set | bytes | bool | int | float):
        raise UnreadableError(f"{where}: expected an address on the web, not {type(value).__name__}.")
    found = "" if value is None else str(value).strip()
    if not found:
        return None
    try:
        return urls.clean(found)
    except urls.NoSiteError:
        raise
    except urls.AddressError as error:
        _record_left_out(where, str(error), found)
        return None


def _record_left_out(where: str, why: str, original: str) -> None:
    adjust(field_of(where), AdjustmentKind.LEFT_OUT, why, original)
    _say_left_out(where, why)


@cache
def _say_left_out(where: str, why: str) -> None:
    logger.warning("url.left_out: %s is left out. %s", where, why)


def count(value: Any, *, where: str) -> int | None:
    """``value`` as a whole number, which text and a Decimal may hold. Raises ``UnreadableError`` for another type."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | str | float | Decimal):
        raise UnreadableError(f"{where}: expected a whole number, not {type(value).__name__}.")
    number = to_decimal(value, where=where)
    if number != number.to_integral_value():
        raise TrackingError(f"{where}: not a whole number.", reason="number_invalid")
    return int(number)


def names(value: Any, *, where: str) -> list[str]:
    """``value`` as a list of texts without empty or repeated ones; a single text is a list of one.

    What comes from a manager or queryset without an order is sorted, so that equal content looks equal. An entry that
    is no text is left out.
    """
    if value is None:
        return []
    if isinstance(value, str | Promise):
        value = [value]
    elif isinstance(value, Manager | QuerySet):
        value = objects(value, key=str)
    elif isinstance(value, Mapping | bytes) or not isinstance(value, Iterable):
        raise UnreadableError(f"{where}: expected a list of texts, not {type(value).__name__}.")
    found = (_name(item, where=where) for item in value)
    return list(dict.fromkeys(item for item in found if item and item.strip()))


def _name(item: Any, *, where: str) -> str | None:
    try:
        return text(item, where=where)
    except UnreadableError:
        if is_strict():
            raise
        adjust(field_of(where), AdjustmentKind.LEFT_OUT, f"An entry is no text, but a {type(item).__name__}.")
        return None


def mapping(value: Any, *, where: str) -> Any:
    """``value`` as a mapping with text keys and without empty values; another value stays as it is.

    The API client takes some of these attributes in a type of its own (an ``Address``), and judges it.
    """
    if isinstance(value, Manager | QuerySet | Model):
        raise UnreadableError(f"{where}: expected a mapping, not {type(value).__name__}.")
    if not isinstance(value, Mapping):
        return value
    return {str(key): item for key, item in value.items() if not is_empty(item)}


def objects(value: Any, *, key: Any = None) -> list[Any]:
    """The objects of a manager, queryset or iterable, without a query when they were prefetched.

    What has no order of its own is sorted by ``key``, by default the primary key.
    """
    found = value.all() if isinstance(value, Manager) else value
    if isinstance(found, QuerySet) and not found.ordered:
        return sorted(found, key=key or (lambda item: item.pk))
    return list(found)


def status_text(value: Any) -> str:
    """A status as the text under which it is remembered, which has an end; ``""`` for ``None``."""
    if isinstance(value, Enum):
        value = value.value
    return "" if value is None else str(value)[:STATUS_LENGTH]


def moment(value: Any, *, where: str) -> datetime.datetime | None:
    """Return ``value`` as an aware datetime; a naive one is local time in ``TIME_ZONE``.

    Raises ``ConfigurationError`` for a date without a time: the time of an event is never invented.
    """
    if value is None:
        return None
    if not isinstance(value, datetime.datetime):
        raise ConfigurationError(f"{where}: expected a datetime, not {type(value).__name__}.")
    return clock.make_aware(value)
