"""The admin on a desk, a tablet and a phone, by day and by night, by keyboard, and with what should never be there."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from bookshop.models import Order
from django.contrib.auth.models import User
from django.db import models

import django_hellotext
from django_hellotext import clock
from django_hellotext.delivery import Report
from django_hellotext.models import Account, Change, Dashboard, Event, Profile, RemoteObject, Session, SkipReason, State
from django_hellotext.models import Order as RemoteOrder
from django_hellotext.models.deliverable import error_fields
from django_hellotext.models.identity import fingerprint
from tests.example.conftest import Visitor

from .conftest import Enter, Operator

pytestmark = [
    pytest.mark.chromium,
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("the admin in a browser"),
    pytest.mark.timeout(300),
]

HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'><svg onload=alert(1)>"
    "=cmd|' /C calc'!A0 {{ 7*7 }} \a\x1b[31m \u202ebidi\u2066 " + "W" * 300
)
MEGABYTE = 1_000_000  # characters
LARGEST_PAGE = 300_000  # bytes of HTML
# The windows that each page is looked at in: how wide, and by day or by night.
LAYOUTS = [(1280, "light"), (1280, "dark"), (768, "light"), (375, "dark"), (375, "light")]

Deliver = Callable[[], Report]


def buys(name: str, book: str, *, session: str = "") -> Order:
    visitor = Visitor()
    visitor.cookies["cookies"] = "yes"
    visitor.get("/", {"hello_session": session} if session else {})
    visitor.register(email=f"{name}@example.com")
    visitor.add(book)
    return visitor.check_out(email=f"{name}@example.com")


@pytest.fixture
def trouble(shop: Any, deliver: Deliver) -> Order:
    """A day in the shop, with rows in every state; answers an order that was refused."""
    buys("grace", "walden", session="of-grace")
    refused = buys("ada", "the-strange-case-of-dr-jekyll-and-mr-hyde")
    Order.objects.filter(pk=refused.pk).update(currency="€")
    deliver()
    now = clock.now()
    for number, state in enumerate(State):
        if state in (State.SYNCED, State.DELETED):
            continue
        event(
            number,
            state=state,
            attempts=number,
            next_attempt_at=now if state == State.PENDING else None,
            skip_reason=SkipReason.SUPERSEDED if state == State.SKIPPED else "",
            url="https://books.example/" + "a-long-way/" * 20,
        )
    Session.objects.create(
        account="books/test",
        identity=fingerprint("of-grace"),
        session="of-grace",
        profile_label="auth.user",
        profile_pk=str(refused.customer_id),
        state=State.FAILED,
        **error_fields(status=None, type=Session.CONFLICT, parameter="session", message="It is another customer's."),
    )
    Change.about("bookshop.order", str(refused.pk), account="books/test", happened_at=now).save()
    second_account(refused)
    return refused


def second_account(order: Order) -> None:
    """Another account of the customer of ``order``."""
    with django_hellotext.paused():
        user = User.objects.create_user("ada-again", email="ADA@example.com")
    first = Profile.objects.get(host_label="auth.user", host_pk=str(order.customer_id))
    Profile.objects.create(
        account=first.account,
        identity=fingerprint("second account"),
        kind=first.kind,
        host_label=first.host_label,
        host_pk=str(user.pk),
        remote_id=first.remote_id,
        attributed=True,
        state=State.SYNCED,
    )


def event(number: int, **values: Any) -> Event:
    return Event.objects.create(
        **{
            "uuid": f"00000000-0000-4000-8000-{number:012}",
            "account": "books/test",
            "source": "bookshop",
            "action": "product.viewed",
            "ordering_key": f"auth.user:{number}",
            "profile_label": "auth.user",
            "profile_pk": str(User.objects.order_by("pk").values_list("pk", flat=True)[0]),
            "object_kind": "product",
            "object_label": "bookshop.book",
            "object_pk": "1",
            "amount": Decimal("1234567.8"),
            "currency": "EUR",
            "session": "of-grace",
            "metadata": {"campaign": "autumn-reading", "answers": list(range(30))},
            "tracked_at": clock.now(),
            **values,
        }
    )


def ours(model: type[models.Model], page: str = "") -> str:
    return f"/admin/django_hellotext/{model._meta.model_name}/{page}"


def every_page(refused: Order) -> dict[str, str]:
    """The pages of the package, by a name for their pictures."""
    mirror = RemoteOrder.objects.get(host_pk=str(refused.pk))
    return {
        "events": ours(Event),
        "event": ours(Event, f"{Event.objects.filter(action='order.placed').latest('pk').pk}/change/"),
        "event-long": ours(Event, f"{Event.objects.filter(action='product.viewed').latest('pk').pk}/change/"),
        "objects": ours(RemoteOrder),
        "object": ours(RemoteOrder, f"{mirror.pk}/change/"),
        "object-sent": ours(RemoteOrder, f"{RemoteOrder.objects.exclude(pk=mirror.pk).get().pk}/change/"),
        "profiles-one-customer": ours(Profile, "?customers=one"),
        "profile": ours(Profile, f"{Profile.objects.filter(attributed=False).latest('pk').pk}/change/"),
        "sessions": ours(Session),
        "session": ours(Session, f"{Session.objects.latest('pk').pk}/change/"),
        "changes": ours(Change),
        "accounts": ours(Account),
        "account": ours(Account, f"{Account.objects.get().pk}/change/"),
        "dashboard": ours(Dashboard),
        "shop-orders": "/admin/bookshop/order/",
        "shop-order": f"/admin/bookshop/order/{refused.pk}/change/",
        "shop-customer": f"/admin/auth/user/{refused.customer_id}/change/",
    }


@pytest.mark.parametrize(
    ("language", "layouts", "action"),
    [
        ("en", LAYOUTS, "Do not send (waiting and refused rows)"),
        ("es", LAYOUTS[-1:], "No enviar (registros en espera y rechazados)"),
    ],
    ids=["en", "es"],
)
def test_no_page_reaches_beyond_the_window(
    enter: Enter, trouble: Order, settings: Any, language: str, layouts: list[tuple[int, str]], action: str
) -> None:
    settings.LANGUAGE_CODE = language
    operator = enter()
    found = {}

    def look(page: str) -> None:
        for width, scheme in layouts:
            operator.page.set_viewport_size({"width": width, "height": 800})
            operator.page.emulate_media(color_scheme=scheme)
            operator.shoot(f"{width}-{scheme}-{language}-{page}")
            found[page, width, scheme] = operator.overflow()
            ground = operator.page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (ground == "rgb(255, 255, 255)") is (scheme == "light")

    for name, address in every_page(trouble).items():
        operator.go(address)
        look(name)
    operator.go(ours(Event))
    operator.act(action, *Event.objects.order_by("-pk").values_list("pk", flat=True)[:3])
    look("confirm")
    assert {where: reaching for where, reaching in found.items() if reaching} == {}


# Hostile content


def spoil(row: models.Model) -> None:
    """Write what an attacker would into every field that takes a text."""
    kept = {"account", "identity", "kind", "host_label", "object_kind", "currency", "destination"}
    for field in row._meta.concrete_fields:
        if isinstance(field, models.JSONField):
            setattr(row, field.attname, {HOSTILE: [HOSTILE, {"long": "m" * MEGABYTE}]})
        elif isinstance(field, models.CharField | models.TextField) and not (
            field.choices or field.unique or field.name in kept
        ):
            setattr(row, field.attname, f"{HOSTILE}"[: field.max_length])
    if hasattr(row, "error_message"):
        for name, value in error_fields(status=422, type=HOSTILE, parameter=HOSTILE, message=HOSTILE * 2_000).items():
            setattr(row, name, value)
    row.save()


def test_what_is_hostile_is_shown_and_does_nothing(enter: Enter, trouble: Order) -> None:
    pages = every_page(trouble)
    mirrors = list(RemoteObject.objects.all())
    host_pks = {row.pk: (row.host_label, row.host_pk) for row in mirrors}
    for model in (Event, Session, Change):
        for number, row in enumerate(model._default_manager.all()):
            spoil(row) if number < 3 or model is not Session else None
    for row in mirrors:
        spoil(row)
        label, pk = host_pks[row.pk]
        RemoteObject.objects.filter(pk=row.pk).update(
            host_label=label, host_pk=pk, remote_id=(HOSTILE + str(row.pk))[:64]
        )
    Account.objects.update(paused_reason=HOSTILE[:200], halted_reason=HOSTILE[:200])
    with django_hellotext.paused():
        User.objects.update(first_name=HOSTILE[:150], last_name=HOSTILE[:150])
        Order.objects.filter(pk=trouble.pk).update(first_name=HOSTILE[:80], city=HOSTILE[:80])
    operator = enter(width=375)
    shown = 0
    reaching: dict[str, list[str]] = {}
    for name, address in pages.items():
        operator.go(address)
        operator.shoot(f"hostile-{name}")
        assert len(operator.page.content()) < LARGEST_PAGE, name
        assert operator.page.locator("#content svg[onload], #content img[onerror]").count() == 0
        reaching |= {name: operator.overflow()} if operator.overflow() else {}
        shown += "alert(1)" in operator.text()
    assert shown >= 12
    assert reaching == {}


# By keyboard


def focused(operator: Operator) -> dict[str, Any]:
    found: dict[str, Any] = operator.page.evaluate("""() => {
      const one = document.activeElement, style = getComputedStyle(one);
      const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
      return {
        tag: one.tagName.toLowerCase(), name: one.name || "", type: one.type || "", value: one.value || "",
        text: one.innerText || "", css: one.className || "", seen: ring || style.boxShadow !== "none",
      };
    }""")
    return found


def tab_to(operator: Operator, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Press Tab until the focus is there."""
    for _ in range(200):
        operator.page.keyboard.press("Tab")
        here = focused(operator)
        if wanted(here):
            return here
    raise AssertionError("the focus never comes there")


