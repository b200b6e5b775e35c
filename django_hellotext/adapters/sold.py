"""What the lines of a cart or an order say, one by one, before they become lines at Hellotext."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import Model, prefetch_related_objects

from django_hellotext.exceptions import ConfigurationError, TrackingError

from . import values
from .failures import read_or_leave_out
from .fields import Items, Money
from .links import Link
from .loading import line_relations
from .money import to_decimal, to_money
from .paths import concrete, trace
from .placeholders import FEES, NO_LONGER_SOLD, placeholder
from .reading import readable_data

if TYPE_CHECKING:
    from .base import Adapter


@dataclass
class Sold:
    """One line of the shop.

    ``product``: a link, or text; ``None`` if it is gone. ``stand_in``: the placeholder that its own line names.
    ``amount``: of the whole line in major units, not rounded; ``None`` where it is not known, or cannot be read
    (``fault``). ``quantity_given``: the quantity where it is no number.
    """

    product: Link | str | None
    stand_in: Link | None
    key: str
    quantity: Decimal
    amount: Decimal | None
    currency: str | None
    fault: TrackingError | None = None
    quantity_given: Any = None
    host: Any = None

    @property
    def is_fee(self) -> bool:
        """Whether the line is no product, but shipping or the like."""
        return self.product is None and self.stand_in is not None and self.stand_in.title == FEES


@dataclass
class LineMemory:
    """Which product each line of an order sold when it was sent last, and sells ``now``: by the product's model."""

    before: Callable[[], Mapping[str, Mapping[str, str]]]
    now: dict[str, dict[str, str]] = field(default_factory=dict)

    def product_of(self, line: Model, product: Any, *, may_go: bool) -> Any:
        """Return ``product``, or the one that ``line`` had if it has none by now."""
        if product is None:
            product = next((self._link(name, lines[str(line.pk)]) for name, lines in self._holding(line)), None)
            may_go = product is not None
        if may_go and isinstance(product, Link):
            self.now.setdefault(f"{product.kind}:{product.label}", {})[str(line.pk)] = product.pk
        return product

    def _holding(self, line: Model) -> Iterator[tuple[str, Mapping[str, str]]]:
        return ((name, lines) for name, lines in self.before().items() if str(line.pk) in lines)

    @staticmethod
    def _link(name: str, pk: str) -> Link:
        kind, _, label = name.partition(":")
        return Link(kind, label, pk)


_memory: ContextVar[LineMemory | None] = ContextVar("hellotext_line_memory", default=None)


@contextmanager
def remembering(before: Callable[[], Mapping[str, Mapping[str, str]]]) -> Iterator[LineMemory]:
    """Let lines that are read inside the block, and whose product is gone, sell what they sold ``before``."""
    memory = LineMemory(before)
    token = _memory.set(memory)
    try:
        yield memory
    finally:
        _memory.reset(token)


def declared_items(adapter: Adapter) -> Any:
    """Return the declaration of the adapter's lines; ``None`` if a method gives them."""
    return adapter.spec("items") if adapter.getter("items") is None else None


def read_lines(adapter: Adapter, obj: Any, found: Any, *, currency: Callable[[], str | None]) -> list[Sold]:
    """Return the lines of ``obj``: ``found`` are its lines, or ready-made mappings.

    :param currency: returns that of an amount which brings none.
    Raises ``ConfigurationError`` for what is neither, and what reading an attribute raises.
    """
    declared = declared_items(adapter)
    reader = _Reader(adapter, currency, declared if isinstance(declared, Items) else None)
    lines = values.objects(found)
    if reader.declared is not None and lines and isinstance(lines[0], Model):
        # On the lines, which are thrown away, and not on the host's own object, which would keep them.
        prefetch_related_objects(lines, *line_relations(type(lines[0]), reader.declared, adapter))
    sold = [one for one in (reader.read(line) for line in lines) if one is not None]
    if adapter.kind == "order":
        reader.add_own_prices([one for one in sold if one.amount is None and one.fault is None])
    return sold


