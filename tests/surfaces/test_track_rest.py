"""``@track`` on views and viewset actions of Django REST framework."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.test import RequestFactory

from django_hellotext.decorators import track
from django_hellotext.emulator import Emulator
from django_hellotext.models import Event
from tests.factories import make_customer, make_product, make_staff
from tests.needs import needed_module
from tests.testshop.models import Product

needed_module("rest_framework")

from rest_framework.authentication import BaseAuthentication
from rest_framework.decorators import action, api_view, renderer_classes
from rest_framework.exceptions import NotFound
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

pytestmark = pytest.mark.django_db


class Token(BaseAuthentication):
    """An API's token: the name of a user."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        name = request.META.get("HTTP_X_TOKEN")
        return (User.objects.get(username=name), None) if name else None


@track("product.viewed", object=lambda pk: Product.objects.get(pk=pk))
class OnTheClass(APIView):
    """Decorated on the class."""

    renderer_classes = (JSONRenderer,)
    authentication_classes = (Token,)

    def get(self, request: Request, pk: int) -> Response:
        """Answer, or say that there is nothing."""
        if "missing" in request.query_params:
            raise NotFound
        return Response({"pk": pk})


class OnTheMethod(APIView):
    """Decorated on the method."""

    renderer_classes = (JSONRenderer,)
    authentication_classes = (Token,)

    @track(
        "product.viewed", object=lambda pk: Product.objects.get(pk=pk), metadata=lambda request: request.query_params
    )
    def get(self, request: Request, pk: int) -> Response:
        """Answer."""
        return Response({"pk": pk})


class Products(ViewSet):
    """Decorated actions; one above and one beneath the framework's own decorator."""

    renderer_classes = (JSONRenderer,)
    authentication_classes = (Token,)

    @track("product.viewed", object=lambda view, pk: Product.objects.get(pk=pk))
    def retrieve(self, request: Request, pk: int) -> Response:
        """Answer."""
        return Response({"pk": pk})

    @action(detail=True)
    @track("product.viewed", object=lambda pk: Product.objects.get(pk=pk))
    def beneath(self, request: Request, pk: int) -> Response:
        """Answer."""
        return Response({"pk": pk})

    @track("product.viewed", object=lambda pk: Product.objects.get(pk=pk))
    @action(detail=True)
    def above(self, request: Request, pk: int) -> Response:
        """Answer."""
        return Response({"pk": pk})


@api_view(["GET"])
@renderer_classes([JSONRenderer])
@track("product.viewed", object=lambda request, pk: Product.objects.get(pk=pk))
def function(request: Request, pk: int) -> Response:
    """A function beneath the framework's decorator."""
    return Response({"pk": pk})


@track("product.viewed", object=lambda pk: Product.objects.get(pk=pk))
@api_view(["GET"])
@renderer_classes([JSONRenderer])
def function_above(request: Request, pk: int) -> Response:
    """A function above the framework's decorator."""
    return Response({"pk": pk})


VIEWS: dict[str, Any] = {
    "class": OnTheClass.as_view(),
    "method": OnTheMethod.as_view(),
    "retrieve": Products.as_view({"get": "retrieve"}),
    "beneath": Products.as_view({"get": "beneath"}),
    "above": Products.as_view({"get": "above"}),
    "function": function,
    "function_above": function_above,
}
names = pytest.mark.parametrize("name", VIEWS)


def asked(name: str, query: str = "", **headers: str) -> Any:
    """The rendered answer of a view to somebody whose browser has run Hellotext.js before."""
    request: HttpRequest = RequestFactory().get(f"/{query}", headers=headers)
    request.COOKIES["hello_session"] = "visitor-1"
    response = VIEWS[name](request, pk=Product.objects.get().pk)
    return response.render()


@names
def test_a_view_of_the_framework_records_one_event(hellotext: Emulator, name: str) -> None:
    product = make_product()
    assert asked(name).content == f'{{"pk":{product.pk}}}'.encode()
    event = Event.objects.get()
    assert (event.object_pk, event.session, event.profile_pk) == (str(product.pk), "visitor-1", "")


@pytest.mark.parametrize("name", ["class", "method", "retrieve", "beneath", "above"])
def test_a_token_names_the_customer_without_a_cookie(hellotext: Emulator, name: str) -> None:
    make_product()
    customer = make_customer()
    asked(name, **{"X-Token": customer.username})
    assert Event.objects.get().profile_pk == str(customer.pk)


@pytest.mark.parametrize("name", ["class", "method", "retrieve"])
def test_the_token_of_staff_leaves_nothing(hellotext: Emulator, name: str) -> None:
    """G5"""
    make_product()
    asked(name, **{"X-Token": make_staff().username})
    assert not Event.objects.exists()


def test_an_exception_of_the_framework_is_an_error_like_any_other(hellotext: Emulator) -> None:
    """G8"""
    make_product()
    assert asked("class", "?missing=1").status_code == 404
    assert not Event.objects.exists()


def test_an_answer_that_nobody_renders_is_not_recorded(hellotext: Emulator) -> None:
    product = make_product()
    request = RequestFactory().get("/")
    request.COOKIES["hello_session"] = "visitor-1"
    VIEWS["retrieve"](request, pk=product.pk)
    assert not Event.objects.exists()


def test_the_framework_finds_its_extra_actions() -> None:
    assert {extra.__name__ for extra in Products.get_extra_actions()} == {"beneath", "above"}
