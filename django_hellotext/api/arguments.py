"""Checks of arguments, before anything is sent. Every refusal names the argument.

:class:`Arguments` collects the parameters of one request: what is UNSET stays out, a wrong type raises TypeError,
a wrong value ValueError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlsplit

from django.utils.functional import Promise

from .types.encoding import to_plain
from .types.values import UNSET, Address, LineItem, Money, Unset, Variant, check_currency, check_decimal

MAX_LIMIT = 100
"""Most objects on one page (contract: Limit)."""
_ADDRESS_TEXTS = ("city", "country", "notes", "postal_code", "region", "subregion", "suggest")


def check_text(name: str, value: object, *, empty: bool = True, limit: int | None = None) -> str:
    """Return a text (a lazy one is resolved). ``limit`` is in characters. Raises TypeError or ValueError."""
    if not isinstance(value, (str, Promise)):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}.")
    text: str = to_plain(value, path=name)
    if not empty and not text.strip():
        raise ValueError(f"{name} must not be empty.")
    if limit is not None and len(text) > limit:
        raise ValueError(f"{name} must have at most {limit} characters.")
    return text


def segment(name: str, value: object) -> str:
    """Return ``value`` as one percent-encoded path segment. Raises TypeError or ValueError naming ``name``."""
    text = check_text(name, value, empty=False)
    if text in (".", ".."):
        raise ValueError(f"{name} must not be {text!r}: it would change the path.")
    return quote(text, safe="")


def check_limit(value: object) -> int:
    """Return a page size of 1-100 (contract: Limit). Raises TypeError or ValueError naming ``limit``."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"limit must be an int, not {type(value).__name__}.")
    if not 1 <= value <= MAX_LIMIT:
        raise ValueError(f"limit must be 1 to {MAX_LIMIT}, not {value}.")
    return int(value)


class Arguments:
    """The parameters of one request under their names in the contract."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def _put(self, name: str, value: object, check: Callable[[str, Any], Any], *, nullable: bool = False) -> None:
        if value is UNSET:
            return
        self.values[name] = None if value is None and nullable else check(name, value)

    def text(
        self,
        name: str,
        value: str | Unset | None,
        *,
        nullable: bool = False,
        empty: bool = True,
        limit: int | None = None,
    ) -> None:
        """A text; None is JSON null where ``nullable``."""
        self._put(name, value, lambda n, v: check_text(n, v, empty=empty, limit=limit), nullable=nullable)

    def identifier(self, name: str, value: str | Unset) -> None:
        """An ID, reference or SKU: a text that is not empty."""
        self.text(name, value, empty=False)

    def choice(self, name: str, value: str | Unset, choices: Iterable[str]) -> None:
        """One of a few texts."""
        self._put(name, value, lambda n, v: _check_choice(n, v, tuple(choices)))

    def url(self, name: str, value: str | Unset | None, *, nullable: bool = False) -> None:
        """An absolute http(s) URL."""
        self._put(name, value, _check_url, nullable=nullable)

    def flag(self, name: str, value: bool | Unset) -> None:
        """A boolean."""
        self._put(name, value, _check_flag)

    def position(self, name: str, value: int | str | Unset, *, last: bool = False) -> None:
        """A place counted from 1; '' for the end where ``last``."""
        if last and value == "":
            self.values[name] = ""
            return
        self._put(name, value, _check_position)

    def number(self, name: str, value: Decimal | int | Unset) -> None:
        """A Decimal or an int; a float is refused (demand I5)."""
        self._put(name, value, check_decimal)

    def currency(self, name: str, value: str | Unset) -> None:
        """An ISO 4217 code."""
        self._put(name, value, check_currency)

    def money(self, name: str, value: Money | Unset) -> None:
        """A :class:`Money`."""
        self._put(name, value, _check_money)

    def moment(self, name: str, value: datetime | Unset) -> None:
        """An aware datetime, sent as epoch seconds."""
        self._put(name, value, _check_moment)

    def mapping(self, name: str, value: Mapping[str, Any] | Unset) -> None:
        """A mapping of texts to anything that JSON can hold."""
        self._put(name, value, _check_mapping)

    def texts(self, name: str, value: Iterable[str] | Unset) -> None:
        """A list or tuple of texts."""
        self._put(name, value, lambda n, v: [check_text(f"{n}[{i}]", item) for i, item in enumerate(_items(n, v))])

    def lines(self, name: str, value: Iterable[LineItem | Mapping[str, Any]] | Unset) -> None:
        """A list or tuple of LineItem, or of mappings with its names."""
        self._put(
            name, value, lambda n, v: [_build(f"{n}[{i}]", item, LineItem) for i, item in enumerate(_items(n, v))]
        )

    def variants(self, name: str, value: Iterable[Variant | Mapping[str, Any]] | Unset) -> None:
        """A list or tuple of Variant, or of mappings with its names."""
        self._put(name, value, lambda n, v: [_build(f"{n}[{i}]", item, Variant) for i, item in enumerate(_items(n, v))])

    def address(self, name: str, value: Address | Mapping[str, Any] | str | Unset, *, removable: bool = False) -> None:
        """An Address, or a mapping with the contract's names; '' removes it where ``removable``."""
        if removable and value == "":
            self.values[name] = ""
            return
        self._put(name, value, _check_address)

    def named(self, argument: str, name: str, value: Mapping[str, Any] | Unset, *, text: bool = True) -> None:
        """Named values: ``{"work": ...}`` becomes the literal key ``email[work]`` (contract: ProfileAttributes)."""
        if value is UNSET:
            return
        for key, item in _pairs(argument, value):
            path = f"{argument}[{key!r}]"
            self.values[f"{name}[{key}]"] = check_text(path, item) if text else to_plain(item, path=path)


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> str:
    text = check_text(name, value)
    if text not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}.")
    return text


