"""What Hellotext learns of this shop: its catalogue, coupons, carts, orders and refunds, apps and surveys.

What it learns of customers is in ``readers.py``; without that, they would be mirrored with name and e-mail alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.templatetags.static import static

from bookshop.models import App, Book, Cart, Coupon, Edition, Order, Refund, Survey
from django_hellotext import adapters

if TYPE_CHECKING:
    from django.db.models import QuerySet


@adapters.register(Book)
class BookAdapter(adapters.ProductAdapter):
    """A book is a product, known by its SKU."""

    reference = "sku"
    name = "title"
    categories = "categories"
    metadata = {"author": "author", "first_published": "year"}
    watches = ("cover", "photo", "subject", "is_published")
    depends_on = {"bookshop.Category": "books"}

    def get_image_url(self, book: Book) -> str:
        """Return where the picture is; the address of the site is in the settings."""
        return book.photo or static(book.cover)

    def should_sync(self, book: Book) -> bool:
        """Say whether the book is in the shop; one that is not can still be sold at the counter."""
        return book.is_published


@adapters.register(Edition)
class EditionAdapter(adapters.ProductVariantAdapter):
    """An edition is a variant of its book."""

    reference = "sku"
    product = "book"


@adapters.register(Coupon)
class CouponAdapter(adapters.CouponAdapter):
    """A coupon is known by its code; one that can no longer be used disappears from Hellotext."""

    reference = "code"
    on_unsyncable = "delete"

    def should_sync(self, coupon: Coupon) -> bool:
        """Say whether customers may be told of it."""
        return coupon.is_active


@adapters.register(Cart)
class CartAdapter(adapters.CartAdapter):
    """A cart belongs to a customer, or for the time being to the visitor's session."""

    reference = "token"
    profile = "customer"
    items = adapters.Items("lines", product="article", price="unit_price")

    def queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Bring along what the lines find their article by."""
        return super().queryset(queryset).prefetch_related("lines__book", "lines__edition")


@adapters.register(Order)
class OrderAdapter(adapters.OrderAdapter):
    """An order belongs to a customer or a guest; each status that it reaches is an event.

    Its sum at Hellotext is its ``total``, however its lines look; ``messy.py`` has examples.
    """

    reference = "number"
    profile = "customer"
    guest = adapters.Guest(email="email", phone="phone", first_name="first_name", last_name="last_name")
    items = adapters.Items(
        "lines",
        product="article",
        sku="sku",  # these two name a book that is deleted
        title="title",
        total="total",
        extra=[("shipping", "Shipping")],
    )
    currency = "currency"
    total = "total"
    delivery = "delivery"
    cart = "cart"
    events = adapters.OnChange(
        "status",
        {
            "placed": "order.placed",
            "paid": "order.confirmed",
            "shipped": "order.shipped",
            "delivered": "order.delivered",
            "cancelled": "order.cancelled",
        },
        at=Order.REACHED_AT,
    )

    def queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Bring along what the lines find their article by."""
        return super().queryset(queryset).prefetch_related("lines__book", "lines__edition")


@adapters.register(Refund)
class RefundAdapter(adapters.RefundAdapter):
    """A refund goes to the buyer of its order."""

    reference = "number"
    order = "order"
    total = "amount"
    currency = "order.currency"
    metadata = {"reason": "reason"}
    events = adapters.OnChange("status", {"requested": "refund.requested", "paid": "refund.received"})


@adapters.register(App)
class AppAdapter(adapters.AppAdapter):
    """An app is known by its name. Who installs it is told by ``views/account.py``."""


@adapters.register(Survey)
class SurveyAdapter(adapters.FormAdapter):
    """A survey is a form. Who completes it is told by ``views/account.py``; the answer stays in the shop."""

    metadata = {"question": "question"}
