from __future__ import annotations

import os

from django_hellotext.beat import beat_schedule
from tests.processes.settings import *  # noqa: F403 - the same shop, with Celery

CELERY_BROKER_URL = os.environ["SHOP_BROKER"]
CELERY_TASK_DEFAULT_QUEUE = os.environ["SHOP_QUEUE"]
CELERY_BEAT_SCHEDULE = beat_schedule(drain_every=1.0)
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
