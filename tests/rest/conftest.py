"""A project with the endpoints, people who call them, and rows to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from django.test import Client

import django_hellotext
from django_hellotext import clock
from django_hellotext.emulator import Emulator
from django_hellotext.models import Event, RemoteObject
from django_hellotext.models.identity import fingerprint

STATUS_TOKEN = "status-token-of-the-monitor"

Staff = Callable[..., Client]


@pytest.fixture(autouse=True)
def project(hellotext: Emulator, settings: Any, tmp_path: Path) -> Iterator[None]:
    """The endpoints, a token for the monitor, and a cache of its own."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.csrf.CsrfViewMiddleware"]
    settings.ROOT_URLCONF = "tests.rest.urls"
    settings.HELLOTEXT = {**settings.HELLOTEXT, "STATUS_TOKEN": STATUS_TOKEN}
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": str(tmp_path)}
    }
    yield
    cache.clear()


@pytest.fixture
def staff(db: None) -> Staff:
    """Makes a member of staff with permissions, logged in."""

    def make(*permissions: str, **values: Any) -> Client:
        user = User(**{"username": f"clerk{User.objects.count()}", "is_staff": True, **values})
        with django_hellotext.paused():
            user.save()
            client = Client()
            client.force_login(user)
        ours = Permission.objects.filter(content_type__app_label="django_hellotext")
        chosen = list(ours.filter(codename__in=permissions))
        assert len(chosen) == len(permissions)
        user.user_permissions.add(*chosen)
        return client

    return make


def make_event(number: int, **values: Any) -> Event:
    """An event, filled in every column that is shown."""
    return Event.objects.create(
        **{
            "uuid": f"00000000-0000-4000-8000-{number:012}",
            "account": "test-business/test",
            "action": "product.viewed",
            "source": "testshop",
            "ordering_key": f"session-{number}",
            "session": f"session-{number}",
            "profile_label": "auth.user",
            "profile_pk": str(number),
            "object_kind": "product",
            "object_label": "testshop.product",
            "object_pk": str(number),
            "metadata": {"note": "Wile E. Coyote"},
            "url": "https://shop.example/?email=wile@acme.example",
            "tracked_at": clock.now(),
            **values,
        }
    )


def make_object(number: int, **values: Any) -> RemoteObject:
    """A mirrored object."""
    made: RemoteObject = RemoteObject.objects.create(
        **{
            "account": "test-business/test",
            "identity": fingerprint("object", str(number)),
            "kind": "product",
            "host_label": "testshop.product",
            "host_pk": str(number),
            "source": "testshop",
            "reference": f"R-{number}",
            "remote_id": f"remote{number}",
            "session": f"session-{number}",
            **values,
        }
    )
    return made
