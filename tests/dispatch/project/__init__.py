"""A shop with Celery, in processes of its own, as Celery's guide for Django lays it out."""

from __future__ import annotations

from .celery import app as celery_app

__all__ = ["celery_app"]
