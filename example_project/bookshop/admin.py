"""Behind the counter: the catalogue, the carts, and the orders that staff take on their way.

``HellotextAdminMixin`` shows beside each object what Hellotext knows of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.utils.html import format_html
from django.utils.safestring import SafeString

from bookshop.models import (
    Answer,
    App,
    Book,
    Cart,
    CartLine,
    Category,
    Coupon,
    Edition,
    Order,
    OrderLine,
    Refund,
    Survey,
)
from django_hellotext.admin import HellotextAdminMixin

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest


admin.site.unregister(User)


@admin.register(User)
class CustomerAdmin(HellotextAdminMixin, UserAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """The customers, and the staff."""


class EditionInline(admin.TabularInline):  # type: ignore[type-arg]  # not subscriptable at run time
    """The other forms of a book."""

    model = Edition
    extra = 0


@admin.register(Category)
class CategoryAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """What books are about."""

    search_fields = ["name"]


@admin.register(Coupon)
class CouponAdmin(HellotextAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """The codes that take something off."""

    list_display = ["code", "percent", "description", "is_active"]
    list_filter = ["is_active"]


@admin.register(App)
class AppAdmin(HellotextAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """The apps to read in."""

    list_display = ["name", "blurb"]
    raw_id_fields = ["readers"]


class AnswerInline(admin.TabularInline):  # type: ignore[type-arg]  # not subscriptable at run time
    """What customers have said."""

    model = Answer
    extra = 0
    fields = ["customer", "text", "given_at"]
    readonly_fields = ["customer", "text", "given_at"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Answers are given in the shop."""
        return False


@admin.register(Survey)
class SurveyAdmin(HellotextAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """What the shop asks, and the answers."""

    list_display = ["name", "question"]
    inlines = [AnswerInline]


@admin.register(Refund)
class RefundAdmin(HellotextAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """The money that goes back."""

    list_display = ["number", "order", "amount", "status", "requested_at"]
    list_filter = ["status"]
    list_select_related = ["order"]
    raw_id_fields = ["order"]
    readonly_fields = ["number", "requested_at"]


@admin.register(Book)
class BookAdmin(HellotextAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """The catalogue."""

    list_display = ["title", "author", "subject", "price", "is_published"]
    list_filter = ["subject", "is_published"]
    search_fields = ["title", "author", "sku"]
    prepopulated_fields = {"slug": ["title"]}
    filter_horizontal = ["categories"]
    inlines = [EditionInline]


class CartLineInline(admin.TabularInline):  # type: ignore[type-arg]  # not subscriptable at run time
    """The books of a cart."""

    model = CartLine
    extra = 0
    autocomplete_fields = ["book"]
    raw_id_fields = ["edition"]


@admin.register(Cart)
class CartAdmin(HellotextAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """The carts, open ones and those that have become orders."""

    list_display = ["token", "customer", "quantity", "updated_at", "ordered_at"]
    list_filter = ["ordered_at"]
    list_select_related = ["customer"]
    readonly_fields = ["token", "created_at", "updated_at", "ordered_at"]
    raw_id_fields = ["customer"]
    inlines = [CartLineInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Cart]:
        """Bring the lines along, for the number of books."""
        return super().get_queryset(request).prefetch_related("lines")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Carts are filled in the shop."""
        return False


class OrderForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """An order whose status can only go where it may go next."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "status" not in self.fields:
            return
        reachable = (self.instance.status, *self.instance.next_statuses())
        self.fields["status"].choices = [  # type: ignore[attr-defined]  # set for this alone
            (status.value, status.label) for status in Order.Status if status in reachable
        ]


class OrderLineInline(admin.TabularInline):  # type: ignore[type-arg]  # not subscriptable at run time
    """The lines of an order, as they were sold."""

    model = OrderLine
    extra = 0
    fields = ["book", "edition", "title", "pieces", "unit_price", "line_total"]
    readonly_fields = ["book", "edition", "title", "pieces", "unit_price", "line_total"]
    can_delete = False

    @admin.display(description="total")
    def line_total(self, line: OrderLine) -> str:
        """Return what was charged for the line."""
        return f"{line.total} {line.order.currency}"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was sold is sold."""
        return False


@admin.register(Order)
class OrderAdmin(HellotextAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """The orders. Changing the status also writes down when it was reached."""

    form = OrderForm
    list_display = ["number", "badge", "name", "total_with_currency", "placed_at"]
    list_filter = ["status", "delivery", "placed_at"]
    search_fields = ["number", "email", "last_name"]
    date_hierarchy = "placed_at"
    raw_id_fields = ["customer"]
    inlines = [OrderLineInline]
    readonly_fields = [
        "number",
        "total_with_currency",
        "shipping",
        "payment_reference",
        "placed_at",
        "paid_at",
        "shipped_at",
        "delivered_at",
        "cancelled_at",
        "order_page",
    ]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "number",
                    "status",
                    "total_with_currency",
                    "shipping",
                    "currency",
                    "payment_reference",
                    "order_page",
                ]
            },
        ),
        ("Buyer", {"fields": [("first_name", "last_name"), ("email", "phone"), "customer"]}),
        ("Delivery", {"fields": ["delivery", "street", ("postcode", "city"), "country"]}),
        ("Way", {"fields": ["placed_at", "paid_at", "shipped_at", "delivered_at", "cancelled_at"]}),
    ]

    class Media:
        css = {"all": ["bookshop/counter.css"]}

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Orders are placed in the shop."""
        return False

    def save_model(self, request: HttpRequest, obj: Order, form: Any, change: bool) -> None:
        """Save the order; a new status is reached now."""
        if "status" in form.changed_data:
            status, obj.status = obj.status, form.initial["status"]
            obj.move_to(status)
        super().save_model(request, obj, form, change)

    @admin.display(description="status", ordering="status")
    def badge(self, order: Order) -> SafeString:
        """Return the status; ``counter.css`` has its colour."""
        return format_html('<strong class="order-{}">{}</strong>', order.status, order.get_status_display())

    @admin.display(description="total")
    def total_with_currency(self, order: Order) -> str:
        """Return what the buyer pays."""
        return f"{order.total} {order.currency}"

    @admin.display(description="page in the shop")
    def order_page(self, order: Order) -> SafeString:
        """Return a link to the page that the buyer sees."""
        return format_html('<a href="{0}">{0}</a>', order.get_absolute_url())
