"""The examinations in their order. What one raises becomes its own finding, and never ends the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ..api import HellotextClient
from ..conf import hellotext_settings
from ..delivery.clients import client_from_settings
from ..redaction import mask
from .adapters import examine_adapters
from .credentials import examine_credentials
from .database import examine_database
from .definitions import examine_definitions
from .dispatcher import examine_dispatch, examine_worker
from .findings import Finding, Mark, error, skipped
from .queue import examine_queue
from .send_test import SendTest
from .settings import examine_settings, nothing_else
from .site import examine_site

Look = Callable[[str, HellotextClient | None], Iterable[Finding]]


@dataclass(frozen=True)
class Examination:
    """One family. ``per_database``: once for each alias; ``reads_tables``: pointless where they cannot be read;
    ``asks_hellotext``: needs the network, and credentials that are accepted."""

    name: str
    look: Look
    per_database: bool = False
    reads_tables: bool = False
    asks_hellotext: bool = False


EXAMINATIONS = (
    Examination("settings", examine_settings),
    Examination("database", examine_database, per_database=True),
    Examination("credentials", examine_credentials, asks_hellotext=True),
    Examination("definitions", examine_definitions, asks_hellotext=True),
    Examination("dispatcher", examine_dispatch, reads_tables=True),
    Examination("worker", examine_worker, per_database=True, reads_tables=True),
    Examination("site", examine_site),
    Examination("adapters", examine_adapters, per_database=True, reads_tables=True),
    Examination("queue", examine_queue, per_database=True, reads_tables=True),
)


def examine(aliases: Sequence[str] = (), *, network: bool = True, send_test: float | None = None) -> Iterator[Finding]:
    """Look at everything, one finding after the other as it comes.

    :param aliases: the databases to look at, all of ``HELLOTEXT["DATABASES"]`` by default. :param network: whether
        Hellotext may be asked. :param send_test: seconds to wait for an event that is sent to try the whole way;
        ``None`` sends none.
    """
    aliases = aliases or hellotext_settings.DATABASES
    rounds = _Round(list(aliases), network=network)
    examinations: tuple[Examination, ...] = EXAMINATIONS
    if send_test is not None:
        last = Examination("send_test", SendTest(seconds=send_test), reads_tables=True, asks_hellotext=True)
        examinations = (*EXAMINATIONS, last)
    try:
        for examination in examinations:
            yield from rounds.findings(examination)
            if examination.name == "settings" and not hellotext_settings.active:
                yield replace(nothing_else(), family="settings")
                return
    finally:
        rounds.close()


class _Round:
    """What is known so far."""

    def __init__(self, aliases: list[str], *, network: bool) -> None:
        self._aliases = aliases
        self._network = network
        self._client: HellotextClient | None = None
        self._unreadable: set[str] = set()
        self._is_refused = False

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def findings(self, examination: Examination) -> Iterator[Finding]:
        if examination.asks_hellotext and (not self._network or self._is_refused):
            yield replace(self._not_asked(examination), family=examination.name)
            return
        for alias in self._aliases if examination.per_database else self._aliases[:1]:
            about = alias if examination.per_database else ""
            for finding in self._looked(examination, alias):
                yield replace(finding, family=examination.name, database=about)

    def _looked(self, examination: Examination, alias: str) -> Iterator[Finding]:
        if examination.reads_tables and alias in self._unreadable:
            yield skipped(
                "examination.no_tables",
                f"{examination.name}, because the tables on {alias!r} cannot be read",
            )
            return
        try:
            client = self._asking() if examination.asks_hellotext else None
        except Exception as failure:
            self._is_refused = True
            yield error(
                "credentials.no_client",
                f"HELLOTEXT['BACKEND'] could not be built: {type(failure).__name__}",
                mask(failure),
                "Correct BACKEND and BACKEND_OPTIONS, or leave both out.",
            )
            return
        try:
            for finding in examination.look(alias, client):
                self._note(examination, alias, finding)
                yield finding
        except Exception as failure:
            yield error(
                "examination.failed",
                f"The examination {examination.name!r} itself failed: {type(failure).__name__}",
                mask(failure),
                "Look at the message; if it is a fault of django-hellotext, please report it.",
            )

    def _note(self, examination: Examination, alias: str, finding: Finding) -> None:
        if finding.state is not Mark.ERROR:
            return
        if examination.name == "database" and finding.code in UNREADABLE:
            self._unreadable.add(alias)
        if examination.name == "credentials" and finding.code.startswith("credentials."):
            self._is_refused = True

    def _asking(self) -> HellotextClient:
        if self._client is None:
            self._client = client_from_settings()
        return self._client

    def _not_asked(self, examination: Examination) -> Finding:
        if not self._network:
            return skipped(
                "examination.no_network",
                f"{examination.name}, because of --no-network",
            )
        return skipped(
            "examination.no_credentials",
            f"{examination.name}, because Hellotext could not be asked",
            "See the line about the credentials.",
        )


UNREADABLE = frozenset({"database.unreachable", "database.not_migrated", "database.table_missing"})
