"""The mirror by kind: a model for each, with its own manager, admin page and permissions. They have no table."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from .objects import Kind, RemoteObject


class Profile(RemoteObject):
    KIND = Kind.PROFILE

    class Meta:
        proxy = True
        verbose_name = _("profile")
        verbose_name_plural = _("profiles")


class Property(RemoteObject):
    KIND = Kind.PROPERTY

    class Meta:
        proxy = True
        verbose_name = _("property")
        verbose_name_plural = _("properties")


class List(RemoteObject):
    KIND = Kind.LIST

    class Meta:
        proxy = True
        verbose_name = _("list")
        verbose_name_plural = _("lists")


class Product(RemoteObject):
    KIND = Kind.PRODUCT

    class Meta:
        proxy = True
        verbose_name = _("product")
        verbose_name_plural = _("products")


class ProductVariant(RemoteObject):
    KIND = Kind.VARIANT

    class Meta:
        proxy = True
        verbose_name = _("product variant")
        verbose_name_plural = _("product variants")


class Coupon(RemoteObject):
    KIND = Kind.COUPON

    class Meta:
        proxy = True
        verbose_name = _("coupon")
        verbose_name_plural = _("coupons")


class Cart(RemoteObject):
    KIND = Kind.CART

    class Meta:
        proxy = True
        verbose_name = _("cart")
        verbose_name_plural = _("carts")


class Order(RemoteObject):
    KIND = Kind.ORDER

    class Meta:
        proxy = True
        verbose_name = _("order")
        verbose_name_plural = _("orders")


class Refund(RemoteObject):
    KIND = Kind.REFUND

    class Meta:
        proxy = True
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")


class App(RemoteObject):
    KIND = Kind.APP

    class Meta:
        proxy = True
        verbose_name = _("app")
        verbose_name_plural = _("apps")


class Form(RemoteObject):
    KIND = Kind.FORM

    class Meta:
        proxy = True
        verbose_name = _("form")
        verbose_name_plural = _("forms")


class Action(RemoteObject):
    KIND = Kind.ACTION

    class Meta:
        proxy = True
        verbose_name = _("action")
        verbose_name_plural = _("actions")


PROXIES: tuple[type[RemoteObject], ...] = (
    Profile,
    Property,
    List,
    Product,
    ProductVariant,
    Coupon,
    Cart,
    Order,
    Refund,
    App,
    Form,
    Action,
)
