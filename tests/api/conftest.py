from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from django_hellotext.api import HellotextClient

from .wire import Answer, WireServer, json_answer

TOKEN = "ALK_canary-4f1d0b7e"


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], WireServer]]:
    """Start a server that answers as told."""
    with ExitStack() as stack:
        yield lambda answer: stack.enter_context(WireServer(answer))


@pytest.fixture
def server(serve: Callable[[Answer], WireServer]) -> WireServer:
    """A server that answers with an ID to everything."""
    return serve(json_answer({"id": "MzYwlE50"}))


@pytest.fixture
def connect() -> Iterator[Callable[..., HellotextClient]]:
    """Build a client of a server; its connections are closed after the test."""
    with ExitStack() as stack:

        def build(server: WireServer, **options: Any) -> HellotextClient:
            client = HellotextClient(token=TOKEN, base_url=server.url, **options)
            stack.callback(client.close)
            return client

        yield build


@pytest.fixture
def client(server: WireServer, connect: Callable[..., HellotextClient]) -> HellotextClient:
    """A client of ``server``."""
    return connect(server)
