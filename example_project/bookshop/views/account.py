"""Registration, login, and the customer's own page."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from bookshop import carts
from bookshop.forms import AnswerForm, LoginForm, RegistrationForm
from bookshop.models import App, Order, Survey
from django_hellotext import track

if TYPE_CHECKING:
    from django.contrib.auth.models import User


@login_required
def account(request: HttpRequest) -> HttpResponse:
    """Show the customer's orders, the apps to read in, and what the shop would like to know."""
    orders = Order.objects.filter(customer_id=request.user.pk).prefetch_related("lines__book")
    offered = {"apps": App.objects.exclude(readers=request.user.pk), "surveys": Survey.objects.all()}
    return render(request, "bookshop/account.html", {"orders": orders, **offered})


@login_required
@require_POST
def install(request: HttpRequest, pk: int) -> HttpResponse:
    """Give the customer an app; each one once."""
    app, customer = get_object_or_404(App, pk=pk), cast("User", request.user)
    app.readers.add(customer.pk)
    track("app.installed", app, profile=customer, request=request, key=str(customer.pk))
    messages.success(request, f"{app} is yours. Your books wait in it.")
    return redirect("account")


@login_required
@require_POST
def complete(request: HttpRequest, pk: int) -> HttpResponse:
    """Take the customer's answer to a survey."""
    survey, customer = get_object_or_404(Survey, pk=pk), cast("User", request.user)
    form = AnswerForm(request.POST)
    if not form.is_valid():
        messages.info(request, "Please write something, in 200 characters or fewer.")
        return redirect("account")
    form.instance.survey, form.instance.customer_id = survey, customer.pk
    answer = form.save()
    track("form.completed", survey, profile=customer, request=request, key=str(answer.pk))
    messages.success(request, "Thank you, we shall think about it.")
    return redirect("account")


def register(request: HttpRequest) -> HttpResponse:
    """Make an account, log the customer in, and let the cart come along."""
    form = RegistrationForm(request.POST or None)
    if not form.is_valid():
        return render(request, "bookshop/register.html", {"form": form})
    user = form.save()
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    carts.claim(request)
    if form.cleaned_data["book_club"]:
        track("book_club.joined", profile=user, request=request)
    messages.success(request, f"Welcome, {user.first_name}.")
    cart = carts.open_cart(request)
    return redirect("checkout" if cart and cart.quantity else "account")


class Login(LoginView):
    """Log a customer in, and let the cart come along."""

    template_name = "bookshop/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Log in, then claim the cart."""
        response = super().form_valid(form)
        carts.claim(self.request)
        return response
