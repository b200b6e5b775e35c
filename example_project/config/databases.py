"""From ``DATABASE_URL`` to Django's ``DATABASES``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

# How long a writer waits for another one before SQLite gives up.
SQLITE_TIMEOUT_SECONDS = 20

# WAL lets the shop read while the worker writes. IMMEDIATE takes the write lock when a transaction begins,
# so that a transaction which first reads and then writes waits for its turn instead of failing at once.
SQLITE_OPTIONS: dict[str, Any] = {
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    "transaction_mode": "IMMEDIATE",
    "timeout": SQLITE_TIMEOUT_SECONDS,
}


def database_from(url: str, *, default_file: Path) -> dict[str, Any]:
    """Return the ``default`` entry of ``DATABASES``.

    ``url`` is the value of ``DATABASE_URL``; when it is empty, the shop keeps its data in the SQLite file
    ``default_file``, whose folder is created. Raises ``ImproperlyConfigured`` when a URL is given
    but dj-database-url, which reads it, is not installed.
    """
    if not url:
        default_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": default_file, "OPTIONS": dict(SQLITE_OPTIONS)}
    try:
        import dj_database_url
    except ImportError as error:
        raise ImproperlyConfigured(
            "DATABASE_URL is set, but dj-database-url is not installed: install it, or unset DATABASE_URL."
        ) from error
    database: dict[str, Any] = dict(dj_database_url.parse(url))
    if database["ENGINE"] == "django.db.backends.sqlite3":
        database["OPTIONS"] = {**SQLITE_OPTIONS, **database.get("OPTIONS", {})}
    return database
