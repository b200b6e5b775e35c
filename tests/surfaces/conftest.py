"""The host's pages, and how its parts are watched; who works in its admin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

import django_hellotext
from django_hellotext.emulator import Emulator


@pytest.fixture(autouse=True)
def pages(settings: Any) -> None:
    """The URLs of ``views``."""
    settings.ROOT_URLCONF = "tests.surfaces.urls"


@pytest.fixture
def own_cache(settings: Any, tmp_path: Path) -> None:
    """A cache that no other test has filled."""
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": str(tmp_path)}
    }


@pytest.fixture(params=["db", "cache", "cached_db", "file", "signed_cookies"])
def session_store(request: pytest.FixtureRequest, settings: Any, own_cache: None, tmp_path: Path) -> str:
    """Each of Django's session back ends in turn."""
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{request.param}"
    settings.SESSION_FILE_PATH = str(tmp_path)
    return str(request.param)


@pytest.fixture
def operator(client: Client) -> Client:
    """A superuser at work."""
    with django_hellotext.paused():
        client.force_login(User.objects.create_superuser("operator", password="secret"))
    return client


@pytest.fixture
def clerk(hellotext: Emulator) -> Callable[..., Client]:
    """A member of staff with some rights."""

    def enter(*permissions: str) -> Client:
        with django_hellotext.paused():
            user = User.objects.create_user(f"clerk{User.objects.count()}", is_staff=True)
        ours = Permission.objects.filter(content_type__app_label="django_hellotext", codename__in=permissions)
        user.user_permissions.add(*ours)
        client = Client()
        client.force_login(user)
        return client

    return enter
