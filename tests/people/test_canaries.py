"""A token, an e-mail, a phone and a name are seeded, and looked for wherever they must not be (demand I1)."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import pickle
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command, get_commands
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory, override_settings
from django.urls import path, reverse
from django.views.debug import ExceptionReporter

import django_hellotext as hellotext
from django_hellotext import clock, dispatch
from django_hellotext.adapters import registry
from django_hellotext.api import HellotextClient
from django_hellotext.api.backends import PreparedRequest, RawResponse
from django_hellotext.conf import hellotext_settings
from django_hellotext.delivery import Report
from django_hellotext.delivery.clients import client_from_settings
from django_hellotext.emulator import Emulator, Fault, MemoryBackend
from django_hellotext.exceptions import ApiError, TrackingError
from django_hellotext.management import commands as commands_package
from django_hellotext.models import Account, Change, Dashboard, Event, RemoteObject, Session
from tests.factories import make_customer, make_order, make_voucher, placed_order
from tests.needs import needed_module
from tests.testshop.models import Order, Voucher

TOKEN = "ALK_canary-token-7f3a"
EMAIL = "canary.person@shop.example"
PHONE = "+59899123456"
NAME = "Canariana"
CANARIES = (TOKEN, "canary-token", EMAIL, "canary.person", "canary person", PHONE, "99123456", "99.123.456", NAME)
# The same person and token in every way that a server, a library or an adapter may write them.
WRITTEN = (
    f'{EMAIL}, {quote(EMAIL, safe="")}, {quote(quote(EMAIL))}, "canary person"@shop.example, '
    f"canary.person@[192.0.2.7], {PHONE}, {quote(PHONE)}, 00598.99.123.456, "
    f"Bearer {TOKEN}, {TOKEN}, {TOKEN.removeprefix('ALK_')}"
)

# What prints personal data because it was asked for it, and a server that runs until it is stopped.
ON_PURPOSE = {"hellotext_export", "hellotext_emulator"}


def found_in(text: str) -> list[str]:
    return [canary for canary in CANARIES if canary in text]


class Everything(logging.Handler):
    """Every record with all that hangs on it, as an error tracker would take it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        trace = logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
        self.texts.append(f"{record.getMessage()} {vars(record)!r} {trace}")


@pytest.fixture
def logs() -> Iterator[Everything]:
    """Every logger at its loudest, but for Django's own record of SQL."""
    names = ("", "django_hellotext", "urllib3", "django.request", "celery", "kombu")
    before = {name: logging.getLogger(name).level for name in names}
    handler = Everything()
    logging.getLogger().addHandler(handler)
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
    logging.getLogger("django.db.backends").propagate = False
    yield handler
    logging.getLogger("django.db.backends").propagate = True
    logging.getLogger().removeHandler(handler)
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def account(settings: Any, hellotext_app: Emulator) -> Emulator:
    """The app with the canary as its token; faults stay where they are in production."""
    emulator = Emulator(token=TOKEN, business_id="test-business")
    settings.HELLOTEXT = {
        **settings.HELLOTEXT,
        "API_TOKEN": TOKEN,
        "BACKEND_OPTIONS": {"emulator": emulator},
        "RAISE_ERRORS": False,
    }
    return emulator


@pytest.fixture
def seeded(account: Emulator, deliver: Callable[..., Report], monkeypatch: pytest.MonkeyPatch) -> User:
    """A customer and a guest with everything that can go wrong: refusals, lost answers, adapters that raise."""

    def chatty(self: Any, obj: Any) -> str:
        raise ValueError(f"no method for {WRITTEN}")

    customer = make_customer(email=EMAIL, first_name=NAME, last_name=NAME)
    hellotext.track("page.viewed", profile=customer, session="s-1", url="https://shop.example/")
    hellotext.track("page.viewed", profile=customer, amount="much", currency="EUR", url="https://shop.example/")
    hellotext.subscribe(customer, evidence=hellotext.Evidence(source="form", text=f"I, {NAME}, agree", at=clock.now()))
    account.add_fault(Fault(kind="garbage", path="/v1/attribution/events", times=1))
    account.add_fault(Fault(kind="error", method="POST", path="/v1/profiles", times=1))
    placed_order(email=EMAIL, phone=PHONE, first_name=NAME)
    placed_order(customer=customer, email="not an e-mail", phone="099123456")
    deliver()
    RemoteObject.objects.update(next_attempt_at=None)
    Account.objects.update(paused_until=None, paused_reason="")
    for id in (EMAIL, WRITTEN):
        with contextlib.suppress(ApiError):
            client_from_settings().profiles.retrieve(id)
    monkeypatch.setattr(type(registry.for_model(Order)), "get_payment_method", chatty, raising=False)
    make_order(customer=customer, email=EMAIL)
    monkeypatch.setattr(type(registry.for_model(Voucher)), "get_code", chatty, raising=False)
    make_voucher()
    deliver()
    return customer


