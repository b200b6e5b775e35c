"""The addresses of the shop."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path

from bookshop.views import account, cart, catalogue, checkout, cookies, payment

urlpatterns = [
    path("", catalogue.home, name="home"),
    path("books/<slug:slug>/", catalogue.book, name="book"),
    path("cart/", cart.show, name="cart"),
    path("cart/add/<slug:slug>/", cart.add, name="cart_add"),
    path("cart/set/<slug:slug>/", cart.change, name="cart_set"),
    path("cart/remove/<slug:slug>/", cart.remove, name="cart_remove"),
    path("checkout/", checkout.checkout, name="checkout"),
    path("orders/<str:token>/", checkout.order, name="order"),
    path("orders/<str:token>/pay/", payment.pay, name="pay"),
    path("payments/webhook/", payment.webhook, name="payment_webhook"),
    path("cookies/", cookies.answer, name="cookies"),
    path("account/", account.account, name="account"),
    path("account/apps/<int:pk>/", account.install, name="install"),
    path("account/surveys/<int:pk>/", account.complete, name="complete"),
    path("account/register/", account.register, name="register"),
    path("account/login/", account.Login.as_view(), name="login"),
    path("account/logout/", LogoutView.as_view(), name="logout"),
]
