"""How fast the emulator answers over keep-alive while it holds 100,000 objects: it must not be what others measure.

Two connections ask at once, each over a bare socket.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count

from benchmarks.figures import Figure, rounds
from benchmarks.processes import memory_of
from benchmarks.wire import Wire

TOKEN = "benchmark"
AIM = 1000.0  # requests a second
START_UP = 1.0  # seconds
CONNECTIONS = 2
TIMES = 5

PRODUCTS, EVENTS = "/v1/attribution/products", "/v1/attribution/events"

Request = Callable[[Wire, int], int]


def measure(short: bool) -> Iterator[Figure]:
    """Yield the start-up, the requests a second of each kind beside so many objects, and look-ups among them."""
    objects = 10_000 if short else 100_000
    seconds = 0.5 if short else 2.0
    began = time.perf_counter()
    command = [sys.executable, "-m", "django_hellotext.emulator", "--port", "0", "--token", TOKEN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().split()[-1]
            yield Figure(measure="start-up", value=time.perf_counter() - began, unit="s", at_most=START_UP)
            with Wire(url, token=TOKEN) as wire:
                made = objects / _fill(wire, objects)
                detail = f"they were made with {made:.0f} a second"
                yield Figure(
                    measure=f"its memory, {objects:,} objects", value=memory_of(server.pid), unit="MB", detail=detail
                )
                numbers = count()
                for name, request in _requests(wire):
                    rates = rounds([_rate(url, request, numbers, seconds) for _ in range(TIMES)])
                    yield rates.as_figure(f"{name}, {objects:,} objects", unit="requests/s", at_least=AIM)
                for name, path in (
                    ("a product by its SKU", f"{PRODUCTS}/SKU-{objects // 2 - 1}"),
                    ("a page of 100 products", f"{PRODUCTS}?limit=100"),
                    ("what its own page asks for", "/_emulator/overview"),
                ):
                    times = rounds([_milliseconds(wire, path) for _ in range(TIMES)])
                    yield times.as_figure(f"{name}, {objects:,} objects", unit="ms")
        finally:
            server.terminate()


def _fill(wire: Wire, objects: int) -> float:
    """Create products until there are ``objects`` (a product brings a variant); return the seconds."""
    began = time.perf_counter()
    for number in range(objects // 2):
        data = {"name": f"Product {number}", "sku": f"SKU-{number}", "reference": str(number), "source": "bench"}
        status, _ = wire.send("POST", PRODUCTS, data)
        assert status == 201, status
    return time.perf_counter() - began


def _requests(wire: Wire) -> Iterator[tuple[str, Request]]:
    """Yield what is measured: a name, and one request that takes a number of its own and answers the status."""
    profile = json.loads(wire.send("POST", "/v1/profiles", {"email": "shopper@example.com"})[1])["id"]
    book = {"name": "Book", "sku": "B-1", "price": {"amount": 12.5, "currency": "EUR"}}
    product = json.loads(wire.send("POST", PRODUCTS, book)[1])["id"]

    def track(connection: Wire, number: int) -> int:
        event = {
            "action": "product.viewed",
            "profile": profile,
            "object": product,
            "tracked_at": 1_765_000_000,
            "metadata": {"hellotext_uuid": f"00000000-0000-4000-8000-{number:012d}"},
        }
        return connection.send("POST", EVENTS, event)[0]

    def create(connection: Wire, number: int) -> int:
        data = {"email": f"user{number}@example.com", "first_name": "Ada", "last_name": "Lovelace"}
        return connection.send("POST", "/v1/profiles", data)[0]

    def order(connection: Wire, number: int) -> int:
        line = {"product": product, "quantity": 2, "price": {"amount": 12.5, "currency": "EUR"}}
        data = {"reference": str(number), "source": "bench", "delivery": "deliver", "items": [line]}
        return connection.send("POST", "/v1/attribution/orders", data)[0]

    yield "POST of an event", track
    yield "POST of a profile", create
    yield "POST of an order", order
    yield "GET of a product", lambda connection, number: connection.send("GET", f"{PRODUCTS}/{product}")[0]
    yield "GET of 25 events", lambda connection, number: connection.send("GET", EVENTS)[0]


def _rate(url: str, request: Request, numbers: Iterator[int], seconds: float) -> float:
    """Requests a second of ``request``, over all connections."""
    counts = [0] * CONNECTIONS
    began = time.perf_counter()

    def ask(place: int) -> None:
        with Wire(url, token=TOKEN) as wire:
            while time.perf_counter() < began + seconds:
                status = request(wire, next(numbers))
                assert status < 300, status
                counts[place] += 1

    threads = [threading.Thread(target=ask, args=(place,)) for place in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - began)


def _milliseconds(wire: Wire, path: str) -> float:
    began = time.perf_counter()
    assert wire.send("GET", path)[0] == 200
    return (time.perf_counter() - began) * 1000
