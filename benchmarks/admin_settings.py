"""The shop to measure, with Django's admin."""

from __future__ import annotations

from .settings import *  # noqa: F403 - all of them, and a few more
from .settings import HELLOTEXT, INSTALLED_APPS

INSTALLED_APPS = [
    *INSTALLED_APPS,
    "django.contrib.admin",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]
MIGRATION_MODULES = dict.fromkeys(("admin", "auth", "contenttypes", "sessions", "testshop"))
ROOT_URLCONF = "tests.urls"
STATIC_URL = "/static/"
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
HELLOTEXT = {**HELLOTEXT, "DATABASES": ["default", "other"]}
