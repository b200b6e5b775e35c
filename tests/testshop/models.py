"""What a shop has: products, carts and orders; its customers are the project's users."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models.signals import post_save


class Brand(models.Model):
    """Who makes a product."""

    name = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.name


class Category(models.Model):
    """A shelf of the shop."""

    name = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.name


class Product(models.Model):
    """What is sold."""

    name = models.CharField(max_length=100)
    sku = models.CharField(max_length=30, blank=True)
    slug = models.SlugField(blank=True)
    price = models.DecimalField(max_digits=12, decimal_places=4, null=True)
    weight = models.FloatField(default=0.0)
    is_published = models.BooleanField(default=True)
    picture = models.FileField(blank=True)
    extra = models.JSONField(default=dict, blank=True)
    brand = models.ForeignKey(Brand, null=True, blank=True, on_delete=models.SET_NULL)
    categories = models.ManyToManyField(Category, blank=True)
    related = models.ManyToManyField("self", blank=True)
    reviews = GenericRelation("testshop.Review")

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """The path of the product's page."""
        return f"/products/{self.slug}/"

    def discounted(self, percent: int) -> Decimal:
        """The price with ``percent`` off, in major units."""
        return (self.price or Decimal(0)) * (100 - percent) / 100

    @property
    def shout(self) -> str:
        """The name, loud."""
        return self.name.upper()


class Review(models.Model):
    """What somebody says about anything."""

    content_type = models.ForeignKey(ContentType, on_delete=models.CASCADE)
    object_id = models.PositiveBigIntegerField()
    subject = GenericForeignKey("content_type", "object_id")
    title = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.title


class ProductProxy(Product):
    """The same table under another class."""

    class Meta:
        proxy = True


class Book(Product):
    """A product with a table of its own."""

    isbn = models.CharField(max_length=13)


class Timestamped(models.Model):
    """Abstract: cannot be mirrored."""

    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True


class Cart(Timestamped):
    """What somebody wants to buy."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE)
    email = models.EmailField(blank=True)

    def __str__(self) -> str:
        return f"Cart {self.pk}"


class CartLine(models.Model):
    """One product in a cart, at today's price."""

    cart = models.ForeignKey(Cart, on_delete=models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, on_delete=models.CASCADE)
    quantity = models.PositiveIntegerField(default=1)

    def __str__(self) -> str:
        return f"{self.quantity} in {self.cart_id}"

    @property
    def unit_price(self) -> Decimal | None:
        """Today's price, in major units."""
        return self.product.price


class Order(Timestamped):
    """A purchase."""

    class Status(models.TextChoices):
        """How far an order has come."""

        DRAFT = "draft", "Draft"
        PLACED = "placed", "Placed"
        PAID = "paid", "Paid"
        SHIPPED = "shipped", "Shipped"

    number = models.CharField(max_length=20, unique=True)
    customer = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    cart = models.OneToOneField(Cart, null=True, blank=True, on_delete=models.SET_NULL)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DRAFT)
    currency = models.CharField(max_length=3, default="EUR")
    total = models.DecimalField(max_digits=12, decimal_places=2, default=Decimal(0))
    shipping_total = models.DecimalField(max_digits=12, decimal_places=2, default=Decimal(0))
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=20, blank=True)
    first_name = models.CharField(max_length=50, blank=True)
    method = models.CharField(max_length=20, blank=True)
    shipped_at = models.DateTimeField(null=True, blank=True)
    shipped_on = models.DateField(null=True, blank=True)

    def __str__(self) -> str:
        return self.number


class OrderLine(models.Model):
    """One product of an order, at the price charged."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, null=True, on_delete=models.SET_NULL)
    sku = models.CharField(max_length=30, blank=True)
    quantity = models.DecimalField(max_digits=8, decimal_places=3, default=Decimal(1))
    title = models.CharField(max_length=100, blank=True)
    unit_price = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    line_total = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    is_cancelled = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.quantity} in {self.order_id}"


class Note(models.Model):
    """At most one for an order."""

    order = models.OneToOneField(Order, on_delete=models.CASCADE, related_name="note")
    text = models.TextField()

    def __str__(self) -> str:
        return self.text


class Variant(models.Model):
    """A size of a product."""

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="sizes")
    name = models.CharField(max_length=50)
    sku = models.CharField(max_length=30, blank=True)
    price = models.DecimalField(max_digits=12, decimal_places=2, null=True)

    def __str__(self) -> str:
        return self.name


class Stock(models.Model):
    """How many of a product there are."""

    product = models.OneToOneField(Product, on_delete=models.CASCADE, related_name="stock")
    allocated = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.allocated} of {self.product_id}"

    def allocate(self, quantity: int) -> None:
        """Reserve ``quantity`` as django-oscar does: one UPDATE, then the signal with the arguments it sends."""
        self.allocated += quantity
        Stock.objects.filter(pk=self.pk).update(allocated=self.allocated)
        post_save.send(sender=Stock, instance=self, created=False, raw=False, using="default")


class Voucher(models.Model):
    """A code that takes something off."""

    code = models.CharField(max_length=20, unique=True)
    description = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.code

    def get_absolute_url(self) -> str:
        """The path that redeems it."""
        return f"/redeem/{self.code}/"


class Return(models.Model):
    """Money given back for an order."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="returns")
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    reason = models.CharField(max_length=50, blank=True)
    state = models.CharField(max_length=10, default="asked")

    def __str__(self) -> str:
        return f"Return {self.pk}"


class Questionnaire(models.Model):
    """Something to fill in."""

    name = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.name


class MobileApp(models.Model):
    """Something to install."""

    name = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.name
