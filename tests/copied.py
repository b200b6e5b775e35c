"""Copy what the tests need, but not the package itself, so that they meet the installed wheel."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

NEEDED = ("tests", "docs", "example_project", "benchmarks", "pyproject.toml", "README.md", "CHANGELOG.md", "Makefile")


def copy(root: Path, target: Path) -> None:
    for name in NEEDED:
        source, copied = root / name, target / name
        if source.is_dir():
            shutil.rmtree(copied, ignore_errors=True)
            shutil.copytree(source, copied, ignore=shutil.ignore_patterns("__pycache__", "var", "_build"))
        else:
            shutil.copy(source, copied)


if __name__ == "__main__":
    copy(Path(sys.argv[1]), Path(sys.argv[2]))
