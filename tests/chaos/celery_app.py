"""The shop's Celery app: ``celery -A tests.chaos.celery_app worker``."""

from __future__ import annotations

from celery import Celery

app = Celery("chaos")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
