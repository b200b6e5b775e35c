"""A customer can be forgotten, and stays forgotten; what we hold of them can be shown (demand I3)."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.core.serializers.json import DjangoJSONEncoder

import django_hellotext as hellotext
from django_hellotext import clock
from django_hellotext.adapters import Link, registry
from django_hellotext.conf import hellotext_settings
from django_hellotext.delivery import Report
from django_hellotext.emulator import Emulator, Fault
from django_hellotext.intake.handover import attachment
from django_hellotext.models import Account, Event, RemoteObject, Session, State
from tests.factories import make_cart, make_customer, placed_order
from tests.refusals import Refusals
from tests.testshop.models import Note, Order

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
Profiles = Callable[[], list[dict[str, Any]]]
EMAIL = "wile.e@example.com"
PHONE = "+59899123456"
SESSION = "session-of-wile"
PERSONAL = (EMAIL, "wile.e", PHONE, "59899123456", "Wilecanary", "Coyotecanary", SESSION, "canary-note", "192.0.2.7")


def our_tables() -> str:
    """Every column of every row of ours, as text."""
    tables = apps.get_app_config("django_hellotext").get_models()
    rows = [list(table._base_manager.values()) for table in tables if not table._meta.proxy]
    return json.dumps(rows, cls=DjangoJSONEncoder, ensure_ascii=False)


@pytest.fixture
def wile(hellotext_app: Emulator, deliver: Deliver) -> User:
    """A customer with a history: views, a session, a newsletter, orders as account and as guest; some still waiting."""
    customer = make_customer(email=EMAIL, first_name="Wilecanary", last_name="Coyotecanary")
    hellotext_app.know_session(SESSION)
    hellotext.track(
        "page.viewed",
        profile=customer,
        session=SESSION,
        url="https://shop.example/?q=wile.e",
        metadata={"note": "canary-note"},
    )
    hellotext.subscribe(
        customer, evidence=hellotext.Evidence(source="form", text="yes", at=clock.now(), ip="192.0.2.7")
    )
    placed_order(customer=customer, email=EMAIL)
    placed_order(email=EMAIL, phone=PHONE, first_name="Wilecanary")
    deliver()
    hellotext.track(
        "page.viewed", profile=customer, session=SESSION, url="https://shop.example/", metadata={"note": "canary-note"}
    )
    make_cart(owner=customer)
    return customer


def test_erase_then_a_full_resync_makes_nobody_anew(
    wile: User, hellotext_app: Emulator, deliver: Deliver, profiles: Profiles
) -> None:
    """I3: no new remote profile, nothing personal in our tables."""
    other = make_customer()
    assert any(canary in our_tables() for canary in PERSONAL)
    hellotext.forget_customer(wile)
    deliver()
    wile.first_name = "Wilecanary"
    wile.save()
    hellotext.sync(User.objects.all())
    hellotext.sync(Order.objects.all())
    deliver()
    call_command("hellotext_sync", stdout=StringIO())
    hellotext.track("page.viewed", profile=wile, session=SESSION, url="https://shop.example/canary-note")
    placed_order(email=EMAIL.upper())
    deliver()
    assert [profile["emails"] for profile in profiles()] == [[other.email]]
    held = our_tables()
    assert [canary for canary in PERSONAL if canary in held] == []
    assert not Event.objects.filter(state=State.PENDING).exists()


def test_the_profile_is_cleared_by_an_ordinary_row(wile: User, hellotext_app: Emulator, deliver: Deliver) -> None:
    """I3: it survives an outage like every other."""
    remote_ids = set(RemoteObject.objects.filter(kind="profile").values_list("remote_id", flat=True))
    hellotext_app.add_fault(Fault(kind="error", method="DELETE", times=1))
    hellotext.forget_customer(wile)
    deliver()
    RemoteObject.objects.update(next_attempt_at=None)
    Account.objects.update(paused_until=None, paused_reason="")
    deliver()
    assert {
        entry.path.rpartition("/")[2] for entry in hellotext_app.log if entry.method == "DELETE" and entry.status == 200
    } == remote_ids
    rows = RemoteObject.objects.filter(kind="profile")
    assert {(row.state, row.remote_id, row.skip_reason) for row in rows} == {(State.DELETED, "", "erased")}


def test_an_email_names_everybody_who_has_it(wile: User, deliver: Deliver, profiles: Profiles) -> None:
    """I3: the account and the guest's orders alike; another letter case is the same address."""
    hellotext.forget_customer(EMAIL.upper())
    deliver()
    assert profiles() == []
    assert [canary for canary in PERSONAL if canary in our_tables()] == []