class _Reader:
    """Reads the lines of one object."""

    def __init__(self, adapter: Adapter, currency: Callable[[], str | None], declared: Items | None) -> None:
        self.adapter = adapter
        self.currency = currency
        self.declared = declared
        self.memory = _memory.get() if adapter.kind == "order" else None
        self._currency: str | None = None
        self._places: dict[str, str] = {}

    def read(self, line: Any) -> Sold | None:
        """Return ``line``; ``None`` if it does not count."""
        if isinstance(line, Mapping):
            product = self.adapter.link_to(
                line.get("product"), kind="product", where=self._where("product"), of_line=True
            )
            return self._sold(line, product, dict(line), has_sku="sku" in line)
        declared = self.declared
        if declared is None:
            raise ConfigurationError(f"{self.adapter.where('items')}: expected Items(…) or a list of mappings.")
        if declared.where is not None and not self._value(line, "where"):
            return None
        product = self.adapter.link(line, declared.product, kind="product", where=self._where("product"), of_line=True)
        if self.memory is not None and isinstance(line, Model):
            product = self.memory.product_of(line, product, may_go=_may_go(line, declared.product))
        given = {name: self._name(line, name) for name in ("sku", "title")}
        given["quantity"] = self._value(line, "quantity")
        name = "total" if declared.total is not None else "price"
        spec = declared.total if declared.total is not None else declared.price
        if isinstance(spec, Money):
            amount = self.adapter.read(line, spec.amount, where=self._where(name))
            given["currency"] = self.adapter.read(line, spec.currency, where=self._where(name))
        else:
            amount = self.adapter.read(line, spec, where=self._where(name))
        return self._sold(line, product, {**given, name: amount}, has_sku=declared.sku is not None)

    def add_own_prices(self, lines: list[Sold]) -> None:
        """Let the price of the product count for ``lines``, which have none."""
        hosts = [one.host for one in lines if isinstance(one.host, Model) and isinstance(one.product, Link)]
        if hosts and self.declared is not None and isinstance(self.declared.product, str):
            lookup = "__".join(trace(concrete(type(hosts[0])), self.declared.product).relations)
            if lookup:
                prefetch_related_objects(hosts, lookup)
        for one in lines:
            price = self._own_price(one)
            if price is not None:
                one.amount, one.currency = price.amount * one.quantity, price.currency

    def _sold(self, line: Any, product: Any, given: Mapping[str, Any], *, has_sku: bool) -> Sold:
        sku, title = self._text(given, "sku"), self._text(given, "title")
        fault: TrackingError | None = None
        quantity, quantity_given = Decimal(1), None
        try:
            with readable_data():
                quantity = _number(given.get("quantity", 1), where=self._where("quantity"))
        except TrackingError as error:
            quantity_given = given["quantity"]
            # A price of one piece says nothing without their number.
            fault = error if values.is_empty(given.get("total")) else None
        amount, currency = None, None
        if fault is None:
            try:
                with readable_data():
                    amount, currency = self._amount(given, quantity)
            except TrackingError as error:
                fault = error
        stand_in: Link | None = None
        if sku or title:
            stand_in = placeholder(title, sku=sku)
        elif product is None:
            stand_in = placeholder(FEES if has_sku else NO_LONGER_SOLD)
        key = sku or (f"{product.label}:{product.pk}" if isinstance(product, Link) else product) or title
        if isinstance(product, Link) and stand_in is not None:
            product = Link(product.kind, product.label, product.pk, stand_in=stand_in)
        return Sold(
            product=product or None,
            stand_in=stand_in,
            key=key or (stand_in.title if stand_in is not None else ""),
            quantity=quantity,
            amount=amount,
            currency=currency,
            fault=fault,
            quantity_given=quantity_given,
            host=line,
        )

    def _amount(self, given: Mapping[str, Any], quantity: Decimal) -> tuple[Decimal | None, str | None]:
        """Return the amount of a line and its currency. Raises ``TrackingError`` for what is no amount."""
        name = "total" if not values.is_empty(given.get("total")) else "price"
        value = given.get(name)
        if values.is_empty(value):
            return None, None
        where = self._where(name)
        if type(value) in (Decimal, int, str) and not given.get("currency"):
            exact, currency = to_decimal(value, where=where), self._own_currency(where)
        else:
            own = given.get("currency") or self.currency()
            currency = to_money(value, currency=own, where=where).currency
            # Not rounded: a third of an amount, three times, is the amount.
            exact = to_decimal(getattr(value, "amount", value), where=where)
        return exact if name == "total" else exact * quantity, currency

    def _own_price(self, one: Sold) -> Any:
        """Return the price that the adapter of the line's product says; ``None`` where there is none."""
        if not isinstance(one.product, Link) or self.adapter.registry is None:
            return None
        if isinstance(one.host, Mapping):
            product = one.host.get("product")
        elif self.declared is not None:
            product = self.adapter.read(one.host, self.declared.product, where=self._where("product"))
        else:
            product = None
        owner = self.adapter.registry.for_model(type(product)) if isinstance(product, Model) else None
        try:
            return owner.shaped(product, "price") if owner is not None else None
        except TrackingError as error:
            one.fault = error
            return None

    def _own_currency(self, where: str) -> str:
        if self._currency is None:
            self._currency = to_money(0, currency=self.currency(), where=where).currency
        return self._currency

    def _text(self, given: Mapping[str, Any], name: str) -> str:
        found = given.get(name)
        if found is None:
            return ""
        return (read_or_leave_out(f"items.{name}", lambda: values.text(found, where=self._where(name))) or "").strip()

    def _name(self, line: Any, name: str) -> Any:
        """Return what the line says it sold; ``None`` if that raises (``line.product.sku`` of a lost product)."""
        return read_or_leave_out(f"items.{name}", lambda: self._value(line, name), line)

    def _value(self, line: Any, name: str) -> Any:
        spec = getattr(self.declared, name)
        return self.adapter.read(line, spec, where=self._where(name)) if spec is not None else None

    def _where(self, name: str) -> str:
        if name not in self._places:
            self._places[name] = self.adapter.where(f"items.{name}")
        return self._places[name]


def _number(value: Any, *, where: str) -> Decimal:
    if isinstance(value, float):
        value = repr(value)  # as it was typed: 0.35 and not 0.34999999999999997
    if value is None:
        raise TrackingError(f"{where}: there is none.", reason="number_invalid")
    return to_decimal(value, where=where)


def _may_go(line: Model, path: Any) -> bool:
    """Whether the product of ``line`` may become NULL: only then it has to be remembered."""
    key = trace(concrete(type(line)), path).foreign_key if isinstance(path, str) else None
    return key is None or key.null
