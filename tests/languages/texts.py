"""What the package's source marks for translation, read without gettext's tools."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.translation.template import templatize

import django_hellotext

PACKAGE = Path(django_hellotext.__file__).parent
PLURAL = {"ngettext", "ngettext_lazy"}
LAZY = {"gettext_lazy", "ngettext_lazy"}
MARKING = {"gettext", "gettext_lazy", "gettext_noop", *PLURAL}
Later = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
LITERAL = r"""u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
CALL = re.compile(rf"\b(?:n?gettext|_)\(({LITERAL})(?:, ({LITERAL}))?")


@dataclass(frozen=True)
class Marked:
    """A text, the file and line of its mark, and whether it is translated only when it is shown."""

    text: str | None  # None where the mark holds no literal
    plural: str
    place: str
    lazy: bool = True
    at_import: bool = False


def marked() -> list[Marked]:
    """Every marked text, in the order of the files."""
    found: list[Marked] = []
    for path in sorted(PACKAGE.rglob("*.py")):
        found += _in_module(path)
    for path in sorted(PACKAGE.rglob("*.html")):
        found += _in_template(path)
    return found


def _in_module(path: Path) -> Iterator[Marked]:
    source = path.read_text(encoding="utf-8")
    if "gettext" not in source:
        return
    tree = ast.parse(source)
    names = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for alias in node.names
    }
    foreign = {real for real in names.values() if "gettext" in real} - MARKING
    assert not foreign, f"{path.name} uses {foreign}, which this test does not know"
    inside = {id(node) for part in ast.walk(tree) if isinstance(part, Later) for node in _body(part)}
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names):
            continue
        real = names[node.func.id]
        if real in MARKING:
            texts = [arg.value if isinstance(arg, ast.Constant) else None for arg in node.args]
            yield Marked(
                text=_text(texts[0]),
                plural=_text(texts[1]) or "" if real in PLURAL else "",
                place=f"{path.relative_to(PACKAGE)}:{node.lineno}",
                lazy=real in LAZY,
                at_import=id(node) not in inside,
            )


def _body(function: Any) -> Iterator[ast.AST]:
    """What runs when the function is called; its decorators and defaults run at import."""
    for part in function.body if isinstance(function.body, list) else [function.body]:
        yield from ast.walk(part)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _in_template(path: Path) -> Iterator[Marked]:
    code = templatize(path.read_text(encoding="utf-8"), origin=str(path))
    for number, line in enumerate(code.splitlines(), start=1):
        for match in CALL.finditer(line):
            text, plural = (ast.literal_eval(part) if part else "" for part in match.groups())
            yield Marked(text=text, plural=plural, place=f"{path.relative_to(PACKAGE)}:{number}")


@dataclass(frozen=True)
class Entry:
    """One entry of a catalogue. ``texts`` holds a translation for each plural form, or one."""

    id: str
    plural: str
    texts: tuple[str, ...]
    flags: frozenset[str]


def catalogue(path: Path) -> list[Entry]:
    """The entries of a ``.po`` file, its header first."""
    found = []
    for block in path.read_text(encoding="utf-8").strip().split("\n\n"):
        values: dict[str, str] = {}
        flags: set[str] = set()
        key = ""
        for line in block.splitlines():
            if line.startswith("#"):
                flags |= {flag.strip() for flag in line[2:].split(",")} if line.startswith("#,") else set()
                continue
            word, _, rest = line.partition(" ")
            if not line.startswith('"'):
                key = word
            values[key] = values.get(key, "") + ast.literal_eval(line if line.startswith('"') else rest)
        texts = tuple(value for name, value in values.items() if name.startswith("msgstr"))
        found.append(Entry(values["msgid"], values.get("msgid_plural", ""), texts, frozenset(flags)))
    return found
