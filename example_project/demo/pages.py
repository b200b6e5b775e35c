"""Pages of the shop as a browser sees them: their forms, and a few things to read."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

VOID_KINDS = ("submit", "button", "image", "reset", "file")
CHOSEN_KINDS = ("checkbox", "radio")


class PageError(Exception):
    """A page does not show what the journey needs from it."""


@dataclass
class Form:
    """A form with the values that it would send as it is."""

    action: str
    values: dict[str, str] = field(default_factory=dict)


class _FormReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self._form: Form | None = None
        self._select = ""
        self._chosen: str | None = None
        self._textarea = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        has = {name for name, _ in attrs}
        if tag == "form":
            self._form = Form(given.get("action", ""))
            self.forms.append(self._form)
        elif self._form is None:
            return
        elif tag == "input":
            self._input(self._form, given, has)
        elif tag == "select":
            self._select, self._chosen = given.get("name", ""), None
        elif tag == "option" and self._select and (self._chosen is None or "selected" in has):
            self._chosen = given.get("value", "")
        elif tag == "textarea":
            self._textarea = given.get("name", "")
            self._form.values[self._textarea] = ""

    def handle_data(self, data: str) -> None:
        if self._textarea and self._form is not None:
            self._form.values[self._textarea] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "textarea":
            self._textarea = ""
        elif tag == "select" and self._form is not None and self._select:
            self._form.values[self._select] = self._chosen or ""
            self._select = ""

    @staticmethod
    def _input(form: Form, given: dict[str, str], has: set[str]) -> None:
        kind, name = given.get("type", "text"), given.get("name", "")
        if not name or kind in VOID_KINDS or (kind in CHOSEN_KINDS and "checked" not in has):
            return
        form.values[name] = given.get("value", "on" if kind in CHOSEN_KINDS else "")


@dataclass(frozen=True)
class Page:
    """A page: ``url`` is where the browser ended up after redirections."""

    url: str
    text: str

    def form(self, action: str) -> Form:
        """Return the form that sends to ``action``; an empty one stands for the page itself."""
        reader = _FormReader()
        reader.feed(self.text)
        for found in reader.forms:
            if found.action == action:
                return found
        raise PageError(f"{self.url} has no form for {action or 'itself'}.")

    def find(self, pattern: str) -> str:
        """Return the first group of ``pattern`` in the page."""
        found = re.search(pattern, self.text, re.DOTALL)
        if found is None:
            raise PageError(f"{self.url} does not show {pattern!r}.")
        return found[1]

    def price(self) -> Decimal:
        """Return the price of the book that this page is about, as it is, not of another edition."""
        return Decimal(self.find(r'class="price(?: big)?">([0-9.]+) EUR'))

    def edition(self, name: str) -> tuple[str, Decimal]:
        """Return the SKU and the price of the edition ``name`` of the book that this page is about."""
        found = rf'value="([^"]+)"> {re.escape(name)} <b>([0-9.]+) EUR'
        match = re.search(found, self.text)
        if match is None:
            raise PageError(f"{self.url} offers no {name}.")
        return match[1], Decimal(match[2])

    def sku(self) -> str:
        """Return the SKU of the book that this page is about."""
        return self.find(r"<dt>SKU</dt><dd>([^<]+)</dd>")

    def events(self) -> list[dict[str, Any]]:
        """Return the events that the page has for Hellotext.js."""
        found = re.findall(r'<script id="hellotext-event-[0-9a-f]+" type="application/json">(.*?)</script>', self.text)
        return [json.loads(one) for one in found]

    def order_number(self) -> str:
        """Return the number of the order that this page is about."""
        return self.find(r"Order (LL-[A-Z0-9]+)")
