"""What the project's pages need of us: the middleware in its place, and the tag in a template."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template import engines

from ..api import HellotextClient
from ..conf import hellotext_settings
from .checked import from_checks
from .findings import Finding, ok, skipped, warning

OWN = frozenset({"hellotext.W001", "hellotext.E007", "hellotext.E201", "hellotext.E121"})
MIDDLEWARE = "django_hellotext.middleware.HellotextMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
TAG = re.compile(rb"\{%-?\s*hellotext(?:\s|-?%)|\{\{-?\s*hellotext\s*\(")
MOST_FILES = 5_000
LARGEST = 1_000_000  # bytes of a template that are read


def examine_site(using: str, client: HellotextClient | None) -> Iterator[Finding]:
    """Reads settings, and templates up to a bound."""
    wrong = list(from_checks(OWN.__contains__))
    yield from wrong
    if not any(finding.code in ("hellotext.W001", "hellotext.E007") for finding in wrong):
        yield _order()
    yield _tag()


def _order() -> Finding:
    installed = list(settings.MIDDLEWARE)
    if (
        hellotext_settings.CLEAN_URLS
        and AUTHENTICATION in installed
        and installed.index(AUTHENTICATION) > installed.index(MIDDLEWARE)
    ):
        return warning(
            "site.middleware_before_user",
            "HellotextMiddleware stands before AuthenticationMiddleware, and CLEAN_URLS is set",
            "The consent of a customer who follows a short link is asked for before anybody knows who it is.",
            "Move HellotextMiddleware after AuthenticationMiddleware.",
        )
    return ok("site.middleware", "The middleware is in its place")


def _tag() -> Finding:
    looked = 0
    for file in _templates():
        looked += 1
        if looked > MOST_FILES:
            return skipped(
                "site.tag_not_sought",
                f"The tag was not found in the first {MOST_FILES} templates",
                "There are more of them than are looked through.",
            )
        try:
            with file.open("rb") as content:
                is_there = TAG.search(content.read(LARGEST)) is not None
        except OSError:
            continue  # it is gone meanwhile, or not for us to read
        if is_there:
            return ok("site.tag", f"The tag that loads Hellotext.js is in {file.name}")
    return warning(
        "site.tag_missing",
        "No template has the tag that loads Hellotext.js",
        "Visitors get no session from it, and forms and the webchat do not show. Orders arrive all the same.",
        "Write {% load hellotext %}{% hellotext %} in the base template. A page that another program makes loads the "
        "library itself: then this line is as it should be.",
    )


def _templates() -> Iterator[Path]:
    """The files of every template engine, the project's own folders first; ours hold no tag."""
    own = Path(__file__).parents[1]
    seen: set[Path] = set()
    for engine in engines.all():
        for folder in _folders(engine):
            path = Path(folder)
            if path in seen or own in path.parents or not path.is_dir():
                continue
            seen.add(path)
            yield from (file for file in sorted(path.rglob("*")) if file.is_file())


def _folders(engine: Any) -> Iterator[Any]:
    yield from getattr(engine, "template_dirs", ())
    loaders = list(getattr(getattr(engine, "engine", None), "template_loaders", ()))
    while loaders:
        loader = loaders.pop()
        loaders += getattr(loader, "loaders", ())
        if hasattr(loader, "get_dirs"):
            yield from loader.get_dirs()