def enter_key(operator: Operator) -> None:
    with operator.page.expect_navigation():
        operator.page.keyboard.press("Enter")


def test_rows_are_filtered_chosen_and_skipped_with_the_keyboard_alone(operator: Operator, trouble: Order) -> None:
    row = Event.objects.get(action="product.viewed", state=State.FAILED)
    operator.go(ours(Event))
    tab_to(operator, lambda here: here["tag"] == "a" and here["text"] == "needs attention")
    enter_key(operator)
    tab_to(operator, lambda here: here["tag"] == "select" and here["name"] == "action")
    operator.page.keyboard.type("Do not send")
    tab_to(operator, lambda here: here["name"] == "_selected_action" and here["value"] == str(row.pk))
    operator.page.keyboard.press("Space")
    for _ in range(200):
        operator.page.keyboard.press("Shift+Tab")
        if focused(operator)["name"] == "index":
            break
    enter_key(operator)
    tab_to(operator, lambda here: here["name"] == "note")
    operator.page.keyboard.type("asked by telephone")
    assert tab_to(operator, lambda here: here["type"] == "submit")["seen"]
    enter_key(operator)
    row.refresh_from_db()
    assert (row.state, row.skip_reason) == (State.SKIPPED, SkipReason.PERSON)
    assert "asked by telephone" in row.why


