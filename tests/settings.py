"""Settings of the package's own tests: SQLite, nothing that needs a service.

``TEST_DATABASE_URL`` runs the same tests on PostgreSQL or MariaDB. ``TEST_USE_TZ=0`` and ``TEST_TIME_ZONE`` run them
without Django's time zone support and in another zone.
"""

from __future__ import annotations

import os
from typing import Any

import dj_database_url

SECRET_KEY = "tests-only"
USE_TZ = os.environ.get("TEST_USE_TZ", "1") != "0"
TIME_ZONE = os.environ.get("TEST_TIME_ZONE", "UTC")
DEFAULT_AUTO_FIELD = os.environ.get("DEFAULT_AUTO_FIELD", "django.db.models.BigAutoField")
DATABASES: dict[str, Any] = {
    "default": dj_database_url.parse(os.environ.get("TEST_DATABASE_URL", "sqlite://:memory:")),
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {"transaction_mode": "IMMEDIATE"}
if DATABASES["default"]["ENGINE"].endswith("mysql"):
    DATABASES["default"].setdefault("OPTIONS", {})["charset"] = "utf8mb4"
    DATABASES["default"]["TEST"] = {"CHARSET": "utf8mb4"}
# The test shop keeps quantities as decimals, so that tests can say what becomes of a part of a piece.
SILENCED_SYSTEM_CHECKS = ["hellotext.W111"]
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_hellotext",
    "tests.testshop",
    "bookshop",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_hellotext.middleware.HellotextMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
ROOT_URLCONF = "tests.urls"
STATIC_URL = "/static/"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# The test shop has no migrations; what it refers to must then have none either.
MIGRATION_MODULES = dict.fromkeys(("admin", "auth", "contenttypes", "sessions", "bookshop", "testshop"))
