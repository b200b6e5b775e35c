"""Orders and their lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django_hellotext.api.arguments import Arguments, segment
from django_hellotext.api.pages import Page
from django_hellotext.api.types.results import Deleted, Order, OrderItem
from django_hellotext.api.types.values import UNSET, LineItem, Money, Unset

from .base import DEFAULT_LIMIT, Resource

_PATH = "/v1/attribution/orders"
_DELIVERIES = ("collect", "deliver")


class Orders(Resource):
    """Operations on orders. An order holds no customer: the profile comes with the order's events."""

    def create(
        self,
        *,
        delivery: str,
        items: Sequence[LineItem | Mapping[str, Any]] | Unset = UNSET,
        metadata: Mapping[str, Any] | Unset = UNSET,
        name: str | Unset = UNSET,
        payment_method: str | Unset = UNSET,
        reference: str | Unset | None = UNSET,
        sales_channel: str | Unset = UNSET,
        source: str | Unset | None = UNSET,
    ) -> Order:
        """Create an order (``create_order``).

        ``delivery`` is ``collect`` or ``deliver`` and always sent: its absence is a usual 422 (help site). There is no
        ``total``: it follows from the lines, so give each line's charged price.
        Raises ValueError for another ``delivery``, ValidationError for an unknown product.
        """
        body = _attributes(delivery, metadata, name, payment_method, reference, sales_channel, source)
        body.lines("items", items)
        return self._call("POST", _PATH, Order.from_json, json=body.values)

    def list(
        self,
        *,
        starting_after: str | Unset = UNSET,
        ending_before: str | Unset = UNSET,
        limit: int = DEFAULT_LIMIT,
    ) -> Page[Order]:
        """Return a page of orders, newest first (``list_orders``). There are no filters.

        Raises ValueError unless ``limit`` is 1-100, and when both cursors are given; ValidationError for an unknown
        cursor.
        """
        return self._page(
            _PATH, "orders", Order.from_json, starting_after=starting_after, ending_before=ending_before, limit=limit
        )

    def retrieve(self, id: str) -> Order:
        """Return an order (``retrieve_order``). Raises NotFound."""
        return self._call("GET", _order("id", id), Order.from_json)

    def update(
        self,
        id: str,
        *,
        delivery: str | Unset = UNSET,
        metadata: Mapping[str, Any] | Unset = UNSET,
        name: str | Unset = UNSET,
        payment_method: str | Unset = UNSET,
        reference: str | Unset | None = UNSET,
        sales_channel: str | Unset = UNSET,
        source: str | Unset | None = UNSET,
    ) -> Order:
        """Change an order (``update_order``). Its lines are changed with :class:`OrderItems`. An update is no event.

        Raises NotFound.
        """
        body = _attributes(delivery, metadata, name, payment_method, reference, sales_channel, source)
        return self._call("PATCH", _order("id", id), Order.from_json, json=body.values)

    def delete(self, id: str) -> Deleted:
        """Delete an order (``delete_order``). Raises NotFound."""
        return self._delete(_order("id", id), id=id)


class OrderItems(Resource):
    """Operations on the lines of an order; its total follows. There is no list or retrieve: read the order."""

    def create(
        self,
        order: str,
        *,
        product: str,
        quantity: Decimal | int | Unset = UNSET,
        price: Money | Unset = UNSET,
    ) -> OrderItem:
        """Add a product (ID, reference or SKU) to an order (``create_order_item``).

        ``quantity`` is 1 when not given, ``price`` (for one unit) comes from the product when not given.
        Raises NotFound for the order, ValidationError for an unknown product.
        """
        body = _line(quantity, price)
        body.identifier("product", product)
        return self._call("POST", f"{_order('order', order)}/items", OrderItem.from_json, json=body.values)

    def update(
        self,
        order: str,
        id: str,
        *,
        quantity: Decimal | int | Unset = UNSET,
        price: Money | Unset = UNSET,
    ) -> OrderItem:
        """Change a line (``update_order_item``). Raises NotFound."""
        return self._call("PATCH", _item(order, id), OrderItem.from_json, json=_line(quantity, price).values)

    def delete(self, order: str, id: str) -> Deleted:
        """Remove a line (``delete_order_item``). Raises NotFound."""
        return self._delete(_item(order, id), id=id)


def _order(name: str, id: str) -> str:
    return f"{_PATH}/{segment(name, id)}"


def _item(order: str, id: str) -> str:
    return f"{_order('order', order)}/items/{segment('id', id)}"


def _line(quantity: Decimal | int | Unset, price: Money | Unset) -> Arguments:
    body = Arguments()
    body.number("quantity", quantity)
    body.money("price", price)
    return body


def _attributes(
    delivery: str | Unset,
    metadata: Mapping[str, Any] | Unset,
    name: str | Unset,
    payment_method: str | Unset,
    reference: str | Unset | None,
    sales_channel: str | Unset,
    source: str | Unset | None,
) -> Arguments:
    body = Arguments()
    body.choice("delivery", delivery, _DELIVERIES)
    body.mapping("metadata", metadata)
    body.text("name", name)
    body.text("payment_method", payment_method)
    body.text("reference", reference, nullable=True)
    body.text("sales_channel", sales_channel)
    body.text("source", source, nullable=True)
    return body
