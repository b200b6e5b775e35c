"""What the shop knows: books and their editions, readers, coupons, carts, orders and refunds; apps and surveys."""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django_countries.fields import CountryField

CURRENCY = "EUR"  # the one currency of this shop, ISO 4217

# Order numbers are read out on the phone: no letters or digits that are easily taken for each other.
NUMBER_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
NUMBER_LENGTH = 8
TOKEN_BYTES = 24  # of randomness in the address of an order page


def new_order_number() -> str:
    """Return a number that customers can quote, such as ``LL-7KM2Q9XD``."""
    return "LL-" + "".join(secrets.choice(NUMBER_ALPHABET) for _ in range(NUMBER_LENGTH))


def new_refund_number() -> str:
    """Return a number that customers can quote, such as ``RF-7KM2Q9XD``."""
    return new_order_number().replace("LL-", "RF-")


def new_order_token() -> str:
    """Return what makes the address of an order page unguessable."""
    return secrets.token_urlsafe(TOKEN_BYTES)


class Category(models.Model):
    """What a book is about; a book has several."""

    name = models.CharField(max_length=40, unique=True)

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "categories"

    def __str__(self) -> str:
        return self.name


class Book(models.Model):
    """A book of the catalogue."""

    class Subject(models.TextChoices):
        """The shelves of the shop."""

        ADVENTURE = "adventure", "Adventure"
        GOTHIC = "gothic", "Gothic"
        NATURE = "nature", "Nature"
        SOCIETY = "society", "Society"
        WONDER = "wonder", "Wonder"

    sku = models.CharField("SKU", max_length=32, unique=True)
    slug = models.SlugField(max_length=80, unique=True)
    title = models.CharField(max_length=500)
    author = models.CharField(max_length=120)
    subject = models.CharField(max_length=16, choices=Subject.choices)
    year = models.PositiveSmallIntegerField("first published")
    pages = models.PositiveSmallIntegerField()
    blurb = models.CharField("in one sentence", max_length=200)
    description = models.TextField()
    price = models.DecimalField(max_digits=8, decimal_places=2)
    cover = models.CharField("cover, a static file", max_length=160)
    photo = models.CharField("photo, an address at the publisher's", max_length=300, blank=True)
    is_published = models.BooleanField("in the shop", default=True)
    categories = models.ManyToManyField(Category, blank=True, related_name="books")

    class Meta:
        ordering = ["title"]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        """Return the path of the book's page."""
        return reverse("book", args=[self.slug])


class Edition(models.Model):
    """Another form of a book: a paperback, large print."""

    book = models.ForeignKey(Book, on_delete=models.CASCADE, related_name="editions")
    name = models.CharField(max_length=40)
    sku = models.CharField("SKU", max_length=32, unique=True)
    price = models.DecimalField(max_digits=8, decimal_places=2)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.book}, {self.name}"

    def get_absolute_url(self) -> str:
        """Return the path of the book's page."""
        return self.book.get_absolute_url()


