"""Products that Hellotext may have before the shop sends them: a visitor's browser names them by reference and source.

Before the first creation Hellotext is asked for the reference. A run of ``hellotext_sync`` with many first creations
reads the list of products instead, 100 for each request.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from itertools import islice
from typing import Any

from ..api import HellotextClient
from ..exceptions import ApiError, NotFound, ValidationError
from ..models import Kind, Lane, RemoteObject
from .clients import client_from_settings
from .listing import PAGE, Listing
from .reconcile import find_object, listed_id, newest_first

logger = logging.getLogger("django_hellotext.delivery")

LOOKED_FOR = frozenset({Kind.PRODUCT, Kind.VARIANT})
NEWEST = 200  # products that are looked through if another source has the same reference
_NO_PATH = frozenset({".", ".."})


def looks_first(row: RemoteObject) -> bool:
    """Return whether ``row`` is looked for at Hellotext before it is created."""
    return not row.remote_id and (row.may_be_there or row.kind in LOOKED_FOR)


def find_first(client: HellotextClient, kind: str, values: Mapping[str, Any], *, may_be_there: bool) -> str:
    """Return the ID of the object that ``values`` would create a second time, or the empty string.

    ``may_be_there``: an event of ours may have created it. Raises ``ApiError`` when Hellotext cannot be asked.
    """
    if may_be_there:
        return find_object(client, kind, values)
    return _find_by_reference(client, kind, values) if kind in LOOKED_FOR else ""


def _find_by_reference(client: HellotextClient, kind: str, values: Mapping[str, Any]) -> str:
    """Only an object with our own source is ours: others may use the same references for other things."""
    reference = str(values.get("reference") or "")
    if not reference or reference in _NO_PATH:
        return ""
    try:
        found = (client.products if kind == Kind.PRODUCT else client.variants).retrieve(reference)
    except (NotFound, ValidationError):
        return ""
    if found.reference == reference and found.source == values.get("source"):
        return str(found.id)
    if kind == Kind.VARIANT:
        return ""
    # Hellotext returns one object for a reference, and this is another's, or one with such an ID or SKU.
    newest = newest_first(lambda: client.products.list(limit=PAGE))
    return listed_id(values, islice(newest, NEWEST))


class RemoteProducts:
    """The products and variants in Hellotext's list, for the drains of one run. Belongs to one thread."""

    def __init__(self) -> None:
        self._client: HellotextClient | None = None
        self._listing: Listing | None = None

    def look(self, *, expected: int, known: int) -> None:
        """Read the list if that takes fewer requests than asking for each of ``expected`` first creations.

        ``known`` is how many products are known to be in the list. Once it was read, only what is new in it is read.
        If Hellotext cannot be asked, each creation asks for itself, and the drain deals with the outage.
        """
        if self._listing is None and expected <= known // PAGE + 1:
            return
        try:
            if self._listing is None:
                self._client = client_from_settings()
                self._listing = Listing(self._client).__enter__()
                self._listing.read(Kind.PRODUCT)
            elif expected:
                self._listing.read_newest(Kind.PRODUCT)
        except ApiError as error:
            logger.warning("sync.products_not_listed", extra={"type": type(error).__name__})
            self.close()

    def find(self, row: RemoteObject, values: Mapping[str, Any]) -> str | None:
        """Return the ID of the object with the reference and source of ``values``, or the empty string.

        ``None`` if that is not known: the list was not read, or it may be older than what is known of ``row``.
        """
        if self._listing is None or row.kind not in LOOKED_FOR or row.lane != Lane.BACKFILL or row.recreated:
            return None
        ids = self._listing.find(row.kind, "reference", [str(values["reference"])])
        there = self._listing.raw(row.kind, [id for found in ids.values() for id in found])
        return next((id for id, raw in there.items() if raw.get("source") == values.get("source")), "")

    def close(self) -> None:
        """Forget the list."""
        if self._listing is not None:
            self._listing.__exit__(None, None, None)
        if self._client is not None:
            self._client.close()
        self._listing = self._client = None