@pytest.mark.django_db
def test_logs_and_stored_errors(logs: Everything, seeded: User) -> None:
    """I1: whatever went wrong, and it did."""
    errors = [
        str(error)
        for table in (Event, RemoteObject, Session)
        for error in table.objects.values_list("error_type", "error_message", "error_parameter")
    ]
    adjustments = str([*RemoteObject.objects.values_list("adjustments", flat=True)])
    assert "attribute_failed" in adjustments
    assert found_in(adjustments) == []
    assert "adapter_failed" in str(errors)
    assert "parameter_invalid" in str(errors)
    assert len(logs.texts) > 10
    assert found_in("\n".join(errors)) == []
    assert found_in("\n".join(logs.texts)) == []


@pytest.mark.django_db
def test_what_is_shown_of_an_object(seeded: User) -> None:
    """I1: ``repr`` and ``str`` of rows, settings, clients, evidence, adapters and payloads at Hellotext."""
    client = client_from_settings()
    order = Order.objects.exclude(email="").latest("pk")
    things: list[Any] = [
        hellotext_settings,
        client,
        vars(client),
        hellotext.Evidence(source="form", text=NAME, at=clock.now(), ip="192.0.2.7"),
        registry.for_model(Order),
        RequestFactory().get("/"),
        *client.profiles.list(limit=100),
        *RemoteObject.objects.all(),
        *Event.objects.all(),
        *Session.objects.all(),
        *Account.objects.all(),
        *Change.objects.all(),
    ]
    assert order.email
    assert found_in("\n".join(f"{thing!r} {thing}" for thing in things)) == []


@pytest.mark.django_db
def test_pickles(seeded: User) -> None:
    """I1: an exception travels between processes, and the token refuses to travel."""
    client = client_from_settings()
    errors: list[BaseException] = []
    for call in (
        lambda: client.profiles.retrieve(f"{EMAIL}/{PHONE}"),
        lambda: client.profiles.create(email=EMAIL, phone="not a phone", first_name=NAME),
    ):
        with pytest.raises(ApiError) as caught:
            call()
        errors.append(caught.value)
    assert found_in("".join(pickle.dumps(error).decode("latin-1") for error in errors)) == []
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
        pickle.dumps(client)


def misspelt(request: HttpRequest) -> HttpResponse:
    """A view with a programmer's mistake that reaches us."""
    hellotext.track("order.plcaed", Order.objects.latest("pk"), profile=User.objects.latest("pk"), request=request)
    return HttpResponse()


def unlucky(request: HttpRequest) -> HttpResponse:
    """A view that talks to Hellotext itself, which it should not, and is refused."""
    client_from_settings().profiles.retrieve("nobody")
    return HttpResponse()


urlpatterns = [path("misspelt/", misspelt), path("unlucky/", unlucky)]


@pytest.mark.django_db
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize(("address", "error"), [("/misspelt/", TrackingError), ("/unlucky/", ApiError)])
def test_djangos_page_of_an_error(seeded: User, address: str, error: type[Exception]) -> None:
    """I1: ``DEBUG = True``, with every local variable of every frame and all settings."""
    with override_settings(DEBUG=True, ROOT_URLCONF=__name__):
        response = Client(raise_request_exception=False).get(address)
    assert response.status_code == 500
    page = response.content.decode()
    assert error.__name__ in page or "NotFound" in page
    assert "Local vars" in page or "HELLOTEXT" in page
    assert found_in(page) == []


