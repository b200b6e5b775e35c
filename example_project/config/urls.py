"""The addresses of the whole project: the shop and its admin."""

from __future__ import annotations

from importlib.util import find_spec

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

admin.site.site_header = "Lantern & Leaf"
admin.site.site_title = "Lantern & Leaf"
admin.site.index_title = "Behind the counter"

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("", include("bookshop.urls")),
]

# For monitoring, and for pages that hand over their session: /hellotext/status/, /hellotext/session/ and more.
# They need Django REST framework, which the shop itself does not.
if find_spec("rest_framework"):
    urlpatterns.append(path("hellotext/", include("django_hellotext.rest.urls")))
