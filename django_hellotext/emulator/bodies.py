"""From the bytes of a request to its parameters: JSON, and forms where the contract takes them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from .parameters import Parameters, parameters_of
from .refusals import Problem, Refused, malformed
from .validation import FormText

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
LARGEST_BODY = 512 * 1024  # bytes
DEEPEST = 32  # levels of nested objects and lists
MOST_FIELDS = 2_000
_FIELD = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)", re.DOTALL)
_SUSPECT = re.compile(rb"\\u(0000|[dD][89a-fA-F])")


def _no_constant(name: str) -> Any:
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=Parameters)


def decode_json(body: bytes) -> dict[str, Any]:
    """Return the JSON object in ``body``; an empty body is an empty object.

    Raises ``Refused``: 400 for what is no JSON object, 422 for text that no database could keep.
    """
    if len(body) > LARGEST_BODY:
        raise malformed(f"The body is larger than {LARGEST_BODY} bytes.")
    if not body.strip():
        return Parameters()
    if body.count(b"{") + body.count(b"[") > DEEPEST:
        _refuse_depth(body)
    try:
        value = _DECODER.decode(body.decode("utf-8"))
    except (ValueError, ArithmeticError, RecursionError):
        raise malformed("The body is not valid JSON.") from None
    if not isinstance(value, dict):
        raise malformed("The body must be a JSON object.")
    if _SUSPECT.search(body):
        refuse_unstorable(value)
    return value


def _refuse_depth(body: bytes) -> None:
    depth = 0
    outside = re.sub(rb'"(?:[^"\\]|\\.)*"', b"", body)
    for byte in outside:
        if byte in b"{[":
            depth += 1
            if depth > DEEPEST:
                raise malformed(f"The body is nested deeper than {DEEPEST} levels.")
        elif byte in b"}]":
            depth -= 1


def refuse_unstorable(value: object, *, parameter: str | None = None) -> None:
    """Refuse NUL and lone surrogates anywhere in ``value``."""
    if isinstance(value, dict):
        for key, entry in value.items():
            refuse_unstorable(key, parameter=parameter)
            refuse_unstorable(entry, parameter=parameter or key)
    elif isinstance(value, list):
        for entry in value:
            refuse_unstorable(entry, parameter=parameter)
    elif isinstance(value, str) and _unstorable(value):
        shown = None if parameter is None or _unstorable(parameter) else parameter
        raise Refused(422, Problem("invalid", "Text must not hold NUL or half characters.", shown))


def _unstorable(value: str) -> bool:
    return "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value)


def decode_body(body: bytes, *, content_type: str | None, takes_form: bool) -> dict[str, Any]:
    """Return the parameters of a body; JSON unless ``content_type`` names a form. 400 for any other type."""
    if not body:
        return Parameters()
    type_ = (content_type or JSON).partition(";")[0].strip().lower()
    if type_ == FORM and takes_form:
        return decode_form(body)
    if type_ != JSON:
        raise malformed("Send JSON, with the content type application/json.")
    return decode_json(body)


def decode_query(query: str) -> dict[str, Any]:
    """Return the parameters of a query string, with brackets read as in a form."""
    pairs = decode_pairs(query)
    if "[" in query or "%5B" in query.upper():
        return nest(pairs)
    values = Parameters(pairs)
    refuse_unstorable(values)
    return values


def decode_pairs(text: str) -> list[tuple[str, str]]:
    """Return the pairs of a query string or form; 400 for bytes that are no UTF-8."""
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        raise malformed("The parameters are not valid UTF-8, or too many.") from None


def decode_form(body: bytes) -> dict[str, Any]:
    """Return the parameters of a form-encoded body, with brackets read as nested objects and lists."""
    if len(body) > LARGEST_BODY:
        raise malformed(f"The body is larger than {LARGEST_BODY} bytes.")
    try:
        text = body.decode("ascii")
    except UnicodeDecodeError:
        raise malformed("The body is not form-encoded.") from None
    return nest(decode_pairs(text))


def nest(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Build nested objects from names such as ``price[amount]``, ``tags[]`` and ``items[][product]``."""
    result: dict[str, Any] = {}
    for name, value in pairs:
        match = _FIELD.fullmatch(name)
        if match is None:
            continue
        keys = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]
        if len(keys) > DEEPEST:
            raise malformed("A parameter is nested too deep.")
        _insert(result, keys, FormText(value))
    refuse_unstorable(result)
    return parameters_of(result)


def _insert(target: dict[str, Any], keys: list[str], value: FormText) -> None:
    head, rest = keys[0], keys[1:]
    if not rest:
        if head in target and not isinstance(target[head], dict):
            present = target[head]
            target[head] = [*present, value] if isinstance(present, list) else [present, value]
        else:
            target[head] = value
        return
    if rest[0] == "":
        entries = target.setdefault(head, [])
        if not isinstance(entries, list):
            raise malformed("A parameter is given in two shapes.", parameter=head)
        if len(rest) == 1:
            entries.append(value)
            return
        if not entries or not isinstance(entries[-1], dict) or _holds(entries[-1], rest[1:]):
            entries.append({})
        _insert(entries[-1], rest[1:], value)
        return
    inner = target.setdefault(head, {})
    if not isinstance(inner, dict):
        raise malformed("A parameter is given in two shapes.", parameter=head)
    _insert(inner, rest, value)


def _holds(entry: Any, keys: list[str]) -> bool:
    for key in keys:
        if not isinstance(entry, dict) or key not in entry:
            return False
        entry = entry[key]
    return True
