"""The account at the end of a scenario: what the shop did against the requests that Hellotext accepted.

Not against its stored events, which forgive a repeated order event, and not against our own tables.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field, fields
from decimal import Decimal
from typing import Any

from tests.processes.shop import Shop

from .servers import Hellotext

EVENTS = "/v1/attribution/events"
CREATES = {"create_profile": "profile", "create_product": "product", "create_order": "order", "create_cart": "cart"}
ACTION_PLACES = {"order.placed": 1, "order.confirmed": 2, "order.shipped": 3}


@dataclass
class Account:
    """Counts of facts and objects.

    ``recorded``: what the shop committed; ``once``, ``twice``: accepted so often; ``lost``: never accepted, or the
    object is there in an older version; ``out_of_order``: accepted after a later fact of its key; ``phantoms``:
    accepted although the shop rolled it back; ``repeated``: built-in order events of a customer, accepted again and
    kept once by Hellotext, as promise 2 allows.
    """

    recorded: int = 0
    once: int = 0
    twice: int = 0
    lost: int = 0
    out_of_order: int = 0
    phantoms: int = 0
    repeated: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.twice or self.out_of_order or self.phantoms)

    def add(self, other: Account) -> None:
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

    def counts(self) -> dict[str, int]:
        return {name: value for name, value in asdict(self).items() if name != "notes"}

    def note(self, kind: str, what: str) -> None:
        if sum(entry.startswith(kind) for entry in self.notes) < 5:
            self.notes.append(f"{kind}: {what}")


def take_account(shop: Shop, hellotext: Hellotext, *, may_miss: frozenset[str] = frozenset()) -> Account:
    """Count. ``may_miss`` names facts and objects that a scenario has made impossible to send."""
    account = Account()
    log, state = hellotext.log(), hellotext.state()
    _count_facts(account, shop, log, state, may_miss)
    _count_objects(account, shop, log, state, may_miss)
    return account


def facts_of(shop: Shop) -> list[str]:
    """The facts that the shop committed."""
    return [name for (name,) in shop.rows("SELECT name FROM testshop_category ORDER BY id")]


def _count_facts(
    account: Account,
    shop: Shop,
    log: list[dict[str, Any]],
    state: dict[str, list[dict[str, Any]]],
    may_miss: frozenset[str],
) -> None:
    references = {order["id"]: order["reference"] for order in state["orders"]}
    noted = facts_of(shop)
    # An order's events have no name of their own; one that is numbered among others of its customer is found here.
    numbered = {what: name for name in noted for what in [name.split("|")[2]] if what.startswith("order ")}
    arrivals: list[str] = []
    harmless: Counter[str] = Counter()
    for entry in log:
        if entry["method"] != "POST" or entry["path"] != EVENTS or not entry["accepted"]:
            continue
        name = _fact_in(entry["body_json"], references, numbered)
        if entry["reason"].startswith("not stored again"):
            harmless[name] += 1
        else:
            arrivals.append(name)
    accepted = Counter(arrivals)
    recorded = set(noted) - may_miss
    assert len(set(noted)) == len(noted), "the scenario noted a fact twice"
    account.recorded += len(recorded)
    account.repeated += harmless.total()
    for name in recorded:
        times = accepted[name]
        account.once += times == 1
        account.twice += times > 1
        account.lost += times == 0
        if times != 1:
            account.note("lost" if not times else "twice", f"{name} x{times}")
    for name in accepted.keys() - recorded - may_miss:
        account.phantoms += 1
        account.note("phantom", name)
    newest: dict[str, int] = defaultdict(int)
    for name in dict.fromkeys(arrivals):
        key, number, _ = name.split("|")
        if int(number) < newest[key]:
            account.out_of_order += 1
            account.note("out of order", f"{name} after {newest[key]}")
        newest[key] = max(newest[key], int(number))


def _fact_in(body: dict[str, Any], references: dict[str, str], numbered: dict[str, str]) -> str:
    """The name that the shop gave to the fact in ``body``."""
    named = body.get("metadata", {}).get("fact")
    if named:
        return str(named)
    given = body.get("object") or body["object_parameters"]["reference"]
    action, order = body["action"], references.get(given, given)
    return numbered.get(f"order {order} {action}") or f"order {order}|{ACTION_PLACES[action]}|{action}"


def _count_objects(
    account: Account,
    shop: Shop,
    log: list[dict[str, Any]],
    state: dict[str, list[dict[str, Any]]],
    may_miss: frozenset[str],
) -> None:
    created: Counter[str] = Counter()
    for entry in log:
        kind = CREATES.get(entry["operation"])
        if kind and entry["accepted"]:
            body = entry["body_json"]
            created[f"{kind} {body.get('email') or body.get('reference')}"] += 1
    known = [profile for profile in state["profiles"] if profile["emails"]]
    there = {f"profile {profile['emails'][0]}": profile["last_name"] for profile in known}
    products = [product for product in state["products"] if not product["reference"].startswith("placeholder-")]
    there |= {f"product {product['reference']}": _number(product["price"]) for product in products}
    there |= {f"order {order['reference']}": "" for order in state["orders"]}
    wanted = {f"profile {email}": name for email, name in shop.rows("SELECT email, last_name FROM auth_user")}
    wanted |= {f"product {pk}": _number(price) for pk, price in shop.rows("SELECT id, price FROM testshop_product")}
    wanted |= {f"order {number}": "" for (number,) in shop.rows("SELECT number FROM testshop_order")}
    for name, value in wanted.items():
        if name in may_miss:
            continue
        account.recorded += 1
        current = name in there and there[name] == value
        # An event may have made an order or a product that could not be sent at first.
        account.once += current and created[name] <= 1
        account.twice += created[name] > 1
        account.lost += not current
        if not current:
            account.note("lost", f"{name} is {there.get(name)!r}, not {value!r}")
        if created[name] > 1:
            account.note("twice", f"{name} x{created[name]}")
    for name in there.keys() - wanted.keys() - may_miss:
        account.phantoms += 1
        account.note("phantom", name)


def _number(value: Any) -> str:
    if isinstance(value, dict):
        value = value["amount"]
    return "" if value is None else str(Decimal(str(value)).normalize())


def write(account: Account, *, scenarios: int, failed: int, skipped: int) -> str:
    """The last line of a run, for programs."""
    counts = {**account.counts(), "scenarios": scenarios, "failed": failed, "skipped": skipped}
    return f"CHAOS {json.dumps(counts)}"
