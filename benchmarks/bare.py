"""Threads over keep-alive and nothing else: what this machine allows at this moment.

    python -m benchmarks.bare URL NUMBER THREADS

No database, no queue, no checks, one body for all: the most that ``requests`` does here.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import requests

BODY = {"action": "page.viewed", "profile": "profile1", "url": "https://shop.example/tea?page=2"}


def main() -> None:
    """Send ``NUMBER`` events over as many sessions as there are threads."""
    url, number, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

    def send(share: int) -> None:
        with requests.Session() as session:
            for _ in range(share):
                session.post(f"{url}/v1/attribution/events", json=BODY, timeout=10).raise_for_status()

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(send, [number // threads + (place < number % threads) for place in range(threads)]))


if __name__ == "__main__":
    main()
