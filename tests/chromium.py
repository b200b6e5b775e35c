"""Debian's Chromium for tests, driven by Playwright, and the server that it looks at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.needs import NEEDS, needed_module

PATIENCE = 60_000  # milliseconds; a busy machine is slow, not wrong


@contextmanager
def launched() -> Iterator[Any]:
    """A browser that asks nobody for anything by itself."""
    with needed_module("playwright.sync_api").sync_playwright() as browsers:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        opened = browsers.chromium.launch(executable_path=NEEDS["chromium"].program(), args=options)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser for the tests of a module that imports this."""
    # Playwright's loop runs in this thread until the browser is closed; Django would take it for asynchronous code.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        with launched() as browser:
            yield browser


def reload_middleware(live_server: Any) -> None:
    """Let ``live_server``, which runs for the whole session and has read its middleware then, read it again."""
    handler = live_server.thread.httpd.get_app()
    while handler is not None:
        handler.load_middleware()
        handler = getattr(handler, "application", None)
