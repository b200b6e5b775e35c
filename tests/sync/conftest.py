"""The command run in this process, and a shop that was there before the app."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Model

from django_hellotext.adapters import Adapter, registry
from django_hellotext.emulator import Emulator
from tests.factories import make_customer, make_product, make_staff, placed_order

OTHER_SHOP = "bookshop"  # installed beside it


@dataclass
class Ran:
    """What a run of the command printed, and the code that it ended with."""

    out: str
    err: str
    code: int
    message: str
    document: dict[str, Any] = field(default_factory=dict)

    def counts(self, kind: str) -> dict[str, int]:
        """What the closing document says of a kind of the test shop, without its zeros."""
        [found] = [one for one in self.document["kinds"] if one["kind"] == kind and OTHER_SHOP not in one["model"]]
        return {name: value for name, value in found.items() if isinstance(value, int) and value}


Run = Callable[..., Ran]
Adapters = dict[type[Model], Adapter]


@pytest.fixture
def one_shop(monkeypatch: pytest.MonkeyPatch) -> Adapters:
    """Register the test shop alone: a run looks at each model that is registered. Returns what was registered."""
    every: Adapters = registry.registry._adapters
    ours = {model: one for model, one in every.items() if model._meta.app_label != OTHER_SHOP}
    monkeypatch.setattr(registry.registry, "_adapters", ours)
    # Both are filled from the adapters.
    monkeypatch.setattr(registry.registry, "_dependents", {})
    monkeypatch.setattr(registry.registry, "_memberships", {})
    return every


@pytest.fixture
def both_shops(one_shop: Adapters, monkeypatch: pytest.MonkeyPatch) -> None:
    """Register the other shop as well: several models of each kind."""
    monkeypatch.setattr(registry.registry, "_adapters", one_shop)
    monkeypatch.setattr(registry.registry, "_dependents", {})
    monkeypatch.setattr(registry.registry, "_memberships", {})


@pytest.fixture
def sync() -> Run:
    """Run ``hellotext_sync``; by default it prints its document and waits for what is due in a moment."""

    def run(*arguments: str, text: bool = False) -> Ran:
        out, err = StringIO(), StringIO()
        code, message = 0, ""
        given = [*arguments, *([] if text else ["--json"])]
        if "--wait" not in given and not {"--check", "--dry-run"} & set(given):
            given += ["--wait", "10"]
        try:
            call_command("hellotext_sync", *given, stdout=out, stderr=err)
        except CommandError as error:
            code, message = error.returncode, str(error)
        printed = out.getvalue()
        document = json.loads(printed) if not text and printed else {}
        return Ran(printed, err.getvalue(), code, message, document)

    return run


@pytest.fixture
def old_shop(settings: Any, hellotext: Emulator) -> Emulator:
    """A shop that was there before the app was configured."""
    configured, settings.HELLOTEXT = settings.HELLOTEXT, {}
    customer = make_customer()
    make_staff()
    make_product()
    make_product(is_published=False)
    placed_order(customer=customer)
    settings.HELLOTEXT = configured
    return hellotext