@pytest.mark.django_db
def test_a_report_of_an_error_while_sending(seeded: User) -> None:
    """What an error tracker makes of failed calls, with the locals of our frames."""
    calls: list[Callable[[HellotextClient], object]] = [
        lambda client: client.sessions.attach("unknown-session", profile="nobody"),
        lambda client: client.profiles.create(email=EMAIL, phone="not a phone", first_name=NAME),
        lambda client: client.profiles.update(f"{EMAIL}/{PHONE}", phone=PHONE),
        lambda client: client.profiles.create(email=EMAIL, first_name=7),  # type: ignore[arg-type]  # wrong on purpose
        lambda client: client.request("POST", "/v1/profiles", json={"email": EMAIL, "phone": "not a phone"}),
    ]
    client = client_from_settings()
    for call in calls:
        with pytest.raises((ApiError, TypeError)) as caught:
            call(client)
        reporter = ExceptionReporter(None, caught.type, caught.value, caught.tb.tb_next)
        frames = [frame for frame in reporter.get_traceback_frames() if frame["filename"] != __file__]
        assert frames
        assert found_in(f"{caught.value!r} {[frame['vars'] for frame in frames]}") == []


class Broken(MemoryBackend):
    """Fails with an unexpected exception."""

    def send(self, request: PreparedRequest) -> RawResponse:
        raise RuntimeError("broken")