class Reader(models.Model):
    """What a customer has told the shop beyond name and address."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="reader")
    favourite = models.ForeignKey(
        Category,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="favourite category",
    )
    in_book_club = models.BooleanField("in the book club", default=False)
    street = models.CharField(max_length=160, blank=True)
    postcode = models.CharField(max_length=16, blank=True)
    city = models.CharField(max_length=80, blank=True)
    country = CountryField(blank=True)

    def __str__(self) -> str:
        return str(self.user)


class Coupon(models.Model):
    """A code that takes something off the price of an order."""

    code = models.CharField(max_length=20, unique=True)
    percent = models.PositiveSmallIntegerField("percent off", validators=[MinValueValidator(1), MaxValueValidator(90)])
    description = models.CharField(max_length=140)
    is_active = models.BooleanField("can be used", default=True)

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.code

    def get_absolute_url(self) -> str:
        """Return the path of the checkout with the code filled in."""
        return f"{reverse('checkout')}?coupon={self.code}"

    def off(self, price: Decimal) -> Decimal:
        """Return ``price`` less the percentage, rounded to the cent."""
        return (price * (100 - self.percent) / 100).quantize(Decimal("0.01"), ROUND_HALF_UP)


class Cart(models.Model):
    """What somebody wants to buy; it is open until it has become an order."""

    token = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    customer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="carts"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    ordered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-updated_at"]

    def __str__(self) -> str:
        return f"Cart {self.token}"

    @property
    def currency(self) -> str:
        """The ISO 4217 code of all amounts of the cart."""
        return CURRENCY

    @property
    def quantity(self) -> int:
        """How many books are in it."""
        return sum(line.quantity for line in self.lines.all())

    @property
    def total(self) -> Decimal:
        """What it costs today, in major units."""
        return sum((line.total for line in self.lines.all()), start=Decimal("0.00"))


class CartLine(models.Model):
    """One book in a cart, in one of its forms, at today's price. ``sku`` is the article's: an article is one line."""

    cart = models.ForeignKey(Cart, on_delete=models.CASCADE, related_name="lines")
    book = models.ForeignKey(Book, on_delete=models.CASCADE, related_name="+")
    edition = models.ForeignKey(Edition, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    sku = models.CharField("SKU", max_length=32, editable=False)
    quantity = models.PositiveSmallIntegerField(default=1)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["cart", "sku"], name="bookshop_one_line_per_article")]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.article}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the line under the SKU of its article."""
        self.sku = self.article.sku
        super().save(*args, **kwargs)

    @property
    def article(self) -> Book | Edition:
        """What is bought: an edition, else the book as it is."""
        return self.edition or self.book

    @property
    def unit_price(self) -> Decimal:
        """The price of one copy, in major units."""
        return self.article.price

    @property
    def total(self) -> Decimal:
        """The price of all copies, in major units."""
        return self.unit_price * self.quantity


class InvalidMove(Exception):
    """An order cannot go from its status to the one asked for."""


class Order(models.Model):
    """A purchase, of a customer with an account or of a guest.

    ``total`` is what was charged. It need not be the sum of the lines: orders from the counter and from old systems
    have vouchers, shipping and discounts, see ``messy.py``. What the website sells is delivered for free.
    """

    class Status(models.TextChoices):
        """How far an order has come."""

        PLACED = "placed", "Placed"
        PAID = "paid", "Paid"
        SHIPPED = "shipped", "Shipped"
        DELIVERED = "delivered", "Delivered"
        CANCELLED = "cancelled", "Cancelled"

    class Delivery(models.TextChoices):
        """How the books reach the buyer."""

        DELIVER = "deliver", "Send it to me"
        COLLECT = "collect", "I collect it in the shop"

    # Which status may follow which, and the field that keeps when it was reached.
    MOVES: ClassVar[dict[str, tuple[str, ...]]] = {
        Status.PLACED: (Status.PAID, Status.CANCELLED),
        Status.PAID: (Status.SHIPPED, Status.CANCELLED),
        Status.SHIPPED: (Status.DELIVERED,),
        Status.DELIVERED: (),
        Status.CANCELLED: (),
    }
    REACHED_AT: ClassVar[dict[str, str]] = {
        Status.PLACED: "placed_at",
        Status.PAID: "paid_at",
        Status.SHIPPED: "shipped_at",
        Status.DELIVERED: "delivered_at",
        Status.CANCELLED: "cancelled_at",
    }

    number = models.CharField(max_length=16, unique=True, default=new_order_number, editable=False)
    token = models.CharField(max_length=64, unique=True, default=new_order_token, editable=False)
    cart = models.OneToOneField(
        Cart, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="order"
    )
    customer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="orders"
    )
    first_name = models.CharField(max_length=80)
    last_name = models.CharField(max_length=80)
    email = models.EmailField("e-mail")
    phone = models.CharField(max_length=20, blank=True)
    coupon = models.ForeignKey(Coupon, on_delete=models.SET_NULL, null=True, blank=True, related_name="orders")
    delivery = models.CharField(max_length=8, choices=Delivery.choices, default=Delivery.DELIVER)
    street = models.CharField(max_length=160, blank=True)
    postcode = models.CharField(max_length=16, blank=True)
    city = models.CharField(max_length=80, blank=True)
    country = models.CharField(max_length=80, blank=True)
    currency = models.CharField(max_length=3, default=CURRENCY)
    shipping = models.DecimalField(max_digits=8, decimal_places=2, default=Decimal("0.00"))
    total = models.DecimalField("total charged", max_digits=8, decimal_places=2, default=Decimal("0.00"))
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PLACED)
    payment_reference = models.CharField(max_length=64, blank=True, editable=False)
    placed_at = models.DateTimeField(default=timezone.now, editable=False)
    paid_at = models.DateTimeField(null=True, blank=True, editable=False)
    shipped_at = models.DateTimeField(null=True, blank=True, editable=False)
    delivered_at = models.DateTimeField(null=True, blank=True, editable=False)
    cancelled_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-placed_at"]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        """Return the path of the order's page."""
        return reverse("order", args=[self.token])

    @property
    def name(self) -> str:
        """The buyer's full name."""
        return f"{self.first_name} {self.last_name}".strip()

    def next_statuses(self) -> tuple[str, ...]:
        """Return the statuses that may follow the present one."""
        return self.MOVES[self.status]

    def move_to(self, status: str, *, at: datetime | None = None) -> None:
        """Go on to ``status``, reached ``at`` that time (now, when it is not given). The caller saves the order.

        Raises ``InvalidMove`` when ``status`` may not follow the present one.
        """
        if status not in self.next_statuses():
            raise InvalidMove(f"Order {self.number} is {self.status}, it cannot become {status}.")
        self.status = status
        setattr(self, self.REACHED_AT[status], at or timezone.now())


