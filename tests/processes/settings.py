"""A shop in processes of its own: the database and Hellotext's address come from the environment."""

from __future__ import annotations

import json
import os
from typing import Any

import dj_database_url

from tests.settings import *  # noqa: F403 - the same project, elsewhere
from tests.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.processes.pages.SmallPages"]
_database: dict[str, Any] = {**dj_database_url.parse(os.environ["SHOP_DATABASE_URL"])}
_options = _database.setdefault("OPTIONS", {})
if _database["ENGINE"].endswith("sqlite3"):
    _options.update(transaction_mode="IMMEDIATE", timeout=60, init_command="PRAGMA journal_mode=WAL")
elif _database["ENGINE"].endswith("mysql"):
    _options["charset"] = "utf8mb4"
DATABASES = {"default": _database}
HELLOTEXT = {
    "BUSINESS_ID": "test-business",
    "API_TOKEN": "test-token",
    "ENVIRONMENT": "test",
    "SOURCE": "testshop",
    "CURRENCY": "EUR",
    "BASE_URL": os.environ["HELLOTEXT_BASE_URL"],
    "DEADLINE": 1.0,
    "READ_TIMEOUT": 1.0,
    "LEASE": 3.0,
    # Longer than a busy machine leaves a request lying that nobody waits for any more.
    "SETTLE_TIME": 3.0,
    "POLL_INTERVAL": 0.1,
    **json.loads(os.environ.get("SHOP_HELLOTEXT", "{}")),
}