@pytest.mark.django_db
def test_a_report_of_an_unexpected_error_in_a_worker(
    account: Emulator, deliver: Callable[..., Report], settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """What an error tracker makes of the record ``row.unexpected``, with the locals of every frame."""
    settings.HELLOTEXT = {**settings.HELLOTEXT, "BACKEND": f"{Broken.__module__}.{Broken.__qualname__}"}
    make_customer(email=EMAIL, first_name=NAME)
    placed_order(email=f"second.{EMAIL}", phone=PHONE, first_name=NAME)
    reports = []

    class Tracker(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.exc_info:
                reports.append(str(ExceptionReporter(None, *record.exc_info).get_traceback_frames()))

    tracker = Tracker()
    logging.getLogger("django_hellotext.delivery").addHandler(tracker)
    try:
        deliver()
    finally:
        logging.getLogger("django_hellotext.delivery").removeHandler(tracker)
    assert len(reports) > 1
    assert [found_in(report) for report in reports] == [[]] * len(reports)


@pytest.mark.django_db
def test_every_page_of_the_admin(seeded: User, client: Client) -> None:
    """I1: lists and single rows of all our tables, for staff without the right to see personal data."""
    with hellotext.paused():
        operator = User.objects.create_user("operator", is_staff=True)
    rights = Permission.objects.filter(content_type__app_label="django_hellotext")
    operator.user_permissions.set(rights.exclude(codename="view_personal_data"))
    client.force_login(operator)
    pages = []
    for model, model_admin in admin.site._registry.items():
        if model._meta.app_label != "django_hellotext":
            continue
        name = f"admin:django_hellotext_{model._meta.model_name}"
        pages.append(reverse(f"{name}_changelist"))
        if model is Dashboard:  # one page for all rows, and its tables as files
            pages.append(reverse(f"{name}_csv", args=["refusals"]))
            continue
        keys = model_admin.get_queryset(RequestFactory().get("/")).values_list("pk", flat=True)[:50]
        pages += [reverse(f"{name}_change", args=[key]) for key in keys]
    assert len(pages) > 20
    leaks = {page: found for page in pages if (found := found_in(client.get(page, follow=True).content.decode()))}
    # The words that a customer agreed to stand with their row: the proof is of use to whoever has to show it.
    evidence = {f"/admin/django_hellotext/event/{row.pk}/change/" for row in Event.objects.filter(action="subscribe")}
    assert {page: found for page, found in leaks.items() if not (page in evidence and found == [NAME])} == {}


def said_by(*command: str) -> str:
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.suppress(SystemExit):  # the exit code of a status
            call_command(*command, stdout=out, stderr=err)
    except CommandError as error:  # manage.py prints it
        err.write(str(error))
    return out.getvalue() + err.getvalue()


def commands(seeded: User) -> dict[str, list[list[str]]]:
    """Every command with its options. A new command has to be added here."""
    order = Order.objects.latest("pk")
    failed = Event.objects.filter(state="failed").latest("pk")
    arguments = {
        "hellotext_sync": [
            [*options, "--wait", "0.01"]
            for options in ([], ["--full"], ["--check"], ["--repair", "--json"], ["--pull"], ["--dry-run"])
        ],
        "hellotext_worker": [["--once"]],
        "hellotext_prune": [["--days", "0"]],
        "hellotext_erase": [[f"auth.User:{seeded.pk}"]],
        "hellotext_explain": [
            ["auth.user", str(seeded.pk)],
            ["testshop.order", str(order.pk)],
            ["event", str(failed.pk)],
        ],
        "hellotext_js": [["/nowhere.js"]],
        "hellotext_doctor": [[], ["--json"]],
        "hellotext_status": [[], ["--json"]],
    }
    ours = {name for name, app in get_commands().items() if app == "django_hellotext"}
    assert ours - ON_PURPOSE <= arguments.keys()
    return dict(sorted(arguments.items()))


@pytest.mark.django_db
def test_every_management_command(seeded: User, deliver: Callable[..., Report]) -> None:
    """What a terminal, a cron mail or a CI log shows."""
    for name, given in commands(seeded).items():
        for options in given:
            said = said_by(name, *options)
            assert said, (name, options)
            assert found_in(said) == [], (name, options)


HOSTILE = "a\r\nFORGED line\x1b[2J\x1b]0;title\x07\x85FORGED\u2028FORGED\u202e"


@pytest.mark.django_db
def test_no_stored_text_steers_the_terminal(seeded: User, account: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors that an older version, another program or a server has written, in every command."""

    def hostile(self: Any, obj: Any) -> str:
        raise ValueError(HOSTILE)

    monkeypatch.setattr(type(registry.for_model(Order)), "get_payment_method", hostile, raising=False)
    wanted = commands(seeded)
    wanted["hellotext_explain"] += [["auth.user", HOSTILE], ["event", HOSTILE], [HOSTILE, "1"]]
    wanted["hellotext_explain"] += [[*options, "--json"] for options in wanted["hellotext_explain"]]
    wanted["hellotext_export"] = [[EMAIL], [HOSTILE]]
    wanted["hellotext_erase"] += [[HOSTILE]]
    wanted["hellotext_js"] += [[HOSTILE]]
    shown = 0
    for name, given in wanted.items():
        for options in given:
            for table in (Event, RemoteObject, Session):
                table.objects.update(error_message=HOSTILE, error_type=HOSTILE[:40], error_parameter=HOSTILE)
            RemoteObject.objects.update(reference=HOSTILE, state="failed")
            Account.objects.update(paused_reason="" if name == "hellotext_sync" else HOSTILE)
            said = said_by(name, *options)
            shown += "FORGED" in said
            assert not [line for line in said.splitlines() if line.startswith("FORGED")], (name, options)
            assert {char for char in said if not char.isprintable()} <= {"\n"}, (name, options)
    assert shown > 10


def test_every_command_prints_through_the_cleaned_output() -> None:
    for module in Path(commands_package.__path__[0]).glob("*.py"):
        source = module.read_text(encoding="utf-8")
        assert "BaseCommand)" not in source, module.name
        used = re.findall(r"self\.(?:stdout|stderr)\.write|print\(", source)
        assert not used, module.name


@pytest.fixture(
    params=[pytest.param("redis", marks=pytest.mark.redis), pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)]
)
def broker(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A queue of a real broker, and the project's Celery app publishing to it."""
    needed_module("celery")
    from tests.dispatch import brokers

    if request.param == "redis":
        needed_module("redis", minversion="6.1")
    found = brokers.Broker(brokers.REDIS if request.param == "redis" else brokers.RABBITMQ)
    yield found
    found.close()


@pytest.mark.xdist_group("brokers")
@pytest.mark.django_db(transaction=True)
def test_the_bytes_on_a_real_broker(account: Emulator, settings: Any, broker: Any) -> None:
    """I1 and D7: nothing of anybody, in no part of any message."""
    from celery import _state

    from tests.dispatch.brokers import text_of

    state: Any = _state
    before = state._tls.current_app
    broker.app().set_current()
    settings.HELLOTEXT = {**settings.HELLOTEXT, "DISPATCH": "celery"}
    try:
        with transaction.atomic():
            customer = make_customer(email=EMAIL, first_name=NAME)
            hellotext.track("page.viewed", profile=customer, url="https://shop.example/", metadata={"phone": PHONE})
            placed_order(email=EMAIL, phone=PHONE, first_name=NAME)
        dispatch.ask("default")
        message = broker.next_message()
    finally:
        state._set_current_app(before)
    assert message.headers["task"] == "django_hellotext.drain"
    assert found_in(text_of(message)) == []
    assert found_in(json.dumps(message.headers, default=str)) == []
