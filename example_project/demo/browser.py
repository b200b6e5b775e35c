"""A browser in the shop: cookies, forms, and what Hellotext.js does in a page."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

from demo.direct import session_for
from demo.pages import Page, PageError

TIMEOUT_SECONDS = 30.0
COOKIE = "hello_session"
# A library's own name would be that of a crawler, whose visits nobody records.
USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
UTM_NAMES = ("source", "medium", "campaign", "term", "content")


@dataclass(frozen=True)
class HellotextJs:
    """What Hellotext.js does in a page (public documents, version 2.5): find a session, announce it, send events."""

    base_url: str
    business_id: str

    def start(self, browser: Browser, url: str) -> None:
        """Take the session of the address, of the cookie, or a new one; keep it in the cookie, and announce it."""
        query = parse_qs(urlsplit(url).query)
        session = query.get(COOKIE, [""])[0] or browser.session or str(uuid.uuid4())
        browser.session = session
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        utm = {name: query[f"utm_{name}"][0] for name in UTM_NAMES if f"utm_{name}" in query}
        if utm:
            utm["observed_at"] = now
        self._post("/v1/public/acks", {"utm_params": utm, "session": session, "at": now})

    def track(self, browser: Browser, event: dict[str, Any]) -> None:
        """Send an event that stands in the page."""
        body = {
            "session": browser.session,
            "user_parameters": {},
            "action": event["action"],
            **event["parameters"],
            "page": {"url": browser.page.url, "title": "", "path": urlsplit(browser.page.url).path},
            "utm_params": {},
        }
        self._post("/v1/track/events", body)

    def _post(self, path: str, body: dict[str, Any]) -> None:
        answer = session_for(self.base_url).post(
            f"{self.base_url}{path}",
            data=json.dumps(body),
            headers={"Authorization": f"Bearer {self.business_id}", "Content-Type": "application/json"},
            timeout=TIMEOUT_SECONDS,
        )
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            raise PageError("Hellotext does not know this business: is HELLOTEXT_BUSINESS_ID right?")
        answer.raise_for_status()


class Browser:
    """Somebody's browser: a cookie jar of its own, and Hellotext.js running in each page of the shop."""

    def __init__(self, shop_url: str, script: HellotextJs) -> None:
        self._shop_url = shop_url
        self._script = script
        self._http = session_for(shop_url)
        self._http.headers["User-Agent"] = USER_AGENT
        self._started = False
        self.page = Page(shop_url, "")

    @property
    def session(self) -> str:
        """The Hellotext session in this browser's cookie, or nothing."""
        return self._http.cookies.get(COOKIE) or ""

    @session.setter
    def session(self, session: str) -> None:
        self._http.cookies.set(COOKIE, session, domain=urlsplit(self._shop_url).hostname, path="/")

    @property
    def cookies(self) -> set[str]:
        """The names of the cookies that it has."""
        return {str(cookie.name) for cookie in self._http.cookies}

    def go(self, path: str) -> Page:
        """Open a page. Hellotext.js takes the session of an address whenever there is one."""
        self._started = self._started and COOKIE not in path
        return self._show(self._http.get(urljoin(self._shop_url, path), timeout=TIMEOUT_SECONDS))

    def allow_cookies(self) -> Page:
        """Say yes to the banner."""
        return self.send("/cookies/", answer="yes")

    def refuse_cookies(self) -> Page:
        """Say no to the banner."""
        return self.send("/cookies/", answer="no")

    def send(self, action: str, **values: str) -> Page:
        """Fill in the form of this page that goes to ``action`` (empty: to the page itself), and send it."""
        form = self.page.form(action)
        return self._show(
            self._http.post(
                urljoin(self.page.url, action),
                data={**form.values, **values},
                headers={"Referer": self.page.url},
                timeout=TIMEOUT_SECONDS,
            )
        )

    def _show(self, answer: requests.Response) -> Page:
        if not answer.ok:
            raise PageError(f"{answer.request.method} {answer.url} answered {answer.status_code}.")
        self.page = Page(answer.url, answer.text)
        # The admin does not load the library; every page of the shop does where cookies are allowed.
        if "hellotext-config" in answer.text:
            if not self._started:
                self._started = True
                self._script.start(self, answer.url)
            for event in self.page.events():
                self._script.track(self, event)
        return self.page