def test_a_guest_can_be_forgotten_by_the_order(hellotext_app: Emulator, deliver: Deliver, profiles: Profiles) -> None:
    """I3 for who never had an account; a phone alone leaves a tombstone, too."""
    order = placed_order(phone=PHONE, first_name="Wilecanary")
    deliver()
    hellotext.forget_customer(order)
    deliver()
    placed_order(phone="+598 99 123 456")
    deliver()
    assert profiles() == []


def test_the_profile_that_stood_in_for_who_could_not_be_sent_is_cleared_too(
    hellotext_app: Emulator, deliver: Deliver, refusals: Refusals
) -> None:
    refusals.refuse("/v1/profiles", when=lambda body: "email" in body)
    customer = make_customer()
    hellotext.track("page.viewed", profile=customer, url="https://shop.example/")
    for _ in range(3):
        deliver()
        Event.objects.all().send_now()
    table = hellotext_app.world.store["profile"].rows
    assert [row["first_name"] for row in table.values()] == ["Guest"]
    hellotext.forget_customer(customer)
    deliver()
    assert [row["deleted"] for row in table.values()] == [True]


def test_who_was_never_mirrored_is_not_mirrored_later(
    hellotext_app: Emulator, deliver: Deliver, profiles: Profiles
) -> None:
    customer = make_customer(email="")
    hellotext.forget_customer(customer)
    customer.email = "new@example.com"
    customer.save()
    deliver()
    assert profiles() == []


def test_an_erased_row_cannot_be_sent_again_by_hand(wile: User, deliver: Deliver) -> None:
    hellotext.forget_customer(wile)
    deliver()
    assert RemoteObject.objects.filter(kind="profile").requeue() == 0
    assert Event.objects.all().requeue() == 0


def test_the_same_purchase_is_not_recorded_anew(wile: User, deliver: Deliver) -> None:
    """A3 and I3: the fingerprint of the key stays, and says nothing of anybody."""
    hellotext.forget_customer(wile)
    deliver()
    before = Event.objects.count()
    hellotext.track("order.placed", Order.objects.filter(customer=wile).get())
    assert Event.objects.count() == before


def test_the_tombstone_is_no_plain_hash_and_outlives_a_new_secret_key(
    wile: User, deliver: Deliver, profiles: Profiles, settings: Any
) -> None:
    """I3: who has only the table cannot try addresses; a rotated key stays known as a fallback."""
    hellotext.forget_customer(wile)
    deliver()
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another"
    make_customer(email=EMAIL)
    deliver()
    assert profiles() == []
    settings.SECRET_KEY_FALLBACKS = []
    make_customer(email=EMAIL)
    deliver()
    assert len(profiles()) == 1


def test_who_comes_back_of_their_own_will_is_known_again(wile: User, deliver: Deliver, profiles: Profiles) -> None:
    hellotext.forget_customer(wile)
    deliver()
    assert hellotext.remember_customer(EMAIL) == 1
    make_customer(email=EMAIL)
    deliver()
    assert [profile["emails"] for profile in profiles()] == [[EMAIL]]


