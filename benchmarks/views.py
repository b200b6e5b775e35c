"""Views that do nothing, bare and tracked."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern

from django_hellotext.decorators import track
from tests.testshop.models import Product

PRODUCT = Product(pk=1, name="Tea", sku="T-1")


def empty(request: HttpRequest) -> HttpResponse:
    """Answer."""
    return HttpResponse("ok")


def missing(request: HttpRequest) -> HttpResponse:
    """Answer that there is nothing."""
    return HttpResponse("no", status=404)


def the_product(request: HttpRequest) -> Product:
    """Find the product in the database, as a shop does; nothing that is not recorded should come this far."""
    return Product.objects.get(pk=PRODUCT.pk)


tracked_page = track("page.viewed")(empty)
tracked_product = track("product.viewed", object=the_product)(empty)
tracked_missing = track("product.viewed", object=the_product)(missing)

urlpatterns: list[URLPattern] = []  # each request brings a site of its own; Django's checks read this one
