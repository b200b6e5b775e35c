"""A shop's pages as far as it matters who somebody is: a checkout, a payment webhook, a counter, acting as others."""

from __future__ import annotations

import uuid
from decimal import Decimal

from django.contrib import admin
from django.contrib.auth import alogin, alogout, login
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, include, path
from django.views.decorators.csrf import csrf_exempt

from tests.surfaces import views
from tests.testshop.models import Order, OrderLine, Product

counter = admin.AdminSite(name="counter")


@admin.register(Order, site=counter)
class OrderAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """Staff move orders on."""

    fields = ("status",)


@csrf_exempt
def buy(request: HttpRequest) -> HttpResponse:
    """Place an order, for a customer, for a guest with an e-mail, or for nobody at all."""
    customer, email = request.POST.get("customer"), request.POST.get("email", "")
    product = Product.objects.create(name="Anvil", price=Decimal(10))
    number = uuid.uuid4().hex[:12]
    order = Order.objects.create(
        number=number, customer_id=customer or None, email=email, status="placed", total=Decimal(10)
    )
    OrderLine.objects.create(order=order, product=product, unit_price=Decimal(10))
    return HttpResponse(number)


@csrf_exempt
def paid(request: HttpRequest) -> HttpResponse:
    """Take the payment provider's word."""
    order = Order.objects.get(number=request.POST["number"])
    order.status = "paid"
    order.save()
    return HttpResponse()


def look(request: HttpRequest) -> HttpResponse:
    """Show a page, and say whose session it sees."""
    visit = request.hellotext  # type: ignore[attr-defined]  # the middleware's
    user = str(request.user)
    visit.track("page.viewed")
    return HttpResponse(f"{user} {visit.session}")


@csrf_exempt
def register(request: HttpRequest) -> HttpResponse:
    """Make an account, and log in."""
    user = User.objects.create_user(request.POST["username"], f"{request.POST['username']}@example.com")
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return HttpResponse()


@csrf_exempt
def act_as(request: HttpRequest) -> HttpResponse:
    """Let staff act as a customer, as a shop writes it that knows no package for it."""
    if request.user.is_authenticated and request.user.is_staff:
        user = User.objects.get(username=request.POST["username"])
        login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return HttpResponse()


async def enter_async(request: HttpRequest) -> HttpResponse:
    """Log in."""
    user = await User.objects.aget(username=request.GET["username"])
    await alogin(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return HttpResponse()


async def leave_async(request: HttpRequest) -> HttpResponse:
    """Log out."""
    await alogout(request)
    return HttpResponse()


urlpatterns: list[URLPattern | URLResolver] = [
    path("counter/", counter.urls),
    path("hijack/", include("hijack.urls")),
    path("loginas/", include("loginas.urls")),
    path("buy/", buy),
    path("paid/", paid),
    path("look/", look),
    path("register/", register),
    path("act-as/", act_as),
    path("leave/", csrf_exempt(views.leave)),
    path("enter-async/", enter_async),
    path("leave-async/", leave_async),
    path("plain/", views.plain),
    path("public/", views.public),
    path("random/", views.random),
    path("user/", views.with_user),
    path("enter/", csrf_exempt(views.enter)),
]
