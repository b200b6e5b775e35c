"""``hellotext_js``: install a downloaded Hellotext.js among the project's own static files."""

from __future__ import annotations

import base64
import hashlib
import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management.base import CommandError

from django_hellotext import js
from django_hellotext.files import PUBLIC, replace_file
from django_hellotext.management.base import HellotextCommand

PACKAGE = "@hellotext/hellotext"
MARKS = (b"Hellotext", b"hello_session")  # what every build of the library holds
LARGEST = 5 * 1024 * 1024  # bytes; the library is a quarter of a megabyte


class Command(HellotextCommand):
    """Checks the file, copies it with what belongs to it, and prints the settings to write."""

    help = "Install a downloaded Hellotext.js among the project's static files."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("file", type=Path, help="dist/hellotext.js of the package @hellotext/hellotext")
        parser.add_argument(
            "--into", type=Path, help="the static folder to copy it into; the first of STATICFILES_DIRS by default"
        )
        parser.add_argument("--sha384", help="the hash that the file must have, in base64, with or without sha384-")

    def handle(self, *args: Any, **options: Any) -> None:
        """Raise ``CommandError`` for a file that is not the library, and for a folder that is not there."""
        source: Path = options["file"]
        content = _read(source)
        integrity = "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode()
        expected = options["sha384"]
        if expected and integrity != f"sha384-{expected.removeprefix('sha384-')}":
            raise CommandError(f"{source} has the hash {integrity}; nothing was installed.")
        version = _version_of(source)
        folder, prefix = _target(options["into"])
        name = f"hellotext/{version or 'unknown'}/hellotext.js"
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        replace_file(place, content, mode=PUBLIC)
        self.out.line(f"Installed {place}")
        for other in _what_belongs_to(source):
            replace_file(place.parent / other.name, other.read_bytes(), mode=PUBLIC)
            self.out.line(f"Installed {place.parent / other.name}")
        if not version:
            self.err.line(f"There is no package.json beside it, so its version is not known; {js.VERSION} is expected.")
        elif version != js.VERSION:
            self.err.line(f"This is version {version}; django-hellotext is made for {js.VERSION}.")
        if finders.find(f"{prefix}{name}") is None:
            self.err.line(f"Django does not look for static files in {folder}: name it in STATICFILES_DIRS.")
        self.out.line("Write into HELLOTEXT:")
        self.out.line(f'    "JS_URL": "{settings.STATIC_URL}{prefix}{name}",')
        self.out.line(f'    "JS": {{"integrity": "{integrity}"}},')


def _read(source: Path) -> bytes:
    try:
        if source.stat().st_size > LARGEST:
            raise CommandError(f"{source} is too large to be Hellotext.js.")
        content = source.read_bytes()
    except OSError as error:
        raise CommandError(f"{source} cannot be read: {error.strerror}.") from error
    if not all(mark in content for mark in MARKS):
        raise CommandError(f"{source} is not Hellotext.js. It is dist/hellotext.js in the package {PACKAGE}.")
    return content


def _version_of(source: Path) -> str:
    """The version in the package.json of the package that the file is in; empty when there is none.

    Raises ``CommandError`` for another major or minor version: its options may be others.
    """
    for folder in source.resolve().parents[:2]:
        try:
            package = json.loads((folder / "package.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(package, dict) and package.get("name") == PACKAGE:
            version = str(package.get("version", ""))
            if version.split(".")[:2] != js.VERSION.split(".")[:2] or not version.replace(".", "").isalnum():
                raise CommandError(f"This is version {version}; django-hellotext is made for {js.VERSION}.")
            return version
    return ""


def _target(into: Path | None) -> tuple[Path, str]:
    """The folder to copy into, and what stands before the names of its files."""
    first = next(iter(settings.STATICFILES_DIRS), None)
    if into is not None:
        folder, prefix = into, ""
    elif isinstance(first, list | tuple):
        folder, prefix = Path(first[1]), f"{first[0]}/"
    elif first:
        folder, prefix = Path(first), ""
    else:
        raise CommandError("STATICFILES_DIRS names no folder; name one there, or with --into.")
    if not folder.is_dir():
        raise CommandError(f"{folder} is not a folder.")
    return folder, prefix


def _what_belongs_to(source: Path) -> list[Path]:
    """What the library loads by itself from where it is, and its licence."""
    found = [*source.parent.glob("webchat-*.js"), *source.parent.glob(f"{source.name}.LICENSE.txt")]
    return sorted(path for path in found if path.is_file())
