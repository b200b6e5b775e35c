"""Views of every kind, tracked."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.contrib.auth import login
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.generic import DetailView

from django_hellotext.decorators import track
from tests.testshop.models import Product


def the_product(request: HttpRequest, pk: int) -> Product:
    """Find the product in the database."""
    return Product.objects.get(pk=pk)


@track("product.viewed", object=lambda view: view.object)
class OnTheClass(DetailView):  # type: ignore[type-arg]  # Django itself has no such brackets
    """Decorated on the class; the view knows its object already."""

    model = Product

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> TemplateResponse:
        """Answer with what is rendered later."""
        return TemplateResponse(self.request, engines["django"].from_string("<p>{{ object.name }}</p>"), context)


class OnAMethod(View):
    """Decorated on the method."""

    @track("product.viewed", object=lambda pk: Product.objects.get(pk=pk))
    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Answer."""
        return HttpResponse("fine")

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Answer, untracked."""
        return HttpResponse("fine")


class ThroughMethodDecorator(View):
    """Decorated as Django's documentation shows."""

    @method_decorator(track("product.viewed", object=the_product, metadata=lambda view: {"of": type(view).__name__}))
    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Answer."""
        return HttpResponse("fine")


@method_decorator(track("product.viewed", object=the_product), name="dispatch")
class ThroughMethodDecoratorOnTheClass(View):
    """The same on the class."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Answer."""
        return HttpResponse("fine")


@track("product.viewed", object=the_product)
async def asynchronous(request: HttpRequest, pk: int) -> HttpResponse:
    """A coroutine."""
    return HttpResponse("fine", status=int(request.GET.get("status", 200)))


@track("product.viewed", object=the_product)
async def asynchronous_for_its_user(request: HttpRequest, pk: int) -> HttpResponse:
    """A coroutine that asks who is there."""
    return HttpResponse((await request.auser()).username)


@track("product.viewed", object=the_product)
async def asynchronous_template(request: HttpRequest, pk: int) -> TemplateResponse:
    """A coroutine whose answer is rendered later."""
    return TemplateResponse(request, engines["django"].from_string("fine"))


@track("product.viewed", object=the_product)
class AsynchronousClass(View):
    """A class of coroutines."""

    async def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Answer."""
        return HttpResponse("fine")


class AsynchronousMethod(View):
    """A coroutine through method_decorator."""

    @method_decorator(track("product.viewed", object=the_product))
    async def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Answer."""
        return HttpResponse("fine")


@track("product.viewed", object=the_product, when="redirect")
def form(request: HttpRequest, pk: int) -> HttpResponse:
    """A form: a redirect once it was right, the form again otherwise."""
    return HttpResponseRedirect("/") if "right" in request.POST else HttpResponse("again")


@track("product.viewed", object=the_product, when=lambda request, response: response.get("X-Seen") == "yes")
def by_choice(request: HttpRequest, pk: int) -> HttpResponse:
    """The shop says itself what counts."""
    return HttpResponse("fine", status=int(request.GET.get("status", 200)), headers={"X-Seen": request.GET.get("seen")})


@track("product.viewed", object=the_product, metadata=lambda response: {"size": len(response.content)})
def sized(request: HttpRequest, pk: int) -> HttpResponse:
    """What the view answered is known to the callables."""
    return HttpResponse("1234")


@track("product.viewed", object=the_product)
def enter(request: HttpRequest, pk: int) -> HttpResponse:
    """Somebody logs in."""
    login(request, User.objects.get())
    return HttpResponse("fine")


@track("product.viewed", object=the_product)
def streaming(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """Piece by piece, and the second piece is missing."""

    def pieces() -> Iterator[bytes]:
        yield b"fi"
        raise LookupError("the stream's own mistake")

    return StreamingHttpResponse(pieces())


@track("product.viewed", object=the_product, amount=Decimal(1), currency="EUR")
def by_place(request: HttpRequest, pk: int) -> HttpResponse:
    """Called with arguments by place, as from an URL without names."""
    return HttpResponse("fine")


urlpatterns = [
    path("class/<int:pk>/", OnTheClass.as_view()),
    path("method/<int:pk>/", OnAMethod.as_view()),
    path("through/<int:pk>/", ThroughMethodDecorator.as_view()),
    path("through-class/<int:pk>/", ThroughMethodDecoratorOnTheClass.as_view()),
    path("async/<int:pk>/", asynchronous),
    path("async-user/<int:pk>/", asynchronous_for_its_user),
    path("async-template/<int:pk>/", asynchronous_template),
    path("async-class/<int:pk>/", AsynchronousClass.as_view()),
    path("async-method/<int:pk>/", AsynchronousMethod.as_view()),
    path("form/<int:pk>/", form),
    path("by-choice/<int:pk>/", by_choice),
    path("sized/<int:pk>/", sized),
    path("enter/<int:pk>/", enter),
    path("streaming/<int:pk>/", streaming),
]
