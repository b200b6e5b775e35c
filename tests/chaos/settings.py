"""The shop of a scenario: with a site for fork servers, and a broker where one is named."""

from __future__ import annotations

import os
from typing import Any

from django_hellotext.beat import DRAIN_TASK, beat_schedule
from tests.processes.settings import *  # noqa: F403 - the same shop

# After the shop's adapters were found.
INSTALLED_APPS = [*INSTALLED_APPS, "tests.chaos.release.Release"]  # noqa: F405 - as above
ROOT_URLCONF = "tests.chaos.site"
ALLOWED_HOSTS = ["127.0.0.1", "testserver"]
DATABASES["default"]["ATOMIC_REQUESTS"] = os.environ.get("SHOP_ATOMIC_REQUESTS") == "1"  # noqa: F405 - as above

CELERY_BROKER_URL = os.environ.get("SHOP_BROKER_URL", "memory://")
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = os.environ.get("SHOP_QUEUE", "celery")
CELERY_BEAT_SCHEDULE = beat_schedule(drain_every=1.0)
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {}
CELERY_TASK_ANNOTATIONS: dict[str, Any] = {}
if "SHOP_VISIBILITY_TIMEOUT" in os.environ:
    # Redis then gives a message to a second worker while the first still drains.
    CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"] = float(os.environ["SHOP_VISIBILITY_TIMEOUT"])
    CELERY_TASK_ANNOTATIONS[DRAIN_TASK] = {"acks_late": True}
