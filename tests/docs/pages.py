"""The pages of the documentation, as text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)
README = ROOT / "README.md"

_BLOCK = re.compile(r"^(?P<indent> *)```(?P<language>\w+)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)
_DESCRIBED = re.compile(r"^:::\{(?P<kind>[\w-]+)\} (?P<name>\S+)\n(?P<text>.*?)^:::$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A block of code on a page."""

    page: str
    line: int
    text: str


def name_of(page: Path) -> str:
    """The page's path below ``docs``, or in the project where it stands elsewhere."""
    return str(page.relative_to(DOCS if page.is_relative_to(DOCS) else ROOT))


def read(name: str) -> str:
    """The text of one page."""
    return (DOCS / name).read_text(encoding="utf-8")


def blocks(*, language: str, page: Path) -> Iterator[Block]:
    """The blocks of one language, without their common indentation."""
    text = page.read_text(encoding="utf-8")
    for found in _BLOCK.finditer(text):
        if found["language"] == language:
            plain = re.sub(f"^{found['indent']}", "", found["text"], flags=re.MULTILINE)
            yield Block(name_of(page), text.count("\n", 0, found.start()) + 1, plain)


def described(kind: str, *, page: str) -> dict[str, str]:
    """The things of ``kind`` that a page describes, each with its text."""
    found: dict[str, str] = {}
    for match in _DESCRIBED.finditer(read(page)):
        if match["kind"] == kind:
            assert match["name"] not in found, f"{match['name']} is described twice"
            found[match["name"]] = match["text"].strip()
    return found