def test_a_hellotext_id_is_copied_with_the_keyboard_alone(operator: Operator, trouble: Order) -> None:
    mirror = RemoteOrder.objects.exclude(remote_id="").get()
    operator.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    operator.go(ours(RemoteOrder, f"{mirror.pk}/change/"))
    here = tab_to(operator, lambda here: "hellotext-copy-button" in here["css"])
    assert here["text"] == "Copy"
    assert here["seen"]
    operator.page.keyboard.press("Enter")
    operator.page.wait_for_function("document.activeElement.innerText === '✓ Copied'")
    assert operator.page.evaluate("navigator.clipboard.readText()") == mirror.remote_id


# Rights


def test_who_may_see_events_alone_sees_nothing_personal_and_can_do_nothing(enter: Enter, trouble: Order) -> None:
    clerk = enter(rights=["django_hellotext.view_event", "django_hellotext.view_profile", "bookshop.view_order"])
    clerk.go(ours(Event))
    assert clerk.page.locator("select[name=action]").count() == 0
    for row in Event.objects.all():
        clerk.go(ours(Event, f"{row.pk}/change/"))
        for personal in ("of-grace", "autumn-reading", "a-long-way", "@example.com"):
            assert personal not in clerk.page.content()
    for profile in Profile.objects.all():
        clerk.go(ours(Profile, f"{profile.pk}/change/"))
        assert "@example.com" not in clerk.page.content()
        assert "Byron" not in clerk.page.content()
    clerk.go(f"/admin/bookshop/order/{trouble.pk}/change/")
    assert clerk.page.locator(".hellotext-explanation").count() == 0
    assert clerk.page.goto(clerk.url + ours(RemoteOrder)).status == 403
    clerk.wrong = [wrong for wrong in clerk.wrong if "403" not in wrong]
