"""The reference describes what the code has, all of it and nothing else."""

from __future__ import annotations

import ast
import re

import django_hellotext
from django_hellotext import exceptions
from django_hellotext.adjustments import AdjustmentKind
from django_hellotext.api import HellotextClient
from django_hellotext.api.backends.dummy import DummyBackend
from django_hellotext.api.operations import OPERATIONS
from django_hellotext.conf import SETTINGS
from django_hellotext.emulator.faults import KINDS
from tests.contract import document

from .pages import DOCS, PAGES, ROOT, described, read

CHECK_ID = re.compile(r"hellotext\.[EW]\d{3}")


def test_every_setting_is_described_and_no_other() -> None:
    found = described("setting", page="reference/settings.md")
    assert found.keys() == SETTINGS.keys()
    assert [name for name, text in found.items() if len(text) < 30] == []


def test_every_default_is_taken_from_the_code() -> None:
    assert "```{settings-table}" in read("reference/settings.md")


def test_every_check_is_described_and_no_other() -> None:
    sources = (ROOT / "django_hellotext").rglob("*.py")
    known = {found for source in sources for found in CHECK_ID.findall(source.read_text(encoding="utf-8"))}
    found = described("check", page="reference/checks.md")
    assert found.keys() == known
    assert [name for name, text in found.items() if len(text) < 30] == []


def test_every_line_of_the_doctor_is_described_and_no_other() -> None:
    named = re.compile(r'"([a-z_]+\.[a-z_]+)",')
    sources = (ROOT / "django_hellotext" / "doctor").glob("*.py")
    known = {found for source in sources for found in named.findall(source.read_text(encoding="utf-8"))}
    found = described("finding", page="reference/doctor.md")
    assert len(known) > 80
    assert found.keys() == known
    assert [name for name, text in found.items() if len(text) < 30] == []


def test_every_kind_of_adjustment_is_described_and_no_other() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \| (.+) \|$", read("reference/adjustments.md"), re.MULTILINE)
    assert [kind for kind, *_texts in rows] == AdjustmentKind.values


def test_every_error_type_of_the_contract_is_described_and_no_other() -> None:
    branches = document()["components"]["schemas"]["ErrorType"]["anyOf"]
    known = {value for branch in branches for value in branch.get("enum", ())}
    assert described("error-type", page="reference/errors.md").keys() == known


def test_every_error_class_is_described_with_what_to_do() -> None:
    module = ast.parse((ROOT / "django_hellotext" / "exceptions.py").read_text(encoding="utf-8"))
    classes = [node.name for node in module.body if isinstance(node, ast.ClassDef)]
    page = read("reference/errors.md")
    assert [name for name in classes if f"django_hellotext.exceptions.{name}\n" not in page] == []
    errors = [name for name in classes if issubclass(getattr(exceptions, name), Exception)]
    tree = page[page.index("```text") : page.index("```\n", page.index("```text") + 3)]
    assert [name for name in errors if not re.search(rf"\b{name}\b", tree)] == []


def test_every_error_type_of_our_own_is_described() -> None:
    named = re.compile(r'(?:\btype|\breason|FAILED)\s*=\s*"([a-z_]+)"')
    rooms = ("adapters", "intake", "delivery", "models")
    sources = [source for room in rooms for source in (ROOT / "django_hellotext" / room).rglob("*.py")]
    known = {found for source in sources for found in named.findall(source.read_text(encoding="utf-8"))}
    page = read("reference/errors.md")
    assert "prerequisite_failed" in known
    assert [
        name for name in sorted(known - {"unknown_action"}) if f"`{name}`" not in page and f" {name}\n" not in page
    ] == []


def test_the_table_of_operations_has_each_of_the_contract_with_a_method_that_exists() -> None:
    paths = document()["paths"].values()
    operations = [
        value for item in paths for value in item.values() if isinstance(value, dict) and "operationId" in value
    ]
    server = {one["operationId"] for one in operations if "browser" not in one["tags"]}
    assert len(server) == 74
    assert OPERATIONS.keys() == server
    client = HellotextClient(token="unused", backend=DummyBackend())
    assert all(callable(getattr(getattr(client, family), method)) for family, method in OPERATIONS.values())
    assert "```{operations-table}" in read("reference/operations.md")


def test_every_family_of_operations_has_a_section() -> None:
    page = read("reference/client.md")
    assert {family for family, _ in OPERATIONS.values() if f"\n`client.{family}`\n" not in page} == set()


def test_the_version_is_the_packages_own() -> None:
    text = (DOCS / "conf.py").read_text(encoding="utf-8")
    assert "version = release = __version__" in text
    assert "from django_hellotext import __version__" in text
    shown = {found for page in PAGES for found in re.findall(r"django-hellotext (\d+\.\d+\S*)", page.read_text())}
    assert shown <= {django_hellotext.__version__}


def test_every_kind_of_fault_is_in_the_emulators_table() -> None:
    page = read("how-to/emulator.md")
    assert [kind for kind in KINDS if f"\n| `{kind}` |" not in page] == []
