"""Who has which profile: no data change the profile of somebody else.

Bea's account is ``bea@example.com``. Somebody else comes with her e-mail, her phone, both or neither, before or after
her account reaches Hellotext. One table says what Hellotext holds then.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import User

import django_hellotext as hellotext
from django_hellotext.adapters import registry
from django_hellotext.delivery import Report
from django_hellotext.emulator import Emulator
from django_hellotext.emulator.inspection import state
from django_hellotext.models import RemoteObject, State
from tests.factories import make_customer, placed_order

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
Profiles = Callable[[], list[dict[str, Any]]]
BEA, PHONE = "bea@example.com", "+4917099999999"
OWN_EMAIL, OWN_PHONE = "mallory@example.net", "+4917011111111"
BROWSER = "session-of-mallory"

GUEST, ACCOUNT, VERIFIED = "guest", "account", "verified"
TRUSTS, CONFIRMS = "trusts", "confirms"  # a shop without a hook VERIFIED, and one with it

SAME = {
    "e-mail": (BEA, OWN_PHONE),
    "E-Mail": ("Bea@Example.com", OWN_PHONE),
    "phone": (OWN_EMAIL, PHONE),
    "both": (BEA, PHONE),
    "neither": (OWN_EMAIL, OWN_PHONE),
}
LETTERS = {BEA: "B", "Bea@Example.com": "B", PHONE: "P", OWN_EMAIL: "m", OWN_PHONE: "p"}

# Mallory is a guest, an account, or an account whose e-mail and phone the shop has confirmed. They have the same e-mail
# (or the same in another case), phone, both or neither, and come before Bea's account or after it.
# A profile is a name with its e-mails and phones: B and P are Bea's, m and p are Mallory's own.
TABLE = """
shop      Mallory   same     comes   profiles            order goes to  browser is joined to

trusts    guest     e-mail   after   Bea BP              Bea            none
trusts    guest     E-Mail   after   Bea BP              Bea            none
trusts    guest     phone    after   Bea BP, Mallory m   Mallory        Mallory
trusts    guest     both     after   Bea BP              Bea            none
trusts    guest     neither  after   Bea BP, Mallory mp  Mallory        Mallory

trusts    account   e-mail   after   Bea BP              Bea            none
trusts    account   E-Mail   after   Bea BP              Bea            none
trusts    account   phone    after   Bea BP, Mallory m   Mallory        Mallory
trusts    account   both     after   Bea BP              Bea            none
trusts    account   neither  after   Bea BP, Mallory mp  Mallory        Mallory

confirms  guest     e-mail   after   Bea BP              Bea            none
confirms  guest     E-Mail   after   Bea BP              Bea            none
confirms  guest     phone    after   Bea BP, Mallory m   Mallory        Mallory
confirms  guest     both     after   Bea BP              Bea            none
confirms  guest     neither  after   Bea BP, Mallory mp  Mallory        Mallory

confirms  account   e-mail   after   Bea BP, Mallory     Mallory        Mallory
confirms  account   E-Mail   after   Bea BP, Mallory     Mallory        Mallory
confirms  account   phone    after   Bea BP, Mallory     Mallory        Mallory
confirms  account   both     after   Bea BP, Mallory     Mallory        Mallory
confirms  account   neither  after   Bea BP, Mallory     Mallory        Mallory

confirms  verified  e-mail   after   Bea BP              Bea            none
confirms  verified  E-Mail   after   Bea BP              Bea            none
confirms  verified  phone    after   Bea BP, Mallory m   Mallory        Mallory
confirms  verified  both     after   Bea BP              Bea            none
confirms  verified  neither  after   Bea BP, Mallory mp  Mallory        Mallory

# A guest's profile becomes the account's with its e-mail. What only the guest said is taken away.
trusts    guest     e-mail   before  Bea BP              Bea            Bea
trusts    guest     E-Mail   before  Bea BP              Bea            Bea
trusts    guest     phone    before  Mallory mP, Bea B   Mallory        Mallory
trusts    guest     both     before  Bea BP              Bea            Bea
trusts    guest     neither  before  Mallory mp, Bea BP  Mallory        Mallory

# Of two accounts with one e-mail, the first keeps the profile.
trusts    account   e-mail   before  Mallory Bp          Mallory        Mallory
trusts    account   E-Mail   before  Mallory Bp          Mallory        Mallory
trusts    account   phone    before  Mallory mP, Bea B   Mallory        Mallory
trusts    account   both     before  Mallory BP          Mallory        Mallory
trusts    account   neither  before  Mallory mp, Bea BP  Mallory        Mallory

