"""A hundred visitors at once, at real servers: nobody ever sees another's request or session (demands B7, G3)."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import uvicorn
from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from django_hellotext.adapters import registry
from django_hellotext.emulator import Emulator
from django_hellotext.intake.changes import change_of
from django_hellotext.intake.visits import current_request, visit_of
from tests.testshop.models import Order

VISITORS = 100
PATIENCE = 60.0  # seconds; all of them have to be there before anybody is answered

everybody = threading.Barrier(VISITORS)
rooms: list[asyncio.Barrier] = []  # one for each event loop


def what_is_known(request: HttpRequest) -> dict[str, Any]:
    """What an order would remember that is made in this request, and whose request it is."""
    adapter = registry.for_model(Order)
    assert adapter is not None
    change = change_of(Order(pk=1, email="guest@example.com", status="placed"), adapter, created=True)
    return {
        "own": current_request() is request,
        "session": change.session,
        "campaign": change.data.get("utm", {}).get("campaign"),
        "visit": visit_of(request).session,
    }


def meet(request: HttpRequest) -> HttpResponse:
    before = what_is_known(request)
    everybody.wait(PATIENCE)
    return JsonResponse({"before": before, "after": what_is_known(request)})


async def meet_async(request: HttpRequest) -> HttpResponse:
    before = await sync_to_async(what_is_known)(request)
    async with asyncio.timeout(PATIENCE):
        await rooms[-1].wait()
    after = await sync_to_async(what_is_known)(request)
    return JsonResponse({"before": before, "after": after, "session": await visit_of(request).asession()})


async def whose_thread(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"thread": threading.get_ident(), "own": current_request() is request})


urlpatterns = [path("meet/", meet), path("meet-async/", meet_async), path("thread/", whose_thread)]


@pytest.fixture(autouse=True)
def shop(settings: Any, hellotext: Emulator) -> None:
    settings.ROOT_URLCONF = __name__
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    settings.ALLOWED_HOSTS = ["127.0.0.1"]


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        return


class Roomy(ThreadedWSGIServer):
    request_queue_size = VISITORS


@pytest.fixture
def wsgi() -> Iterator[int]:
    """The port of Django's threaded server."""
    server = Roomy(("127.0.0.1", 0), Quiet)
    server.set_app(WSGIHandler())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join(PATIENCE)
    server.server_close()


@pytest.fixture
def asgi() -> Iterator[tuple[int, int]]:
    """The port of a uvicorn, and the thread in which it lives."""
    config = uvicorn.Config(
        ASGIHandler(), host="127.0.0.1", port=0, lifespan="off", ws="none", http="h11", log_level="error"
    )
    server = uvicorn.Server(config)

    async def serve() -> None:
        rooms.append(asyncio.Barrier(VISITORS))
        await server.serve()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    while not server.started:
        assert thread.is_alive()
        thread.join(0.02)
    assert thread.ident is not None
    yield server.servers[0].sockets[0].getsockname()[1], thread.ident
    server.should_exit = True
    thread.join(PATIENCE)
    rooms.pop()


def visit(port: int, address: str) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", address)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body[:500]
        found: dict[str, Any] = json.loads(body)
        return {**found, "cookies": answer.headers.get_all("Set-Cookie"), "cache": answer.headers["Cache-Control"]}
    finally:
        connection.close()


def visit_all(port: int, path: str) -> list[dict[str, Any]]:
    addresses = [
        f"{path}?hello_session=visitor-{number}&utm_source=hellotext&utm_campaign=campaign-{number}"
        for number in range(VISITORS)
    ]
    with ThreadPoolExecutor(VISITORS) as crowd:
        return list(crowd.map(lambda address: visit(port, address), addresses))


def expected(number: int) -> dict[str, Any]:
    session = f"visitor-{number}"
    return {"own": True, "session": session, "campaign": f"campaign-{number}", "visit": session}


def test_a_hundred_visitors_at_once_under_wsgi(wsgi: int) -> None:
    """Demands B7, G3."""
    for number, found in enumerate(visit_all(wsgi, "/meet/")):
        assert (found["before"], found["after"]) == (expected(number), expected(number))
        assert found["cache"] == "private"
    assert current_request() is None


def test_a_hundred_visitors_at_once_under_asgi(asgi: tuple[int, int]) -> None:
    """Demands B7, G3."""
    answers = visit_all(asgi[0], "/meet-async/")
    for number, found in enumerate(answers):
        assert (found["before"], found["after"]) == (expected(number), expected(number))
        assert (found["session"], found["cache"]) == (f"visitor-{number}", "private")
    assert len({cookie for found in answers for cookie in found["cookies"]}) == VISITORS


def test_the_middleware_adds_no_thread_of_its_own(settings: Any, asgi: tuple[int, int]) -> None:
    """Demand B7."""
    settings.MIDDLEWARE = ["django_hellotext.middleware.HellotextMiddleware"]
    port, thread = asgi
    found = visit(port, "/thread/?hello_session=visitor")
    assert (found["thread"], found["own"]) == (thread, True)
