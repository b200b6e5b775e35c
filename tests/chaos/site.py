"""The shop's site for fork servers: pages that record a fact and note it in the shop's own tables."""

from __future__ import annotations

import os

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path

import django_hellotext


def record(key: str, number: int) -> None:
    """A fact, and the shop's own note of it."""
    from tests.testshop.models import Category

    name = f"{key}|{number}|page.viewed"
    django_hellotext.track("page.viewed", session=key, url="https://shop.example/", metadata={"fact": name})
    Category.objects.create(name=name)


def look(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """A page that somebody looks at."""
    with transaction.atomic():
        record(key, number)
    return HttpResponse(str(os.getpid()))


def stumble(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """A page that fails after it has recorded; with ATOMIC_REQUESTS nothing of it remains."""
    record(key, number)
    raise RuntimeError("the shop's own mistake")


urlpatterns = [path("look/<slug:key>/<int:number>/", look), path("stumble/<slug:key>/<int:number>/", stumble)]