def test_the_order_of_another_guest_keeps_its_event_and_its_session(hellotext_app: Emulator, deliver: Deliver) -> None:
    erased, kept = [placed_order(email=email) for email in (EMAIL, "other@example.com")]
    deliver()
    mirrors = RemoteObject.objects.filter(kind="order")
    mirrors.update(session=SESSION)
    hellotext.forget_customer(erased)
    assert dict(mirrors.values_list("host_pk", "session")) == {str(erased.pk): "", str(kept.pk): SESSION}
    assert set(Event.objects.values_list("object_pk", flat=True)) == {"", str(kept.pk)}


def test_a_session_of_theirs_is_gone(wile: User, deliver: Deliver) -> None:
    assert Session.objects.filter(session=SESSION).exists()
    hellotext.forget_customer(wile)
    assert not Session.objects.exists()


def test_a_session_that_is_recorded_after_the_erasure_is_not_attached(
    wile: User, hellotext_app: Emulator, deliver: Deliver
) -> None:
    hellotext.forget_customer(wile)
    deliver()
    link = Link("profile", "auth.user", str(wile.pk))
    attachment(hellotext_settings.account, SESSION, link).save(force_insert=True)
    before = len(hellotext_app.log)
    deliver()
    assert not Session.objects.exists()
    assert not [entry for entry in hellotext_app.log[before:] if "/sessions/" in entry.path]


def test_an_event_of_an_erased_customer_is_not_sent_with_a_session_instead(
    wile: User, hellotext_app: Emulator, deliver: Deliver
) -> None:
    hellotext.forget_customer(wile)
    deliver()
    hellotext_app.know_session("later")
    hellotext.track("page.viewed", profile=wile, session="later", url="https://shop.example/")
    deliver()
    row = Event.objects.latest("pk")
    assert (row.state, row.skip_reason) == (State.SKIPPED, "erased")
    assert (row.profile_pk, row.session, row.url, row.metadata) == ("", "", "", {})


def test_a_cart_of_an_erased_customer_is_not_sent(wile: User, hellotext_app: Emulator, deliver: Deliver) -> None:
    hellotext.forget_customer(wile)
    deliver()
    before = len(hellotext_app.log)
    cart = make_cart(owner=wile)
    deliver()
    row = RemoteObject.objects.get(kind="cart", host_pk=str(cart.pk))
    assert (row.state, row.skip_reason) == (State.SKIPPED, "erased")
    assert not [entry for entry in hellotext_app.log[before:] if "/carts" in entry.path]


