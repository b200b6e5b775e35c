"""``events/`` and ``objects/``: staff see rows and reasons, and send them again, with the rights of the admin."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from django_hellotext.delivery import Report
from django_hellotext.models import PROXIES, Event, RemoteObject, SkipReason, State
from tests.factories import make_order, make_product, placed_order
from tests.needs import needed_module

from .conftest import Staff, make_event, make_object

needed_module("rest_framework")
pytestmark = pytest.mark.django_db

EVENTS, OBJECTS = "/hellotext/events/", "/hellotext/objects/"
HOSTILE = "</script><script>alert(1)</script>\N{LINE SEPARATOR}=1+1"


def ids(client: Client, url: str, **parameters: str) -> list[int]:
    response = client.get(url, parameters)
    assert response.status_code == 200, response.content
    return [row["id"] for row in response.json()["results"]]


# What is shown


def test_an_event_is_shown_with_its_state_and_reason(staff: Staff) -> None:
    """J3: status, type and parameter, attempts, next try."""
    event = make_event(
        1,
        state=State.FAILED,
        attempts=3,
        error_status=422,
        error_type="parameter_missing",
        error_parameter="object",
        error_message="is missing",
    )
    row = staff("view_event").get(f"{EVENTS}{event.pk}/").json()
    assert row["state"] == "failed"
    assert row["reason"] == "422 · parameter_missing · object · is missing"
    assert row["error"] == {
        "status": 422,
        "type": "parameter_missing",
        "parameter": "object",
        "message": "is missing",
    }
    assert row["attempts"] == 3
    assert row["customer"] == {"label": "auth.user", "pk": "1"}
    assert row["object"] == {"label": "testshop.product", "pk": "1"}


def test_a_skipped_object_says_why(staff: Staff) -> None:
    row = make_object(1, state=State.SKIPPED, skip_reason=SkipReason.NOT_SYNCABLE)
    shown = staff("view_product").get(f"{OBJECTS}{row.pk}/").json()
    assert "should_sync() says no" in shown["reason"]
    assert (shown["reference"], shown["remote_id"]) == ("R-1", "remote1")


def test_personal_data_is_shown_to_those_only_who_may_see_it(staff: Staff) -> None:
    """I1"""
    event = make_event(1, error_message="no profile wile@acme.example, +34600111222")
    private = ("session-1", "Coyote", "wile@acme.example", "600111222")
    seen = staff("view_event").get(f"{EVENTS}{event.pk}/").content.decode()
    assert [text for text in private if text in seen] == []
    trusted = staff("view_event", "view_personal_data").get(f"{EVENTS}{event.pk}/").json()
    assert trusted["session"] == "session-1"
    assert trusted["metadata"] == {"note": "Wile E. Coyote"}
    assert trusted["url"].endswith("?email=wile@acme.example")


def test_hostile_content_is_plain_json(staff: Staff) -> None:
    make_event(1, action=HOSTILE, object_pk=HOSTILE, metadata={HOSTILE: [HOSTILE] * 50}, error_message=HOSTILE)
    make_object(1, reference=HOSTILE, remote_id=HOSTILE[:64], host_pk=HOSTILE, error_message=HOSTILE)
    client = staff("view_event", "view_product", "view_personal_data")
    for url in (EVENTS, OBJECTS):
        response = client.get(url)
        assert response.headers["Content-Type"] == "application/json"
        assert HOSTILE in json.dumps(response.json(), ensure_ascii=False)


# Lists


def test_a_list_makes_the_same_number_of_queries_for_1_and_100_rows(staff: Staff) -> None:
    """J2"""
    client = staff("view_event", "view_product")
    for url, make in ((EVENTS, make_event), (OBJECTS, make_object)):
        make(0)
        with CaptureQueriesContext(connection) as for_one:
            ids(client, url)
        for number in range(1, 100):
            make(number)
        with CaptureQueriesContext(connection) as for_many:
            assert len(ids(client, url, page_size="200")) == 100
        assert len(for_many) == len(for_one) <= 6
        assert not [entry["sql"] for entry in for_many if "COUNT(" in entry["sql"] or "OFFSET" in entry["sql"]]


def test_pages_follow_one_another_newest_first(staff: Staff) -> None:
    rows = [make_event(number).pk for number in range(7)]
    client = staff("view_event")
    seen: list[int] = []
    url: str | None = f"{EVENTS}?page_size=3"
    while url:
        page = client.get(url).json()
        seen += [row["id"] for row in page["results"]]
        url = page["next"]
    assert seen == sorted(rows, reverse=True)


@pytest.mark.parametrize("position", ["x", "", "-1", "1.5", "9" * 30, "9223372036854775808", "\x00", "é", "[]", "1e3"])
@pytest.mark.parametrize("extra", ["", "&o=99999999999", "&r=1", "&r=x", "&o=-1"])
def test_a_forged_cursor_is_refused(staff: Staff, position: str, extra: str) -> None:
    make_event(1)
    cursor = base64.b64encode(f"p={position}{extra}".encode("utf-8", "replace")).decode()
    assert staff("view_event").get(EVENTS, {"cursor": cursor}).status_code in (200, 404)


@pytest.mark.parametrize("cursor", ["nonsense", "é", "===", "\x00", "A" * 5000])
def test_a_malformed_cursor_is_refused(staff: Staff, cursor: str) -> None:
    assert staff("view_event").get(EVENTS, {"cursor": cursor}).status_code in (200, 404)


def test_events_are_narrowed_by_what_an_operator_knows(staff: Staff) -> None:
    one = make_event(1, state=State.FAILED, error_type="invalid")
    two = make_event(2, action="order.placed", state=State.UNCERTAIN)
    client = staff("view_event")
    assert ids(client, EVENTS) == [two.pk, one.pk]
    assert ids(client, EVENTS, state="failed") == [one.pk]
    assert ids(client, EVENTS, state="problems") == [two.pk, one.pk]
    assert ids(client, EVENTS, error_type="invalid") == [one.pk]
    assert ids(client, EVENTS, error_type="invalid", state="pending") == []
    assert ids(client, EVENTS, action="order.placed") == [two.pk]
    assert ids(client, EVENTS, customer="auth.User:1") == [one.pk]
    assert ids(client, EVENTS, object="testshop.product:2") == [two.pk]
    assert ids(client, EVENTS, session="session-2") == [two.pk]
    assert ids(client, EVENTS, account="test-business/test") == [two.pk, one.pk]
    assert ids(client, EVENTS, account="another/one") == []


def test_objects_are_narrowed_by_what_an_operator_knows(staff: Staff) -> None:
    one = make_object(1, state=State.SYNCED)
    two = make_object(2, kind="order", state=State.FAILED, error_type="invalid")
    client = staff("view_product", "view_order")
    assert ids(client, OBJECTS, kind="order") == [two.pk]
    assert ids(client, OBJECTS, state="synced") == [one.pk]
    assert ids(client, OBJECTS, error_type="invalid") == [two.pk]
    assert ids(client, OBJECTS, reference="R-1") == [one.pk]
    assert ids(client, OBJECTS, remote_id="remote2") == [two.pk]
    assert ids(client, OBJECTS, object="testshop.product:1") == [one.pk]


@pytest.mark.parametrize(
    "query",
    [
        "stat=failed",
        "state=broken",
        "state=",
        "action=%00",
        "action=" + "x" * 101,
        "object=nonsense",
        "object=:1",
        "customer=auth.user:",
        "customer=auth.user:%00",
        "session=" + "x" * 65,
        "database=other",
        "database=default'--",
        "id__in=1",
        "%FF%FE=1",
    ],
)
def test_a_parameter_that_is_none_is_refused(staff: Staff, query: str) -> None:
    """A list that ignored a misspelt parameter would show the wrong rows."""
    assert staff("view_event").get(f"{EVENTS}?{query}").status_code == 400


@pytest.mark.parametrize("charset", ["rot13", "zlib", "utf-16", "idna"])
def test_a_hostile_charset_changes_nothing(staff: Staff, charset: str) -> None:
    make_event(1)
    content_type = f"application/json; charset={charset}"
    client = staff("view_event")
    assert client.generic("GET", f"{EVENTS}?state=pending", b"", content_type=content_type).status_code == 200


# Rights


def test_a_stranger_sees_nothing(client: Client, staff: Staff) -> None:
    event, row = make_event(1), make_object(1)
    customer = Client()
    customer.force_login(User.objects.create_user("customer"))
    addresses = [EVENTS, OBJECTS, f"{EVENTS}{event.pk}/", f"{OBJECTS}{row.pk}/"]
    for who in (client, customer, staff(), staff("view_event", "view_product", is_staff=False)):
        for address in addresses:
            assert who.get(address).status_code in (401, 403)
        assert who.post(f"{EVENTS}{event.pk}/retry/").status_code in (401, 403)


def test_a_right_to_see_one_kind_is_none_for_another(staff: Staff) -> None:
    product, order = make_object(1), make_object(2, kind="order")
    client = staff("view_order")
    assert ids(client, OBJECTS) == [order.pk]
    assert ids(client, OBJECTS, kind="product") == []
    assert client.get(f"{OBJECTS}{product.pk}/").status_code == 404
    assert client.get(EVENTS).status_code == 403
    assert ids(staff("view_remoteobject"), OBJECTS) == [order.pk, product.pk]


@pytest.mark.parametrize("proxy", PROXIES)
def test_each_kind_has_rights_of_its_own(staff: Staff, proxy: type[RemoteObject]) -> None:
    row = make_object(1, kind=proxy.KIND, state=State.FAILED)
    name = proxy._meta.model_name
    address = f"{OBJECTS}{row.pk}/retry/"
    assert staff(f"view_{name}").post(address).status_code == 403
    assert staff(f"change_{name}").post(address).status_code == 200


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_rows_are_not_written(staff: Staff, method: str) -> None:
    event = make_event(1)
    admin = staff(is_superuser=True)
    assert getattr(admin, method)(EVENTS).status_code == 405
    assert getattr(admin, method)(f"{EVENTS}{event.pk}/").status_code == 405
    assert Event.objects.count() == 1


# Sending again


@pytest.mark.parametrize("state", [State.FAILED, State.SKIPPED])
def test_retry_sends_again_what_was_refused_or_skipped(staff: Staff, state: State) -> None:
    event = make_event(1, state=state, attempts=4, error_type="invalid")
    client = staff("change_event")
    for _ in range(2):
        response = client.post(f"{EVENTS}{event.pk}/retry/")
        assert response.status_code == 200
        assert (response.json()["state"], response.json()["attempts"]) == ("pending", 0)


@pytest.mark.parametrize("state", [State.DELIVERED, State.SENDING, State.UNCERTAIN, State.PENDING])
def test_retry_leaves_every_other_row_alone(staff: Staff, state: State) -> None:
    """J3: idempotent."""
    event = make_event(1, state=state, attempts=4)
    response = staff("change_event").post(f"{EVENTS}{event.pk}/retry/")
    assert (response.status_code, response.json()["state"], response.json()["attempts"]) == (200, state.value, 4)


def test_a_retried_order_arrives(staff: Staff, deliver: Callable[..., Report]) -> None:
    order = placed_order()
    deliver()
    RemoteObject.objects.filter(host_label="testshop.order").update(state=State.FAILED, payload_hash="")
    mirror = RemoteObject.objects.get(kind="order", host_pk=str(order.pk))
    staff("change_order").post(f"{OBJECTS}{mirror.pk}/retry/")
    deliver()
    mirror.refresh_from_db()
    assert mirror.state == State.SYNCED


def test_retry_needs_the_csrf_token(staff: Staff) -> None:
    event = make_event(1, state=State.FAILED)
    user = User.objects.create_user("strict", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="change_event"))
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    assert client.post(f"{EVENTS}{event.pk}/retry/").status_code == 403


@pytest.mark.parametrize("pk", ["0", "999999999999999999", "9" * 19, "x", "-1", "1'", "%00"])
def test_a_row_that_is_none_is_not_found(staff: Staff, pk: str) -> None:
    admin = staff(is_superuser=True)
    assert admin.get(f"{EVENTS}{pk}/").status_code == 404
    assert admin.post(f"{OBJECTS}{pk}/retry/").status_code == 404


def test_rows_of_real_traffic_are_shown(staff: Staff, deliver: Callable[..., Report]) -> None:
    make_product()
    make_order(status="placed")
    deliver()
    admin = staff(is_superuser=True)
    assert len(ids(admin, OBJECTS)) == RemoteObject.objects.count() > 0
    assert len(ids(admin, EVENTS)) == Event.objects.count()