def _check_url(name: str, value: object) -> str:
    text = check_text(name, value, empty=False)
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme.lower() not in ("http", "https") or not parts.netloc:
        raise ValueError(f"{name} must be an absolute http(s) URL.")
    return text


def _check_flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be a bool, not {type(value).__name__}.")
    return value


def _check_position(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an int, not {type(value).__name__}.")
    if value < 1:
        raise ValueError(f"{name} counts from 1.")
    return int(value)


def _check_money(name: str, value: object) -> Money:
    if not isinstance(value, Money):
        raise TypeError(f"{name} must be a Money, not {type(value).__name__}.")
    return value


def _check_moment(name: str, value: object) -> int:
    if not isinstance(value, datetime):
        raise TypeError(f"{name} must be a datetime, not {type(value).__name__}.")
    if value.utcoffset() is None:
        raise ValueError(f"{name} must have a time zone.")
    return int(value.timestamp() // 1)


def _check_mapping(name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a mapping, not {type(value).__name__}.")
    plain: dict[str, Any] = to_plain(value, path=name)
    return plain


def _check_address(name: str, value: object) -> Any:
    if isinstance(value, Address):
        return value
    parts = _check_mapping(name, value)
    _check_parts(name, parts, _ADDRESS_TEXTS, str)
    _check_parts(name, parts, ("latitude", "longitude"), (str, int, float, Decimal))
    _check_parts(name, parts, ("street",), dict)
    _check_parts(f"{name}['street']", parts.get("street") or {}, ("name", "number"), str)
    return parts


def _check_parts(
    name: str, parts: Mapping[str, Any], names: Iterable[str], kinds: type[Any] | tuple[type[Any], ...]
) -> None:
    for part in names:
        value = parts.get(part)
        if value is not None and (isinstance(value, bool) or not isinstance(value, kinds)):
            wanted = "text" if kinds is str else "mapping" if kinds is dict else "number"
            raise TypeError(f"{name}[{part!r}] must be a {wanted} or None, not {type(value).__name__}.")


def _items(name: str, value: object) -> Iterable[Any]:
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"{name} must be a list or a tuple, not {type(value).__name__}.")
    return value


def _build(name: str, item: object, kind: type[Any]) -> Any:
    if isinstance(item, kind):
        return item
    if not isinstance(item, Mapping):
        raise TypeError(f"{name} must be a {kind.__name__} or a mapping, not {type(item).__name__}.")
    try:
        return kind(**item)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: {error}") from None


def _pairs(name: str, value: object) -> Iterable[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a mapping, not {type(value).__name__}.")
    for key, item in value.items():
        text = check_text(f"a key of {name}", key, empty=False)
        if "[" in text or "]" in text:
            raise ValueError(f"a key of {name} must hold no square brackets.")
        yield text, item
