"""Whose event is it: the whole table of who buys, what tells of the order, and whose session the browser has.

Demands A5, G4, G5 and G6. What is compared is what Hellotext accepts, not what we believe to have recorded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import BaseCommand, call_command
from django.test import Client

from django_hellotext.delivery import Report
from django_hellotext.emulator import Emulator
from django_hellotext.models import Event, Session
from tests.factories import make_customer, make_staff
from tests.needs import needed_module
from tests.testshop.models import Order

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]

# In the browser of whoever makes the order.
SESSIONS = {
    "known": "seen-by-hellotext",
    "unseen": "not-seen-by-hellotext-yet",
    "another's": "attached-to-somebody-else",
    "none": "",
}

# A cell says: profile / session of the event. "-" is none, "nobody" a profile without contacts.
# A click is the order itself (order.placed); the others tell of its payment (order.confirmed).
TABLE = """
who buys     | session   | click             | webhook           | job               | command           | admin
-------------|-----------|-------------------|-------------------|-------------------|-------------------|------------------
anonymous    | known     | - / known         | - / known         | - / known         | - / known         | - / known
anonymous    | unseen    | - / unseen        | - / unseen        | - / unseen        | - / unseen        | - / unseen
anonymous    | another's | - / another's     | - / another's     | - / another's     | - / another's     | - / another's
anonymous    | none      | nobody / -        | nobody / -        | nobody / -        | nobody / -        | nobody / -
logged in    | known     | carla / known     | carla / known     | carla / known     | carla / known     | carla / known
logged in    | unseen    | carla / -         | carla / -         | carla / -         | carla / -         | carla / -
logged in    | another's | carla / -         | carla / -         | carla / -         | carla / -         | carla / -
logged in    | none      | carla / -         | carla / -         | carla / -         | carla / -         | carla / -
guest        | known     | guest / known     | guest / known     | guest / known     | guest / known     | guest / known
guest        | unseen    | guest / -         | guest / -         | guest / -         | guest / -         | guest / -
guest        | another's | guest / -         | guest / -         | guest / -         | guest / -         | guest / -
guest        | none      | guest / -         | guest / -         | guest / -         | guest / -         | guest / -
staff        | known     | carla / -         | carla / -         | carla / -         | carla / -         | carla / -
staff        | unseen    | carla / -         | carla / -         | carla / -         | carla / -         | carla / -
staff        | another's | carla / -         | carla / -         | carla / -         | carla / -         | carla / -
staff        | none      | carla / -         | carla / -         | carla / -         | carla / -         | carla / -
impersonated | known     | carla / -         | carla / -         | carla / -         | carla / -         | carla / -
impersonated | unseen    | carla / -         | carla / -         | carla / -         | carla / -         | carla / -
impersonated | another's | carla / -         | carla / -         | carla / -         | carla / -         | carla / -
impersonated | none      | carla / -         | carla / -         | carla / -         | carla / -         | carla / -
"""

ROWS = [[cell.strip() for cell in line.split("|")] for line in TABLE.strip().splitlines() if not line.startswith("-")]
TRIGGERS = ROWS[0][2:]


def take_payment(number: str) -> None:
    """In a job of the shop's own Celery."""
    jobs = needed_module("celery").Celery("whose-event", broker="memory://", set_as_current=False)
    jobs.conf.task_always_eager = True
    jobs.task(name="take_payment")(pay).delay(number)


class Command(BaseCommand):
    """A shop's own command that takes payments."""

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("number")

    def handle(self, *args: Any, number: str, **options: Any) -> None:
        pay(number)


def pay(number: str) -> None:
    order = Order.objects.get(number=number)
    order.status = "paid"
    order.save()