def erase(*arguments: str) -> str:
    out = StringIO()
    call_command("hellotext_erase", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_only_says_what_it_would_do(wile: User, profiles: Profiles, deliver: Deliver) -> None:
    """I3: and it says what remains, and where."""
    before = our_tables()
    said = erase(EMAIL)
    assert our_tables() == before
    assert "Would erase on default: 2 profiles" in said
    assert "Nothing was changed. Add --yes to do it." in said
    assert "Your own tables" in said
    assert "conversations" in said


def test_the_command_erases_with_yes_and_lifts(wile: User, profiles: Profiles, deliver: Deliver) -> None:
    said = erase(f"auth.User:{wile.pk}", "--yes")
    deliver()
    assert "wait to be cleared at Hellotext" in said
    assert EMAIL not in said
    assert profiles() == []
    assert erase(EMAIL, "--lift") == "1 tombstones taken away.\n"


@pytest.mark.parametrize("who", ["nobody", "auth.User:0", "auth.User:x", "shop.Nothing:1", "auth.User"])
def test_the_command_refuses_who_is_not_known(hellotext_app: Emulator, who: str) -> None:
    for command in ("hellotext_erase", "hellotext_export"):
        with pytest.raises(CommandError):
            call_command(command, who)


def test_an_email_that_nobody_has_leaves_a_tombstone_all_the_same(
    hellotext_app: Emulator, deliver: Deliver, profiles: Profiles
) -> None:
    """I3: the account was deleted before anybody asked."""
    assert "0 profiles" in erase("gone@example.com", "--yes")
    make_customer(email="gone@example.com")
    deliver()
    assert profiles() == []


def test_the_export_has_all_that_we_hold_of_one_person_and_nothing_of_another(wile: User) -> None:
    other = make_customer()
    hellotext.track("page.viewed", profile=other, url="https://shop.example/of-another")
    out = StringIO()
    call_command("hellotext_export", EMAIL, stdout=out)
    held = json.loads(out.getvalue())["databases"]["default"]
    assert {name: bool(rows) for name, rows in held.items()} == dict.fromkeys(held, True)
    assert SESSION in out.getvalue()
    assert "canary-note" in out.getvalue()
    assert "of-another" not in out.getvalue()


def test_what_could_not_be_searched_is_named(wile: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """I3: an answer that leaves out orders says so, whether it shows or erases."""
    assert hellotext.export_customer(EMAIL)["not_searched"] == []
    guest = {"email": EMAIL}
    monkeypatch.setattr(type(registry.for_model(Order)), "get_guest", lambda self, obj: guest, raising=False)
    assert hellotext.export_customer(EMAIL)["not_searched"] == ["testshop.Order"]
    assert "in code: testshop.Order." in erase(EMAIL)


@pytest.mark.parametrize("wrong", [None, 5, object()])
def test_only_a_person_can_be_forgotten(hellotext_app: Emulator, wrong: Any) -> None:
    with pytest.raises(TypeError):
        hellotext.forget_customer(wrong)


@pytest.mark.parametrize("wrong", ["", "  ", PHONE, "wile"])
def test_a_text_that_is_no_email_names_nobody(
    hellotext_app: Emulator, deliver: Deliver, profiles: Profiles, wrong: str
) -> None:
    """I3: a form that was left empty must not erase every customer without an e-mail."""
    make_customer(email="", first_name="Ada")
    deliver()
    before = our_tables()
    for verb in (hellotext.forget_customer, hellotext.export_customer):
        with pytest.raises(ValueError, match="Expected an e-mail") as caught:
            verb(wrong)
        assert PHONE not in str(caught.value)
    assert our_tables() == before


def test_a_blank_email_is_nobody_elses(hellotext_app: Emulator, deliver: Deliver, profiles: Profiles) -> None:
    """I3: of two customers without an e-mail, one asks to be forgotten."""
    asks = make_customer(email=" ", first_name="Wilecanary")
    make_customer(email="", first_name="Ada")
    deliver()
    assert [done.customers for done in hellotext.forget_customer(asks)] == [1]
    deliver()
    assert [profile["first_name"] for profile in profiles()] == ["Ada"]


# Whose an address is


@pytest.fixture
def verified(hellotext_app: Emulator, settings: Any) -> set[int]:
    """The accounts of which the shop knows that their e-mail is theirs; nobody at first."""
    known: set[int] = set()
    settings.HELLOTEXT = {**settings.HELLOTEXT, "VERIFIED": lambda customer, kind, value: customer.pk in known}
    return known


def names(profiles: Profiles) -> list[str]:
    return [profile["first_name"] for profile in profiles()]


def test_who_only_claims_an_email_cannot_have_its_owner_forgotten(
    verified: set[int], deliver: Deliver, profiles: Profiles
) -> None:
    """A10 and I3: anybody can make an account with your best customer's e-mail, and then delete that account."""
    placed_order(email=EMAIL, first_name="Wile")
    claims = make_customer(email=EMAIL, first_name="Mallory")
    deliver()
    assert EMAIL not in json.dumps(hellotext.export_customer(claims), cls=DjangoJSONEncoder)
    assert hellotext.export_customer(claims)["databases"]["default"]["objects"] == []
    hellotext.forget_customer(claims)
    deliver()
    assert names(profiles) == ["Wile"]
    placed_order(email=EMAIL, first_name="Wile")
    deliver()
    assert names(profiles) == ["Wile"]
    assert not Event.objects.exclude(state=State.DELIVERED).exists()


def test_the_owner_of_an_email_is_forgotten_without_who_only_claims_it(
    verified: set[int], deliver: Deliver, profiles: Profiles
) -> None:
    """A10 and I3: an e-mail on the command line still names everybody who says that it is theirs."""
    owner = make_customer(email=EMAIL, first_name="Wile")
    verified.add(owner.pk)
    make_customer(email=EMAIL, first_name="Mallory")
    deliver()
    hellotext.forget_customer(owner)
    deliver()
    assert names(profiles) == ["Mallory"]
    hellotext.forget_customer(EMAIL)
    deliver()
    assert names(profiles) == []


def test_an_account_with_a_local_number_alone_stays_forgotten(
    hellotext_app: Emulator, deliver: Deliver, profiles: Profiles, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I3 and I4: the tombstone is of the number as it is sent, however it was typed."""
    settings.HELLOTEXT = {**settings.HELLOTEXT, "PHONE_REGION": "UY"}
    monkeypatch.setattr(type(registry.for_model(User)), "get_phone", lambda self, obj: obj.last_name, raising=False)
    customer = make_customer(email="", first_name="Wile", last_name="099 123 456")
    deliver()
    hellotext.forget_customer(customer)
    placed_order(phone="099123456", first_name="Wile")
    deliver()
    assert profiles() == []


def test_every_email_of_an_account_leaves_a_tombstone(
    hellotext_app: Emulator, deliver: Deliver, profiles: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = type(registry.for_model(User))
    monkeypatch.setattr(adapter, "get_emails", lambda self, obj: {"work": "work@example.com"}, raising=False)
    customer = make_customer(email=EMAIL)
    deliver()
    hellotext.forget_customer(customer)
    placed_order(email="work@example.com")
    deliver()
    assert profiles() == []


def test_an_order_of_an_account_stands_for_that_account(
    hellotext_app: Emulator, deliver: Deliver, profiles: Profiles
) -> None:
    order = placed_order(customer=make_customer(email=EMAIL))
    deliver()
    hellotext.forget_customer(order)
    placed_order(email=EMAIL)
    deliver()
    assert profiles() == []


def test_an_account_whose_profile_cannot_be_made_can_be_forgotten(
    hellotext_app: Emulator,
    deliver: Deliver,
    profiles: Profiles,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(self: Any, obj: Any) -> Any:
        raise LookupError("the host's own mistake")

    customer = make_customer(email=EMAIL)
    deliver()
    with monkeypatch.context() as patched:
        patched.setattr(type(registry.for_model(User)), "get_properties", broken, raising=False)
        hellotext.forget_customer(customer)
    assert "adapter.failed" in caplog.messages
    placed_order(email=EMAIL)
    deliver()
    assert profiles() == []


def test_who_cannot_be_found_is_said(hellotext_app: Emulator, settings: Any) -> None:
    note = Note(order=placed_order(), text="x")
    with pytest.raises(TypeError, match="No adapter is registered for Note"):
        hellotext.forget_customer(note)
    for command, arguments, message in (
        ("hellotext_erase", ["1", "--lift"], "--lift takes an e-mail"),
        ("hellotext_erase", [EMAIL], "not configured"),
        ("hellotext_export", [EMAIL], "not configured"),
    ):
        if message == "not configured":
            settings.HELLOTEXT = {}
        with pytest.raises(CommandError, match=message):
            call_command(command, *arguments, stdout=StringIO())


def test_a_cart_of_nobody_has_nobody_to_forget(hellotext_app: Emulator, deliver: Deliver) -> None:
    cart = make_cart()
    deliver()
    before = our_tables()
    hellotext.forget_customer(cart)
    assert our_tables() == before