confirms  guest     e-mail   before  Bea BP              Bea            Bea
confirms  guest     E-Mail   before  Bea BP              Bea            Bea
confirms  guest     phone    before  Mallory mP, Bea B   Mallory        Mallory
confirms  guest     both     before  Bea BP              Bea            Bea
confirms  guest     neither  before  Mallory mp, Bea BP  Mallory        Mallory

confirms  account   e-mail   before  Mallory, Bea BP     Mallory        Mallory
confirms  account   E-Mail   before  Mallory, Bea BP     Mallory        Mallory
confirms  account   phone    before  Mallory, Bea BP     Mallory        Mallory
confirms  account   both     before  Mallory, Bea BP     Mallory        Mallory
confirms  account   neither  before  Mallory, Bea BP     Mallory        Mallory

confirms  verified  e-mail   before  Mallory Bp          Mallory        Mallory
confirms  verified  E-Mail   before  Mallory Bp          Mallory        Mallory
confirms  verified  phone    before  Mallory mP, Bea B   Mallory        Mallory
confirms  verified  both     before  Mallory BP          Mallory        Mallory
confirms  verified  neither  before  Mallory mp, Bea BP  Mallory        Mallory
"""
ROWS = [re.split(r" {2,}", line) for line in TABLE.splitlines()[2:] if line and not line.startswith("#")]


@dataclass(frozen=True)
class Shop:
    """A shop whose accounts have phones; ``verified`` is what it has confirmed, ``None`` if it confirms nothing."""

    emulator: Emulator
    deliver: Deliver
    phones: dict[str, str]
    verified: set[tuple[str, str]] | None

    def bea(self) -> User:
        """Let Bea's account arrive."""
        if self.verified is not None:
            self.verified.update({("bea", BEA), ("bea", PHONE)})
        return self._account("bea", "Bea", BEA, PHONE)

    def mallory(self, who: str, email: str, phone: str) -> None:
        """Let Mallory order, in a browser of their own."""
        if who == GUEST:
            order = placed_order(email=email, phone=phone, first_name="Mallory")
        else:
            if self.verified is not None and who == VERIFIED:
                self.verified.update({("mallory", email), ("mallory", phone)})
            order = placed_order(customer=self._account("mallory", "Mallory", email, phone))
        hellotext.track("order.placed", order, session=BROWSER)
        self.deliver()

    def _account(self, name: str, first_name: str, email: str, phone: str) -> User:
        self.phones[name] = phone
        customer = make_customer(username=name, email=email, first_name=first_name, last_name="")
        self.deliver()
        return customer


@pytest.fixture
def shop(
    request: pytest.FixtureRequest,
    hellotext_app: Emulator,
    deliver: Deliver,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Shop:
    phones: dict[str, str] = {}
    adapter = type(registry.for_model(User))
    monkeypatch.setattr(adapter, "get_phone", lambda self, user: phones.get(user.username), raising=False)
    known: set[tuple[str, str]] = set()

    def is_verified(customer: User, kind: str, value: str) -> bool:
        return (customer.username, value) in known

    if request.param == CONFIRMS:
        settings.HELLOTEXT = {**settings.HELLOTEXT, "VERIFIED": is_verified}
    hellotext_app.know_session(BROWSER)
    return Shop(hellotext_app, deliver, phones, known if request.param == CONFIRMS else None)


@pytest.mark.parametrize(
    ("shop", "who", "same", "comes", "expected", "buyer", "joined"),
    [pytest.param(*row, id=" ".join(row[:4])) for row in ROWS],
    indirect=["shop"],
)
def test_what_hellotext_holds(
    shop: Shop, who: str, same: str, comes: str, expected: str, buyer: str, joined: str
) -> None:
    email, phone = SAME[same]
    if comes == "before":
        shop.mallory(who, email, phone)
        shop.bea()
    else:
        shop.bea()
        shop.mallory(who, email, phone)
    held = state(shop.emulator)
    names = {profile["id"]: profile["first_name"] for profile in held["profiles"]}
    assert ", ".join(map(shown, held["profiles"])) == expected
    [event] = held["events"]
    assert (names[event["profile"]], bool(event["session"])) == (buyer, joined != "none")
    assert [names.get(session["profile"], "none") for session in held["sessions"]] == [joined]
    assert not RemoteObject.objects.exclude(state=State.SYNCED).exists()


def shown(profile: dict[str, Any]) -> str:
    """A profile as the table writes it."""
    letters = "".join(LETTERS[value] for value in profile["emails"] + profile["phones"])
    return f"{profile['first_name']} {letters}".strip()
