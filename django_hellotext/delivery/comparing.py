"""Whether Hellotext still holds what was sent: by the fields that are sent, nothing else.

What others put there (a property, a list, a tag of their own kind) is theirs. What Hellotext itself wrote otherwise
when it took the object, such as a phone number in another form, is no change: then its answer said so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from ..adapters import Link
from ..api.types import Money
from ..emails import canonical

# Never changed by anybody (contract), or known only in another form there.
NOT_COMPARED = frozenset({"source", "reference", "profile", "product", "order", "properties", "properties_by_id"})
SEVERAL = {"email": "emails", "phone": "phones"}


def differences(payload: Mapping[str, Any], there: Mapping[str, Any], answered: Mapping[str, Any]) -> list[str]:
    """The names of the fields of ``payload`` that ``there``, the remote JSON, has otherwise.

    ``answered`` is the remote JSON of our last write.
    """
    found = []
    for name, sent in payload.items():
        shown = SEVERAL.get(name, name)
        if name in NOT_COMPARED or shown not in there:
            continue
        value = there[shown]
        if not _agrees(name, sent, value) and not (shown in answered and _plainly(answered[shown]) == _plainly(value)):
            found.append(name)
    return found


def _agrees(name: str, sent: Any, value: Any) -> bool:
    if isinstance(sent, Link):
        return True
    if name in SEVERAL:
        # They may have further ones; ours is to be among them.
        return not sent or _contact(name, sent) in {_contact(name, one) for one in value or ()}
    if isinstance(sent, Money):
        return isinstance(value, Mapping) and (
            _number(value.get("amount")) == sent.amount and value.get("currency") == sent.currency
        )
    if name == "image_url":
        # Hellotext keeps a copy, whose address is its own (contract: ProductAttributes).
        return bool(value)
    if name == "variants":
        there = {one.get("reference"): one for one in value or ()}
        return all(one["reference"] in there and not differences(one, there[one["reference"]], {}) for one in sent)
    if name == "items":
        return isinstance(value, Sequence) and _same_lines(sent, value)
    if isinstance(sent, Mapping):
        return isinstance(value, Mapping) and all(_plainly(value.get(key)) == _plainly(sent[key]) for key in sent)
    if isinstance(sent, list | tuple):
        names = {_text(one.get("name") if isinstance(one, Mapping) else one) for one in value or ()}
        # They may be on further lists; the other names are the object's own.
        ours = {_text(one) for one in sent}
        return ours <= names if name == "lists" else ours == names
    return bool(_plainly(sent) == _plainly(value))


def _same_lines(sent: Sequence[Mapping[str, Any]], there: Sequence[Mapping[str, Any]]) -> bool:
    """Whether each line has its match by quantity and by the price that was sent; products are named otherwise."""
    left = list(there)
    # Those of any price last: they take what the others leave.
    for line in sorted(sent, key=lambda line: line.get("price") is None):
        match = next((one for one in left if _same_line(line, one)), None)
        if match is None:
            return False
        left.remove(match)
    return not left


def _same_line(sent: Mapping[str, Any], there: Mapping[str, Any]) -> bool:
    if _number(sent.get("quantity", 1)) != _number(there.get("quantity", 1)):
        return False
    # One that does not show its price says nothing of it.
    return not sent.get("price") or not there.get("price") or _agrees("price", sent["price"], there["price"])


def _number(value: Any) -> Decimal | None:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


def _contact(kind: str, value: Any) -> str:
    return canonical(str(value or "")) if kind == "email" else _text(value)


def _text(value: Any) -> str:
    return str(value or "").strip().lower()


def _plainly(value: Any) -> Any:
    """``value`` so that two ways to write the same thing are equal: 1 and "1.0", nothing and an empty text."""
    if isinstance(value, Mapping):
        return {key: _plainly(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plainly(one) for one in value]
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float | Decimal):
        return Decimal(str(value)).normalize()
    if value is None or value == "":
        return None
    number = _number(value) if str(value).replace(".", "", 1).lstrip("-").isdigit() else None
    return number.normalize() if number is not None else str(value).strip()
