"""The entries for beat, which settings may import (demand D7: they carry nothing)."""

from __future__ import annotations

import subprocess
import sys

from tests.needs import needed_module

needed_module("celery")

from django_hellotext.beat import beat_schedule


def test_it_drains_often_and_prunes_daily() -> None:
    entries = beat_schedule(drain_every=15)
    assert {entry["task"] for entry in entries.values()} == {
        "django_hellotext.abandoned",
        "django_hellotext.drain",
        "django_hellotext.prune",
    }
    drain, prune = entries["hellotext-drain"], entries["hellotext-prune"]
    assert drain["schedule"] == 15
    assert len(prune["schedule"].hour) == len(prune["schedule"].minute) == 1
    assert all("args" not in entry and "kwargs" not in entry for entry in entries.values())


def test_the_queue_is_named_where_the_project_has_one() -> None:
    assert all("queue" not in entry["options"] for entry in beat_schedule().values())
    assert {entry["options"]["queue"] for entry in beat_schedule(queue="mail").values()} == {"mail"}


def test_settings_may_import_it() -> None:
    code = "import sys; from django_hellotext.beat import beat_schedule; print('django.db' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "False"
