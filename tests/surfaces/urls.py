from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, path

from . import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("plain/", views.plain),
    path("plain-async/", views.plain_async),
    path("public/", views.public),
    path("random/", views.random),
    path("cached/", views.cached),
    path("streaming/", views.streaming),
    path("tag/", views.with_tag),
    path("user/", views.with_user),
    path("enter/", views.enter),
    path("leave/", views.leave),
    path("products/<int:pk>/", views.product),
    path("products/<int:pk>/detail/", views.product_in_detail),
    path("products/<int:pk>/template/", views.product_from_template),
    path("products/<int:pk>/broken/", views.broken),
    path("broken-callable/", views.broken_callable),
    path("unknown-action/", views.unknown_action),
    path("orders/<int:pk>/", views.order),
    path("page/", views.page),
    path("file/", views.file),
    path("no-response/", views.no_response),
    path("moved/", views.moved),
    path("told/", views.told),
    path("begins/", views.begins),
]

handler404 = "tests.surfaces.views.not_found"
