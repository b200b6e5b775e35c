"""One object of each kind, and the contract's examples pointed at them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from .calling import Caller

SESSION = "da834c54-97fa-44ef-bafd-2bd4fec60636"
AT = "2026-06-19T12:00:00.000Z"
_ACTION_OBJECTS = {"app": "app", "cart": "cart", "order": "order", "product": "product", "refund": "refund"}


class Shop:
    """Ids by kind. Only of the first shop are the answers held against the contract; the next ones get the same."""

    were_held: ClassVar[bool] = False

    def __init__(self, call: Caller) -> None:
        self.call = call
        call.holds = not Shop.were_held
        self._fill(call.make)
        call.holds = Shop.were_held = True

    def _fill(self, make: Callable[..., Any]) -> None:
        make("POST", "/v1/public/acks", {"session": SESSION, "at": AT, "utm_params": {}})
        self.session = SESSION
        person = {"email": "will.e@acme.com", "phone": "+598000000", "first_name": "Will E"}
        self.profile: str = make("POST", "/v1/profiles", person)["id"]
        self.property: str = make("POST", "/v1/properties", {"kind": "text", "name": "Size"})["id"]
        self.list: str = make("POST", "/v1/lists", {"name": "Greens"})["id"]
        coupon = {"code": "WELCOME", "description": "Hello", "destination_url": "https://shop.example.com/w"}
        self.coupon: str = make("POST", "/v1/coupons", coupon)["id"]
        self.action: str = make("POST", "/v1/attribution/actions", {"name": "shop.visited"})["id"]
        self.app: str = make("POST", "/v1/attribution/apps", {"name": "Loyalty"})["id"]
        self.form: str = make("POST", "/v1/attribution/forms", {"name": "Newsletter"})["id"]
        price = {"amount": 100, "currency": "USD"}
        product = {"name": "Anvil", "sku": "ANVIL", "reference": "7", "source": "acme", "price": price}
        made = make("POST", "/v1/attribution/products", product)
        self.product: str = made["id"]
        self.variant: str = made["variants"][0]["id"]
        lines = [{"product": self.product, "quantity": 2}]
        cart = {"profile": self.profile, "reference": "C7", "source": "acme", "items": lines}
        self.cart: str = make("POST", "/v1/attribution/carts", cart)["id"]
        order = {"delivery": "deliver", "reference": "O7", "source": "acme", "items": lines}
        made = make("POST", "/v1/attribution/orders", order)
        self.order: str = made["id"]
        self.item: str = made["items"][0]["id"]
        self.refund: str = make("POST", "/v1/attribution/refunds", {"order": self.order})["id"]
        self.track(action="product.viewed", object=self.product, profile=self.profile)
        self.event: str = self.call.all("events")[0]["id"]

    def track(self, **event: Any) -> Any:
        """Track an event of the server; it must be received."""
        return self.call.make("POST", "/v1/attribution/events", event)

    def browse(self, **event: Any) -> Any:
        """Track an event as Hellotext.js does."""
        return self.call.make("POST", "/v1/track/events", {"user_parameters": {}, "utm_params": {}, **event})

    def path(self, template: str, tag: str) -> str:
        """Fill in the ids of a path of the contract."""
        own = {
            "order_items": self.item,
            "product_variants": self.variant,
            "sessions": self.session,
            "browser": self.call.emulator.business_id if "businesses" in template else self.form,
            "properties": self.property,
        }
        id_ = own.get(tag) or getattr(self, tag.removesuffix("s"))
        filled = template.replace("{id}", id_).replace("{message}", "1")
        for kind in ("list", "profile", "order", "product"):
            filled = filled.replace(f"{{{kind}}}", getattr(self, kind))
        return filled

    def pointed(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return an example of the contract with ids of this shop."""
        pointed: dict[str, Any] = {}
        for name, value in body.items():
            if name == "object":
                pointed[name] = getattr(self, _ACTION_OBJECTS[body["action"].partition(".")[0]])
            elif name in {"profile", "session", "app", "coupon", "form", "order", "product", "refund"}:
                pointed[name] = getattr(self, name)
            elif isinstance(value, dict):
                pointed[name] = self.pointed(value)
            elif isinstance(value, list):
                pointed[name] = [self.pointed(entry) if isinstance(entry, dict) else entry for entry in value]
            else:
                pointed[name] = value
        return pointed
