"""A host's pages, as far as the surfaces meet them."""

from __future__ import annotations

import secrets
from decimal import Decimal
from typing import Any

from django.contrib.auth import authenticate, login, logout
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.views.decorators.cache import cache_page

from django_hellotext.decorators import track
from tests.testshop.models import Order, Product


def plain(request: HttpRequest) -> HttpResponse:
    """A page that reads neither session nor user."""
    return HttpResponse("<p>plain</p>")


async def plain_async(request: HttpRequest) -> HttpResponse:
    """The same, asynchronous."""
    return HttpResponse("<p>plain</p>")


def public(request: HttpRequest) -> HttpResponse:
    """A page that the host declares cacheable for everybody."""
    return HttpResponse("<p>public</p>", headers={"Cache-Control": "public, max-age=600"})


def random(request: HttpRequest) -> HttpResponse:
    """A page that is another each time it is made."""
    return HttpResponse(f"<p>{secrets.token_hex(8)}</p>")


cached = cache_page(600)(random)


def streaming(request: HttpRequest) -> StreamingHttpResponse:
    """A page that is sent piece by piece."""
    return StreamingHttpResponse([b"<p>", b"plain", b"</p>"])


def with_tag(request: HttpRequest) -> HttpResponse:
    """A page with the tag."""
    template = engines["django"].from_string("{% load hellotext %}{% hellotext %}")
    return HttpResponse(template.render({}, request))


def with_user(request: HttpRequest) -> HttpResponse:
    """A page for the visitor alone."""
    return HttpResponse(f"{request.user} {request.session.get('hellotext_session', '')}")


def enter(request: HttpRequest) -> HttpResponse:
    """Log in with the name in the form."""
    user = authenticate(request, username=request.POST["username"], password="secret")
    login(request, user)
    return HttpResponseRedirect("/user/")


def leave(request: HttpRequest) -> HttpResponse:
    """Log out."""
    logout(request)
    return HttpResponse("bye")


def _product(request: HttpRequest, pk: int) -> Product:
    return Product.objects.get(pk=pk)


@track("product.viewed", object=_product)
def product(request: HttpRequest, pk: int) -> HttpResponse:
    """A product's page; answers with the status that the query asks for."""
    return HttpResponse("<p>product</p>", status=int(request.GET.get("status", 200)))


@track(
    "product.viewed",
    object=_product,
    amount=lambda request, pk: Decimal("12.50"),
    currency="USD",
    metadata=lambda request, pk: {"method": request.method},
    key=lambda request, pk: f"view-{pk}",
)
def product_in_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """A product's page with everything that the decorator can say."""
    return HttpResponse("<p>product</p>")


@track("product.viewed", object=_product)
def product_from_template(request: HttpRequest, pk: int) -> TemplateResponse:
    """A page that is rendered after the view has answered, or fails to be."""
    template = "{{ fail }}" if "fail" in request.GET else "<p>product</p>"
    return TemplateResponse(request, engines["django"].from_string(template), {"fail": _fail})


@track("product.viewed", object=_product)
def broken(request: HttpRequest, pk: int) -> HttpResponse:
    """A view with a mistake of its own."""
    raise LookupError("the host's own mistake")


@track("product.viewed", object=lambda request: 1 // 0)
def broken_callable(request: HttpRequest) -> HttpResponse:
    """A view whose decorator has a mistake."""
    return HttpResponse("<p>fine</p>")


@track("prodct.viewed")
def unknown_action(request: HttpRequest) -> HttpResponse:
    """A view whose decorator misspells the action."""
    return HttpResponse("<p>fine</p>")


@track("order.confirmed", object=lambda request, pk: Order.objects.get(pk=pk))
def order(request: HttpRequest, pk: int) -> HttpResponse:
    """An order's page."""
    return HttpResponse("<p>order</p>")


@track("page.viewed")
def page(request: HttpRequest) -> HttpResponse:
    """A page without an object."""
    return HttpResponse("<p>page</p>")


@track("page.viewed")
def file(request: HttpRequest) -> FileResponse:
    """A response of another class."""
    return FileResponse([b"bytes"], content_type="text/plain")


@track("page.viewed")
def no_response(request: HttpRequest) -> Any:
    """A view that forgets to answer."""
    return None


def moved(request: HttpRequest) -> HttpResponseRedirect:
    """Send the visitor of a campaign to its page."""
    return HttpResponseRedirect("/plain/")


def told(request: Any) -> HttpResponse:
    """Say what the request knows of its visitor, and record an event."""
    visit = request.hellotext
    visit.track("page.viewed")
    said = f"{visit.session} {visit.utm.get('source', '')} {request.session.get('hellotext_session', '')}"
    return HttpResponse(said, status=int(request.GET.get("status", 200)))


def begins(request: HttpRequest) -> HttpResponse:
    """Begin a Django session."""
    request.session["basket"] = 7
    return HttpResponse(status=int(request.GET.get("status", 200)))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an unknown address."""
    return HttpResponse(status=404)


def _fail() -> str:
    raise LookupError("the template's own mistake")