class OrderLine(models.Model):
    """One book of an order, in the form that was bought; or a voucher, or shipping.

    ``sku`` and ``title`` stay when the book is deleted. ``total`` is what was charged for the line, below 0 for a
    voucher. ``quantity`` may be a part: old books are sold by the kilo.
    """

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    book = models.ForeignKey(Book, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    edition = models.ForeignKey(Edition, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    sku = models.CharField("SKU", max_length=32, blank=True)
    title = models.CharField(max_length=560)
    quantity = models.DecimalField(max_digits=8, decimal_places=3, default=Decimal(1))
    unit_price = models.DecimalField(max_digits=8, decimal_places=2)
    total = models.DecimalField(max_digits=8, decimal_places=2)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.pieces} x {self.title}"

    @property
    def article(self) -> Book | Edition | None:
        """What was bought, an edition or the book as it is; ``None`` if it is deleted, or was none."""
        return next((one for one in (self.edition, self.book) if one is not None and one.sku == self.sku), None)

    @property
    def pieces(self) -> str:
        """The quantity as people write it: ``2`` or ``0.35``."""
        return f"{Decimal(self.quantity).normalize():f}"


class Refund(models.Model):
    """Money that goes back to the buyer of an order."""

    class Status(models.TextChoices):
        """How far a refund has come."""

        REQUESTED = "requested", "Requested"
        PAID = "paid", "Paid back"

    number = models.CharField(max_length=16, unique=True, default=new_refund_number, editable=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="refunds")
    amount = models.DecimalField(max_digits=8, decimal_places=2)
    reason = models.CharField(max_length=80, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.REQUESTED)
    requested_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-requested_at"]

    def __str__(self) -> str:
        return self.number


class Named(models.Model):
    """What is known by a name of its own."""

    name = models.CharField(max_length=60, unique=True)

    class Meta:
        abstract = True
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class App(Named):
    """An app in which customers read what they have bought."""

    blurb = models.CharField("in one sentence", max_length=200)
    readers = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="apps")


class Survey(Named):
    """A question that the shop asks its customers, on a form."""

    question = models.CharField(max_length=200)


class Answer(models.Model):
    """What a customer has said to a survey."""

    survey = models.ForeignKey(Survey, on_delete=models.CASCADE, related_name="answers")
    customer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    text = models.CharField(max_length=200)
    given_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-given_at"]

    def __str__(self) -> str:
        return self.text