class World:
    """The people of the table, each at a browser of their own."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.carla = make_customer(username="carla", email="carla@shop.example")
        self.staff = make_staff(is_superuser=True)
        emulator.know_session(SESSIONS["known"])
        emulator.know_session(SESSIONS["another's"])
        taken = SESSIONS["another's"]
        somebody = self.ask("POST", "/v1/profiles", email="somebody@shop.example")
        self.ask("PATCH", f"/v1/sessions/{taken}", profile=somebody["id"])

    def ask(self, method: str, path: str, **values: str) -> dict[str, Any]:
        headers = {"Authorization": "Bearer test-token", "Content-Type": "application/json"}
        answer = self.emulator.handle(method, path, headers=headers, body=json.dumps(values).encode())
        found: dict[str, Any] = json.loads(answer.body)
        return found

    def browser(self, user: User | None, session: str) -> Client:
        browser = Client()
        if user is not None:
            browser.force_login(user)
        if session:
            browser.cookies["hello_session"] = session
        return browser

    def buyer(self, who: str, session: str) -> tuple[Client, dict[str, str]]:
        """The browser in which the order is made, and what is typed at the checkout."""
        theirs = {"customer": str(self.carla.pk)}
        match who:
            case "anonymous":
                return self.browser(None, session), {}
            case "guest":
                return self.browser(None, session), {"email": "guest@shop.example"}
            case "logged in":
                return self.browser(self.carla, session), theirs
            case "staff":
                return self.browser(self.staff, session), theirs
        browser = self.browser(self.staff, session)
        browser.post("/hijack/acquire/", {"user_pk": self.carla.pk})
        return browser, theirs

    def trigger(self, how: str, number: str) -> None:
        match how:
            case "webhook":
                Client().post("/paid/", {"number": number})
            case "job":
                take_payment(number)
            case "command":
                call_command(Command(), number)
            case "admin":
                # Staff with a session of their own, by the very link of a campaign.
                counter = self.browser(self.staff, "staffs-own")
                order = Order.objects.get(number=number)
                address = f"/counter/testshop/order/{order.pk}/change/?hello_session=staffs-own"
                assert counter.post(address, {"status": "paid"}).status_code == 302

    def cell(self, number: str, action: str) -> str:
        """Profile and session of the one event that has arrived for the order."""
        accepted = [e.body_json for e in self.emulator.log if e.path == "/v1/attribution/events" and e.accepted]
        found = [body for body in accepted if body["action"] == action and self._is_about(body, number)]
        if not found:
            return "nothing"
        [body] = found
        names = {session: name for name, session in SESSIONS.items()}
        session = names[body["session"]] if "session" in body else "-"
        return f"{self._name_of(body.get('profile'))} / {session}"

    def _is_about(self, body: dict[str, Any], number: str) -> bool:
        return bool(self.ask("GET", f"/v1/attribution/orders/{body['object']}")["reference"] == number)

    def _name_of(self, profile: str | None) -> str:
        if profile is None:
            return "-"
        emails = self.ask("GET", f"/v1/profiles/{profile}")["emails"]
        return re.sub("@shop.example", "", emails[0]) if emails else "nobody"


@pytest.fixture
def world(settings: Any, hellotext: Emulator) -> World:
    settings.ROOT_URLCONF = "tests.surfaces.shop_urls"
    # An event waits for its session; here nobody has that time.
    settings.HELLOTEXT = {**settings.HELLOTEXT, "SESSION_WAIT": 1e-6, "RAISE_ERRORS": False}
    return World(hellotext)


@pytest.mark.parametrize("row", ROWS[1:], ids=lambda row: ", ".join(row[:2]))
def test_whose_event_it_is(world: World, deliver: Deliver, row: list[str]) -> None:
    """Demands A5, G4, G5, G6."""
    who, session, *expected = row
    numbers = {}
    for how in TRIGGERS:
        browser, typed = world.buyer(who, SESSIONS[session])
        numbers[how] = browser.post("/buy/", typed).content.decode()
        world.trigger(how, numbers[how])
    deliver()
    Event.objects.update(next_attempt_at=None)  # what waits for a session has waited long enough
    deliver()
    action = {"click": "order.placed"}
    assert [world.cell(numbers[how], action.get(how, "order.confirmed")) for how in TRIGGERS] == expected


def test_the_staffs_own_session_is_nowhere(world: World, deliver: Deliver) -> None:
    """Demand G5."""
    browser, typed = world.buyer("logged in", SESSIONS["known"])
    world.trigger("admin", browser.post("/buy/", typed).content.decode())
    deliver()
    assert set(Session.objects.values_list("session", flat=True)) == {SESSIONS["known"]}
    assert "staffs-own" not in repr([entry.body_json for entry in world.emulator.log])
    assert not any("staffs-own" in entry.path for entry in world.emulator.log)


def test_a_forwarded_link_stays_its_owners(world: World, deliver: Deliver) -> None:
    """Demand G6: Ada's link, opened by Carla, who is logged in."""
    ada = make_customer(username="ada", email="ada@shop.example")
    world.browser(ada, "").get("/look/", {"hello_session": SESSIONS["known"]})
    deliver()
    carla = world.browser(world.carla, "carlas-own")
    carla.get("/look/", {"hello_session": SESSIONS["known"]})
    deliver()
    bodies = [e.body_json for e in world.emulator.log if e.path == "/v1/attribution/events" and e.accepted]
    assert [body.get("session") for body in bodies] == [SESSIONS["known"], None]
    assert len({body["profile"] for body in bodies}) == 2
    assert {row.profile_pk: row.is_conflict for row in Session.objects.all()} == {
        str(ada.pk): False,
        str(world.carla.pk): True,
    }
    assert sum(e.path == f"/v1/sessions/{SESSIONS['known']}" for e in world.emulator.log) == 1


def test_a_shared_device_keeps_two_customers_apart(world: World, deliver: Deliver) -> None:
    """Demand G6: after a logout the browser keeps its session, and the second customer does not get it."""
    device = Client()
    device.cookies["hello_session"] = SESSIONS["known"]
    for name in ("ada", "berta"):
        device.post("/register/", {"username": name})
        device.post("/leave/")
        deliver()
    conflicts = [row.is_conflict for row in Session.objects.order_by("id")]
    assert conflicts == [False, True]
    assert sum(e.path == f"/v1/sessions/{SESSIONS['known']}" for e in world.emulator.log) == 1
    assert "hellotext_session" not in device.session


def test_staff_with_a_session_of_their_own_look_at_nothing(world: World, deliver: Deliver) -> None:
    """Demand G5: what staff look at says nothing about a customer."""
    world.browser(world.staff, SESSIONS["known"]).get("/look/")
    deliver()
    assert not any(e.path == "/v1/attribution/events" for e in world.emulator.log)


def test_a_profile_from_the_browser_is_nothing(world: World, deliver: Deliver) -> None:
    somebody = world.ask("POST", "/v1/profiles", email="rich@shop.example")["id"]
    visitor = world.browser(None, SESSIONS["known"])
    visitor.cookies["profile"] = visitor.cookies["hello_user_id"] = somebody
    visitor.get("/look/", {"profile": somebody, "hello_profile": somebody})
    deliver()
    [body] = [e.body_json for e in world.emulator.log if e.path == "/v1/attribution/events"]
    assert "profile" not in body
