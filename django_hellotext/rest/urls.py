"""``path("hellotext/", include("django_hellotext.rest.urls"))``: the addresses of the endpoints."""

from __future__ import annotations

from importlib.util import find_spec

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from .page import SessionView
from .rows import EventViewSet, ObjectViewSet
from .status import StatusView

if find_spec("drf_spectacular"):
    from . import openapi  # noqa: F401 - registers itself

app_name = "hellotext"

router = SimpleRouter()
router.register("events", EventViewSet, basename="event")
router.register("objects", ObjectViewSet, basename="object")

urlpatterns = [
    path("session/", SessionView.as_view(), name="session"),
    path("status/", StatusView.as_view(), name="status"),
    path("", include(router.urls)),
]
