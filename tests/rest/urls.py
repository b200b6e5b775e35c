"""A project that includes the endpoints."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.urls import URLPattern, URLResolver, include, path


def handler404(request: HttpRequest, exception: Exception) -> JsonResponse:
    """The bookshop's own page needs the bookshop's addresses."""
    return JsonResponse({"detail": "not found"}, status=404)


urlpatterns: list[URLPattern | URLResolver] = [path("hellotext/", include("django_hellotext.rest.urls"))]
