"""A shop to measure: its database and broker, and Hellotext's address, come from the environment."""

from __future__ import annotations

import json
import os
from typing import Any

import dj_database_url

SECRET_KEY = "benchmarks-only"
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ALLOWED_HOSTS = ["testserver"]

_database: dict[str, Any] = {**dj_database_url.parse(os.environ.get("BENCH_DATABASE_URL", "sqlite://:memory:"))}
if _database["ENGINE"].endswith("sqlite3"):
    _database["OPTIONS"] = {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": "PRAGMA journal_mode=WAL"}
DATABASES = {"default": _database}
if "BENCH_OTHER_DATABASE_URL" in os.environ:
    DATABASES["other"] = {**dj_database_url.parse(os.environ["BENCH_OTHER_DATABASE_URL"])}
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django_hellotext",
    "tests.testshop",
]
# The test shop has no migrations; what it refers to must then have none either.
MIGRATION_MODULES = dict.fromkeys(("auth", "contenttypes", "testshop"))
ROOT_URLCONF = "benchmarks.views"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

HELLOTEXT: dict[str, Any] = {
    "BUSINESS_ID": "bench",
    "API_TOKEN": "bench-token",
    "ENVIRONMENT": "benchmark",
    "SOURCE": "bench",
    "CURRENCY": "EUR",
    "BASE_URL": os.environ.get("BENCH_BASE_URL", "http://127.0.0.1:9"),
    **json.loads(os.environ.get("BENCH_HELLOTEXT", "{}")),
}
CELERY_BROKER_URL = os.environ.get("BENCH_BROKER_URL", "")
