"""What the pages show works, and what they name exists."""

from __future__ import annotations

import argparse
import ast
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands, load_command_class

from django_hellotext.conf import SETTINGS
from django_hellotext.emulator import Emulator, EmulatorServer, command

from .pages import DOCS, PAGES, README, ROOT, Block, blocks, name_of, read

SNIPPETS = [block for page in (*PAGES, README) for block in blocks(language="python", page=page)]
RUNNABLE = ("how-to/client.md", "how-to/emulator.md")
LARGEST_IMAGE = 200_000  # bytes


@pytest.mark.parametrize("block", SNIPPETS, ids=lambda block: f"{block.page}:{block.line}")
def test_every_snippet_compiles(block: Block) -> None:
    compile(block.text, f"{block.page}:{block.line}", "exec", dont_inherit=True)


@pytest.mark.parametrize("block", SNIPPETS, ids=lambda block: f"{block.page}:{block.line}")
def test_every_name_of_ours_in_a_snippet_exists(block: Block) -> None:
    """What is imported, and what is then read from a module of ours."""
    assert [name for name in _names_of_ours(ast.parse(block.text)) if not _exists(name)] == []


def _names_of_ours(tree: ast.Module) -> Iterator[str]:
    # Nearly every snippet leaves this line to the one before it.
    modules = {"hellotext": "django_hellotext"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            ours = [alias for alias in node.names if alias.name.startswith("django_hellotext")]
            modules |= {alias.asname: alias.name for alias in ours if alias.asname}
            yield from (alias.name for alias in ours)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("django_hellotext"):
            modules |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
    fixtures = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in modules.keys() - fixtures
        ):
            yield f"{modules[node.value.id]}.{node.attr}"


def _exists(name: str) -> bool:
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True


@pytest.mark.parametrize("name", RUNNABLE)
def test_the_snippets_of_a_page_run_one_after_another(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Those that are files of a project begin with their name and are left out."""
    names: dict[str, Any] = {"__name__": "page"}
    with EmulatorServer(Emulator()) as server:
        for block in blocks(language="python", page=DOCS / name):
            if not block.text.startswith("# "):
                text = block.text.replace("http://127.0.0.1:4010", server.url)
                exec(compile(text, f"{name}:{block.line}", "exec", dont_inherit=True), names)  # noqa: S102 - our own page
    printed = capsys.readouterr().out
    promised = [
        line.removeprefix("prints `").split("`")[0] for line in read(name).splitlines() if line.startswith("prints `")
    ]
    promised += re.findall(r"this prints `([^`]+)`", read(name), flags=re.IGNORECASE)
    assert [text for text in promised if text not in printed] == []


def test_every_test_that_proves_a_promise_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", read("discussion/promises.md"))
    assert len(named) > 20
    assert [f"{path}::{test}" for path, test in named if not _is_defined(path, test)] == []


def _is_defined(path: str, test: str) -> bool:
    file = ROOT / path
    return file.exists() and f"def {test}(" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", [*PAGES, README], ids=name_of)
def test_every_command_that_a_page_names_exists_with_its_options(page: Path) -> None:
    for name, rest in re.findall(r"manage\.py (hellotext_\w+)([^\n`#]*)", page.read_text(encoding="utf-8")):
        assert name in get_commands()
        known = _options(load_command_class("django_hellotext", name).create_parser("manage.py", name))
        assert set(re.findall(r"--[\w-]+", rest)) <= known
    emulator = argparse.ArgumentParser()
    command.add_arguments(emulator)
    for rest in re.findall(r"python -m django_hellotext\.emulator([^\n`]*)", page.read_text(encoding="utf-8")):
        assert set(re.findall(r"--[\w-]+", rest)) <= _options(emulator)


def test_every_target_and_file_that_the_readme_names_exists() -> None:
    text = README.read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"make ([a-z]+)(?=`|\n)", text))
    assert targets >= {"demo", "test", "check", "help"}
    assert targets <= set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    files = [*re.findall(r"\]\((?!https?:)([^)#]+)", text), *re.findall(r"`((?:docs|tests)/?[\w/]*)`", text)]
    assert [name for name in files if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", [DOCS / "quickstart.md", README], ids=name_of)
def test_every_key_of_the_settings_that_a_newcomer_copies_exists(page: Path) -> None:
    keys = re.findall(r'^    "([A-Z_]+)": ', page.read_text(encoding="utf-8"), re.MULTILINE)
    assert "API_TOKEN" in keys
    assert [key for key in keys if key not in SETTINGS] == []


def test_every_option_of_the_emulator_is_in_its_table() -> None:
    emulator = argparse.ArgumentParser(add_help=False)
    command.add_arguments(emulator)
    page = read("how-to/emulator.md")
    assert [option for option in _options(emulator) if f"`{option}" not in page] == []


def _options(parser: argparse.ArgumentParser) -> set[str]:
    return {name for name in parser._option_string_actions if name.startswith("--")}


@pytest.mark.parametrize("page", ["reference/doctor.md", "how-to/operate.md"])
def test_what_the_doctor_prints_on_a_page_is_of_the_whole_example_shop(page: str) -> None:
    printed = next(text for text in _consoles(page) if text.startswith("$ python manage.py hellotext_doctor\n✓"))
    assert set(re.findall(r"^✓ \w+ (?:\w+\.)(\w+): ", printed, re.MULTILINE)) == _mirrored()
    assert f"All is well: {len(re.findall('^✓', printed, re.MULTILINE))} lines looked at." in printed


def test_what_a_check_prints_on_the_page_of_the_operator_is_of_the_whole_example_shop() -> None:
    [table] = [text for text in _consoles("how-to/operate.md") if "hellotext_sync --check\n" in text]
    assert set(re.findall(r"^\w+ +\w+\.(\w+) ", table, re.MULTILINE)) == _mirrored()


def _consoles(page: str) -> list[str]:
    return [block.text for block in blocks(language="console", page=DOCS / page)]


def _mirrored() -> set[str]:
    """The models that the example shop has adapters for."""
    files = (ROOT / "example_project").rglob("hellotext.py")
    return {
        name for file in files for name in re.findall(r"adapters\.register\((\w+)\)", file.read_text(encoding="utf-8"))
    }


def test_pictures_are_small() -> None:
    pictures = [path for path in (DOCS / "_static").iterdir() if path.suffix in {".png", ".jpg", ".webp"}]
    assert pictures
    assert [path.name for path in pictures if path.stat().st_size > LARGEST_IMAGE] == []


def test_nothing_is_loaded_from_elsewhere() -> None:
    """Links may lead away; scripts, styles, fonts and pictures come with the pages."""
    sources = [*PAGES, *DOCS.glob("_static/*.css"), *DOCS.glob("_diagrams/*.svg"), DOCS / "conf.py"]
    loads = re.compile(r"(?:src=|@import|url\(|image\} )\s*[\"']?(?:https?:)?//")
    assert [path.name for path in sources if loads.search(path.read_text(encoding="utf-8"))] == []


def test_every_page_can_be_reached() -> None:
    index = read("index.md")
    pages = {name_of(page).removesuffix(".md") for page in PAGES} - {"index"}
    listed = {
        line for toctree in re.findall(r"```\{toctree\}\n(.*?)```", index, re.DOTALL) for line in toctree.splitlines()
    }
    assert pages <= listed
