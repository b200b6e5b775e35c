"""The adapters of the test shop, as a user writes them."""

from __future__ import annotations

from typing import ClassVar

from django_hellotext import adapters

from .models import Cart, MobileApp, Order, Product, Questionnaire, Return, Variant, Voucher


@adapters.register(Product)
class ProductAdapter(adapters.ProductAdapter):
    reference = "pk"
    # Many tests need a product that cannot be sent: in this shop it is one without a name.
    fallbacks: ClassVar = {}
    price = adapters.Money("price", currency=adapters.Value("EUR"))
    brand = "brand.name"
    categories = "categories"
    depends_on = {
        "testshop.Brand": "product_set",
        "testshop.Category": "product_set",
        "testshop.Stock": "product",
    }

    def should_sync(self, obj: Product) -> bool:
        return obj.is_published


@adapters.register(Cart)
class CartAdapter(adapters.CartAdapter):
    profile = "owner"
    guest = adapters.Guest(email="email")
    currency = adapters.Value("EUR")
    items = adapters.Items("lines", product="product", price="unit_price")


@adapters.register(Order)
class OrderAdapter(adapters.OrderAdapter):
    reference = "number"
    profile = "customer"
    guest = adapters.Guest(email="email", phone="phone", first_name="first_name")
    currency = "currency"
    total = "total"
    cart = "cart"
    payment_method = "method"
    items = adapters.Items("lines", product="product", quantity="quantity", title="title", price="unit_price")
    events = adapters.OnChange(
        "status",
        {"placed": "order.placed", "paid": "order.confirmed", "shipped": "order.shipped"},
        at={"shipped": "shipped_at"},
    )


@adapters.register(Variant)
class VariantAdapter(adapters.ProductVariantAdapter):
    price = adapters.Money("price", currency=adapters.Value("EUR"))


@adapters.register(Voucher)
class VoucherAdapter(adapters.CouponAdapter):
    reference = "pk"

    def get_destination_url(self, obj: Voucher) -> str:
        return f"https://shop.example{obj.get_absolute_url()}"


@adapters.register(Return)
class ReturnAdapter(adapters.RefundAdapter):
    order = "order"
    total = "amount"
    currency = "order.currency"
    events = adapters.OnChange("state", {"asked": "refund.requested", "paid": "refund.received"})

    def get_metadata(self, obj: Return) -> dict[str, str]:
        return {"reason": obj.reason}


@adapters.register(Questionnaire)
class QuestionnaireAdapter(adapters.FormAdapter):
    metadata = adapters.Value({"language": "en"})


@adapters.register(MobileApp)
class MobileAppAdapter(adapters.AppAdapter):
    image_url = adapters.Value("https://shop.example/icon.png")
