"""What people write without the package: a Celery task for each event, ``requests.post`` and one UPDATE."""

from __future__ import annotations

import os
from typing import Any

import requests
from celery import Celery
from django.utils import timezone

from .settings import HELLOTEXT

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")

app = Celery("benchmarks")
app.config_from_object("django.conf:settings", namespace="CELERY")
QUEUE = "naive"
URL, TOKEN = HELLOTEXT["BASE_URL"], HELLOTEXT["API_TOKEN"]


@app.task(ignore_result=True)
def send(pk: int, payload: dict[str, Any]) -> None:
    """Send one event and write that it was."""
    from django_hellotext.models import Event

    response = requests.post(
        f"{URL}/v1/attribution/events",
        json=payload,
        headers={"Authorization": f"Bearer {TOKEN}"},
        timeout=10,
    )
    response.raise_for_status()
    Event.objects.filter(pk=pk).update(state="delivered", finished_at=timezone.now())
