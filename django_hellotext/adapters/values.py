"""From what a host keeps to what the contract takes: text, addresses on the web, names, mappings, statuses, times."""

from __future__ import annotations

import datetime
import ipaddress
import logging
from collections.abc import Iterable, Mapping
from enum import Enum
from functools import cache
from typing import Any
from urllib.parse import urljoin, urlsplit

from django.db.models import Manager, Model, QuerySet
from django.db.models.fields.files import FieldFile
from django.utils.functional import Promise

from django_hellotext import clock
from django_hellotext.conf import hellotext_settings
from django_hellotext.exceptions import ConfigurationError

logger = logging.getLogger("django_hellotext.adapters")

STATUS_LENGTH = 100  # characters of the columns


def is_empty(value: Any) -> bool:
    """Whether ``value`` is left out of a payload: ``None``, text without a letter, an empty list or mapping."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, list | tuple | Mapping) and not value)


def text(value: Any, *, where: str) -> str | None:
    """``value`` as text; a model instance gives its own, a set of them or a mapping is a mistake.

    Raises ``ConfigurationError`` naming ``where``.
    """
    if value is None:
        return None
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, Manager | QuerySet | Mapping | list | tuple | set | bytes):
        raise ConfigurationError(f"{where}: expected text, not {type(value).__name__}.")
    return str(value)


def url(value: Any, *, where: str) -> str | None:
    """``value`` as an absolute http(s) address.

    A relative one is completed with ``HELLOTEXT["SITE_URL"]`` and left out without it: Hellotext could not
    reach it. A file gives its own address.
    """
    found = text(value.url if isinstance(value, FieldFile) else value, where=where)
    if not found:
        return None
    parts = urlsplit(found)
    if not parts.scheme and hellotext_settings.SITE_URL:
        found = urljoin(hellotext_settings.SITE_URL, found)
        parts = urlsplit(found)
    return found if parts.scheme in ("http", "https") and parts.netloc else None


def count(value: Any, *, where: str) -> int | None:
    """``value`` as a whole number."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigurationError(f"{where}: expected a whole number, not {type(value).__name__}.")
    return int(value)


def image(value: Any, *, where: str) -> str | None:
    """``value`` as the address of an image that Hellotext can fetch; a relative or private one is left out.

    Said once for each attribute, in the log ``django_hellotext.adapters``.
    """
    given = value.url if isinstance(value, FieldFile) else value
    found = url(given, where=where)
    if found is not None and not _is_private(found):
        return found
    if given:
        _say_left_out(where, "it is private" if found else "it is relative, and HELLOTEXT['SITE_URL'] is not set")
    return None


def _is_private(address: str) -> bool:
    """Whether ``address`` names a host that only this network knows."""
    host = (urlsplit(address).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host


@cache
def _say_left_out(where: str, why: str) -> None:
    logger.warning("image.left_out: %s is left out, because %s.", where, why)


def names(value: Any, *, where: str) -> list[str]:
    """``value`` as a list of texts without empty or repeated ones; a single text is a list of one.

    What comes from a manager or queryset without an order is sorted, so that equal content looks equal.
    """
    if value is None:
        return []
    if isinstance(value, str | Promise):
        value = [value]
    elif isinstance(value, Manager | QuerySet):
        value = objects(value, key=str)
    elif isinstance(value, Mapping | bytes) or not isinstance(value, Iterable):
        raise ConfigurationError(f"{where}: expected a list of texts, not {type(value).__name__}.")
    found = (text(item, where=where) for item in value)
    return list(dict.fromkeys(item for item in found if item and item.strip()))


def mapping(value: Any, *, where: str) -> Any:
    """``value`` as a mapping with text keys and without empty values; another value stays as it is.

    The API client takes some of these attributes in a type of its own (an ``Address``), and judges it.
    """
    if isinstance(value, Manager | QuerySet | Model):
        raise ConfigurationError(f"{where}: expected a mapping, not {type(value).__name__}.")
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
