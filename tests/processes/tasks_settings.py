"""The same shop with workers of Django's own tasks, whose queue is a table (Django 6 and later)."""

from __future__ import annotations

from tests.processes.settings import *  # noqa: F403 - the same shop
from tests.processes.settings import HELLOTEXT, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "django_tasks_db"]
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
HELLOTEXT = {**HELLOTEXT, "DISPATCH": "tasks"}
