"""The room as a whole: an extra that nothing else needs."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

import django_hellotext
from tests.needs import needed_module

needed_module("rest_framework")

ROOT = Path(django_hellotext.__file__).parent


def imported(source: Path) -> set[str]:
    """The top names of the packages that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def test_only_this_room_imports_the_rest_framework() -> None:
    users = {str(path.relative_to(ROOT)) for path in ROOT.rglob("*.py") if "rest_framework" in imported(path)}
    assert users
    assert [name for name in users if not name.startswith("rest/")] == []


def test_only_one_file_imports_drf_spectacular() -> None:
    users = {str(path.relative_to(ROOT)) for path in ROOT.rglob("*.py") if "drf_spectacular" in imported(path)}
    assert users == {"rest/openapi.py"}


def test_the_addresses_have_names() -> None:
    assert reverse("hellotext:session") == "/hellotext/session/"
    assert reverse("hellotext:status") == "/hellotext/status/"
    assert reverse("hellotext:event-retry", args=[7]) == "/hellotext/events/7/retry/"


@pytest.mark.django_db
@pytest.mark.urls("config.urls")
def test_the_example_shop_has_the_endpoints(client: Client) -> None:
    response = client.post("/hellotext/session/", {"session": "a-session"}, content_type="application/json")
    assert response.status_code == 204
    assert client.get("/hellotext/status/").status_code == 401
