"""Hellotext, asked by the demo what has arrived: through the API, and through the emulator's log of requests."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any

import requests

from demo.direct import session_for
from demo.sightings import Sighting

TIMEOUT_SECONDS = 20.0
POLL_SECONDS = 0.5
PAGE = 100
MOST_PAGES = 50
UUID_KEY = "hellotext_uuid"
EVENTS = "/v1/attribution/events"
# Where the objects of a kind are, unless it is /v1/attribution and the kind's plural.
PATHS = {
    "profile": "/v1/profiles",
    "property": "/v1/properties",
    "list": "/v1/lists",
    "coupon": "/v1/coupons",
    "product_variant": "/v1/attribution/variants",
}
BROWSER_PATHS = ("/v1/public/", "/v1/track/")


@dataclass(frozen=True)
class Deliveries:
    """How often each event was taken and refused, by its UUID; ``nameless`` is how many requests carried none."""

    accepted: Counter[str]
    refused: Counter[str]
    nameless: int


class HellotextSide:
    """Reads what Hellotext has. Nothing here writes."""

    def __init__(self, base_url: str, *, token: str) -> None:
        self.base_url = base_url
        self._http = session_for(base_url)
        self._http.headers["Authorization"] = f"Bearer {token}"
        self._emails: dict[str, str] = {}
        self._references: dict[str, str] = {}

    def complaint(self) -> str:
        """Return why it cannot be worked with: it does not answer, or not to this token. Nothing when all is well."""
        try:
            answer = self._http.get(f"{self.base_url}/v1/profiles", params={"limit": 1}, timeout=TIMEOUT_SECONDS)
        except requests.RequestException as error:
            return f"Hellotext does not answer at {self.base_url}: {type(error).__name__}."
        if answer.ok:
            return ""
        return (
            f"Hellotext at {self.base_url} answers {answer.status_code}: "
            "are HELLOTEXT_BASE_URL and HELLOTEXT_API_TOKEN right?"
        )

    def is_emulator(self) -> bool:
        """Say whether it answers as the emulator does."""
        try:
            found = self._http.get(f"{self.base_url}/_emulator/health", timeout=TIMEOUT_SECONDS)
        except requests.RequestException:
            return False
        return found.status_code == HTTPStatus.OK

    def knows_product(self, remote_id: str) -> bool:
        """Say whether it has the product; anything but a plain "not found" counts as yes."""
        answer = self._http.get(f"{self.base_url}/v1/attribution/products/{remote_id}", timeout=TIMEOUT_SECONDS)
        return answer.status_code != HTTPStatus.NOT_FOUND

    def profile(self, remote_id: str) -> dict[str, Any]:
        """Return a profile, with its lists and properties."""
        return self._get(f"/v1/profiles/{remote_id}")

    def defines(self, kind: str) -> set[str]:
        """Return the names of its properties, lists or actions."""
        path = PATHS.get(kind, f"/v1/attribution/{kind}s")
        [rows] = [value for value in self._get(path, limit=PAGE).values() if isinstance(value, list)]
        return {row["name"] for row in rows}

    def arrived(self, uuids: Iterable[str], *, seconds: float = 0.0) -> list[Sighting]:
        """Return the events that it lists and that carry one of ``uuids``; wait for those that it lists later."""
        wanted = set(uuids)
        ends_at = time.monotonic() + seconds
        while True:
            found = [event for event in self._listed() if _uuid(event) in wanted]
            if len({_uuid(event) for event in found}) == len(wanted) or time.monotonic() >= ends_at:
                return [self._sighting(event) for event in found]
            time.sleep(POLL_SECONDS)

    def sent_by_browsers(self, sessions: Iterable[str], *, number: int, seconds: float) -> list[Sighting]:
        """Return the events of these sessions that no server sent; wait until ``number`` of them are listed."""
        wanted = set(sessions)
        ends_at = time.monotonic() + seconds
        while True:
            found = [event for event in self._listed() if not _uuid(event) and event.get("session") in wanted]
            if len(found) >= number or time.monotonic() >= ends_at:
                return [self._sighting(event) for event in reversed(found)]
            time.sleep(POLL_SECONDS)

    def holds(self, kind: str, ids: Iterable[str]) -> int:
        """Return how many of these objects it has."""
        path = PATHS.get(kind, f"/v1/attribution/{kind}s")
        found = 0
        for remote_id in ids:
            answer = self._http.get(f"{self.base_url}{path}/{remote_id}", timeout=TIMEOUT_SECONDS)
            found += answer.status_code == HTTPStatus.OK
        return found

    def deliveries(self, uuids: Iterable[str]) -> Deliveries:
        """Count what became of the requests that carried ``uuids``.

        From the emulator's log; another Hellotext has none, so that what it lists must do.
        """
        wanted = set(uuids)
        if not self.is_emulator():
            return Deliveries(Counter(event.uuid for event in self.arrived(wanted)), Counter(), 0)
        accepted: Counter[str] = Counter()
        refused: Counter[str] = Counter()
        nameless = 0
        for request in self.requests_of_the_shop():
            if request["method"] != "POST" or request["path"] != EVENTS:
                continue
            nameless += not request["uuid"]
            if request["uuid"] in wanted:
                (accepted if request["accepted"] else refused)[request["uuid"]] += 1
        return Deliveries(accepted, refused, nameless)

    def sum_of_order(self, remote_id: str) -> Decimal:
        """Return what the lines of an order come to, in major units."""
        items = self._get(f"/v1/attribution/orders/{remote_id}")["items"]
        return sum((Decimal(item["price"]["amount"]) * int(item["quantity"]) for item in items), Decimal(0))

    def requests_of_the_shop(self) -> list[dict[str, Any]]:
        """Return what the emulator logged of the shop's server, without the browsers' own requests."""
        answer = self._get("/_emulator/log")
        return [request for request in answer["requests"] if not request["path"].startswith(BROWSER_PATHS)]

    def _listed(self) -> Iterator[dict[str, Any]]:
        after: dict[str, Any] = {}
        for _ in range(MOST_PAGES):
            events = self._get(EVENTS, limit=PAGE, **after)["events"]
            yield from events
            if len(events) < PAGE:
                return
            after = {"starting_after": events[-1]["id"]}

    def _sighting(self, event: dict[str, Any]) -> Sighting:
        target = event.get("trackable") or {}
        return Sighting(
            uuid=_uuid(event),
            action=event["action"]["name"],
            email=self._email(event.get("profile")),
            session=event.get("session") or "",
            kind=target.get("type", ""),
            reference=self._reference(target.get("type", ""), target.get("id", "")),
            amount=None if event.get("amount") is None else Decimal(str(event["amount"])),
            currency=event.get("currency") or "",
            at=datetime.fromtimestamp(float(event["tracked_at"]), tz=UTC),
        )

    def _email(self, profile: str | None) -> str:
        if not profile:
            return ""
        if profile not in self._emails:
            self._emails[profile] = ", ".join(self._get(f"/v1/profiles/{profile}").get("emails", []))
        return self._emails[profile]

    def _reference(self, kind: str, remote_id: str) -> str:
        if not remote_id:
            return ""
        if remote_id not in self._references:
            found = self._get(f"{PATHS.get(kind, f'/v1/attribution/{kind}s')}/{remote_id}")
            self._references[remote_id] = found.get("reference") or found.get("name") or ""  # apps and forms have names
        return self._references[remote_id]

    def _get(self, path: str, **query: Any) -> dict[str, Any]:
        answer = self._http.get(f"{self.base_url}{path}", params=query, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


def _uuid(event: dict[str, Any]) -> str:
    metadata = event.get("metadata")
    found = metadata.get(UUID_KEY) if isinstance(metadata, dict) else None
    return found if isinstance(found, str) else ""
