"""Every field of every adapter is described, where it is declared and on its page."""

from __future__ import annotations

import pytest

from django_hellotext import adapters
from django_hellotext.adapters import KIND_ORDER, Adapter

from .pages import read

BASES: dict[str, type[Adapter]] = {
    found.kind: found
    for name in adapters.__all__
    if isinstance(found := getattr(adapters, name), type)
    and issubclass(found, Adapter)
    and found.kind
    and found is not adapters.UserProfileAdapter
}


def test_there_is_an_adapter_for_every_kind() -> None:
    assert sorted(BASES) == sorted(KIND_ORDER)


@pytest.mark.parametrize("kind", KIND_ORDER)
def test_every_field_is_described_in_its_class(kind: str) -> None:
    text = BASES[kind].__doc__ or ""
    fields = [name for name in BASES[kind].attributes if name != "reference"]
    assert [name for name in fields if f"``{name}``" not in text] == []


@pytest.mark.parametrize("kind", KIND_ORDER)
def test_every_adapter_has_its_table(kind: str) -> None:
    page, name = read("reference/adapters.md"), BASES[kind].__name__
    assert f".. autoclass:: django_hellotext.adapters.{name}\n" in page
    assert f"```{{adapter-table}} {name}\n" in page
