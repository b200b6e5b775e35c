"""Settings of the second shop: two databases with the same tables, Spanish, a user model of its own."""

from __future__ import annotations

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES as _FIRST

DATABASES = {
    alias: {**_FIRST["default"], "TEST": {**_FIRST["default"].get("TEST", {}), "NAME": f"test_tienda_{alias}"}}
    for alias in ("default", "norte")
}
for _alias, _database in DATABASES.items():
    if _database["ENGINE"].endswith("sqlite3"):
        _database["TEST"] = {"NAME": f"file:tienda_{_alias}?mode=memory&cache=shared"}
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django_hellotext",
    "tests.othershop",
]
AUTH_USER_MODEL = "tienda.Cliente"
LANGUAGE_CODE = "es"
TIME_ZONE = "Asia/Tokyo"
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_hellotext.middleware.HellotextMiddleware",
]
ROOT_URLCONF = "tests.othershop.urls"
MIGRATION_MODULES = dict.fromkeys(("auth", "contenttypes", "sessions", "tienda"))
