"""``@track`` on function views."""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.utils.decorators import method_decorator
from django.views import View

from django_hellotext.decorators import track
from django_hellotext.emulator import Emulator
from django_hellotext.models import Event, State
from tests.factories import make_customer, make_order, make_product, make_staff

pytestmark = pytest.mark.django_db

SESSION = "visitor-1"


@pytest.fixture
def visitor(client: Client) -> Client:
    """Somebody whose browser has run Hellotext.js before."""
    client.cookies["hello_session"] = SESSION
    return client


@pytest.fixture
def quiet(hellotext: Emulator, settings: Any) -> None:
    """As in production: faults are logged."""
    settings.HELLOTEXT["RAISE_ERRORS"] = False


def test_a_view_that_answers_well_records_one_event(hellotext: Emulator, visitor: Client) -> None:
    product = make_product()
    assert visitor.get(f"/products/{product.pk}/").content == b"<p>product</p>"
    event = Event.objects.get()
    assert (event.action, event.object_label, event.object_pk) == (
        "product.viewed",
        "testshop.product",
        str(product.pk),
    )
    assert (event.session, event.profile_pk, event.state) == (SESSION, "", State.PENDING)


def test_a_logged_in_customer_is_the_profile(hellotext: Emulator, client: Client) -> None:
    customer, product = make_customer(), make_product()
    client.force_login(customer)
    client.get(f"/products/{product.pk}/")
    assert Event.objects.get().profile_pk == str(customer.pk)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_every_2xx_counts(hellotext: Emulator, visitor: Client, status: int) -> None:
    visitor.get(f"/products/{make_product().pk}/?status={status}")
    assert Event.objects.count() == 1


@pytest.mark.parametrize("status", [199, 300, 301, 302, 304, 400, 403, 404, 410, 429, 500, 503])
def test_nothing_else_counts(hellotext: Emulator, visitor: Client, status: int) -> None:
    assert visitor.get(f"/products/{make_product().pk}/?status={status}").status_code == status
    assert not Event.objects.exists()


def test_values_and_callables_reach_the_event(hellotext: Emulator, visitor: Client) -> None:
    product = make_product()
    visitor.get(f"/products/{product.pk}/detail/")
    event = Event.objects.get()
    assert (event.amount, event.currency, event.key) == (Decimal("12.50"), "USD", f"view-{product.pk}")
    assert event.metadata["method"] == "GET"


def test_a_key_makes_two_views_one_event(hellotext: Emulator, visitor: Client) -> None:
    product = make_product()
    for _ in range(2):
        visitor.get(f"/products/{product.pk}/detail/")
    assert Event.objects.count() == 1


def test_a_page_view_carries_its_address(hellotext: Emulator, visitor: Client) -> None:
    visitor.get("/page/?a=1")
    assert Event.objects.get().url == "http://testserver/page/?a=1"


def test_a_file_counts_like_any_response(hellotext: Emulator, visitor: Client) -> None:
    assert b"".join(visitor.get("/file/")) == b"bytes"
    assert Event.objects.count() == 1


def test_a_template_response_counts_once_it_is_rendered(hellotext: Emulator, visitor: Client) -> None:
    visitor.get(f"/products/{make_product().pk}/template/")
    assert Event.objects.count() == 1


def test_a_template_response_that_fails_to_render_does_not_count(hellotext: Emulator, visitor: Client) -> None:
    with pytest.raises(LookupError, match="the template's own mistake"):
        visitor.get(f"/products/{make_product().pk}/template/?fail=1")
    assert not Event.objects.exists()


def test_a_method_is_decorated_through_method_decorator(hellotext: Emulator) -> None:
    class Page(View):
        @method_decorator(track("page.viewed"))
        def get(self, request: HttpRequest) -> HttpResponse:
            return HttpResponse()

    request = RequestFactory().get("/page/")
    request.COOKIES["hello_session"] = SESSION
    Page.as_view()(request)
    assert Event.objects.get().session == SESSION


def test_a_request_given_by_name_is_found(hellotext: Emulator) -> None:
    @track("page.viewed")
    def page(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    request = RequestFactory().get("/page/")
    request.COOKIES["hello_session"] = SESSION
    page(request=request)
    assert Event.objects.get().session == SESSION


# The host never suffers


def test_the_hosts_own_exception_passes_through_untouched(hellotext: Emulator, visitor: Client) -> None:
    with pytest.raises(LookupError, match="the host's own mistake") as raised:
        visitor.get(f"/products/{make_product().pk}/broken/")
    assert raised.value.__context__ is None
    assert not Event.objects.exists()


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("path", ["/broken-callable/", "/unknown-action/"])
def test_a_fault_never_reaches_the_visitor_and_is_logged(
    visitor: Client, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    with caplog.at_level(logging.ERROR, "django_hellotext"):
        response = visitor.get(path)
    assert (response.status_code, response.content) == (200, b"<p>fine</p>")
    assert [record.message for record in caplog.records] == ["track.failed"]


@pytest.mark.usefixtures("quiet")
def test_a_product_that_is_not_there_never_reaches_the_visitor(visitor: Client) -> None:
    assert visitor.get("/products/404404/").content == b"<p>product</p>"


@pytest.mark.parametrize(
    ("path", "error"),
    [("/broken-callable/", ZeroDivisionError), ("/unknown-action/", ValueError), ("/products/404/", Exception)],
)
def test_where_errors_are_raised_a_fault_is_seen(
    hellotext: Emulator, visitor: Client, path: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        visitor.get(path)


def test_a_view_that_forgets_to_answer_gets_djangos_own_complaint(hellotext: Emulator, visitor: Client) -> None:
    with pytest.raises(ValueError, match="didn't return an HttpResponse"):
        visitor.get("/no-response/")


@pytest.mark.parametrize("query", ["", "?hello_session=" + "x" * 10_240, "?hello_session=%00"])
def test_a_visitor_of_whom_nothing_is_known_leaves_no_row(hellotext: Emulator, client: Client, query: str) -> None:
    assert client.get(f"/page/{query}").status_code == 200
    assert client.get(f"/products/{make_product().pk}/{query}").status_code == 200
    assert not Event.objects.exists()


def test_a_staff_member_leaves_no_row(hellotext: Emulator, visitor: Client) -> None:
    visitor.force_login(make_staff())
    visitor.get(f"/products/{make_product().pk}/")
    assert not Event.objects.exists()


def test_an_order_knows_its_customer_whoever_looks_at_it(hellotext: Emulator, client: Client) -> None:
    customer = make_customer()
    order = make_order(customer=customer)
    client.force_login(make_staff())
    client.get(f"/orders/{order.pk}/")
    event = Event.objects.get()
    assert (event.object_pk, event.profile_pk) == (str(order.pk), str(customer.pk))


def test_what_staff_refuse_for_themselves_is_not_refused_for_a_customer(
    hellotext: Emulator, client: Client, settings: Any
) -> None:
    """Demand G5: the hook is asked about the order's customer when it is sent, never about who moved the order on."""
    settings.HELLOTEXT["CONSENT"] = lambda request, purpose, subject: not getattr(subject, "is_staff", False)
    order = make_order(customer=make_customer())
    client.force_login(make_staff())
    client.get(f"/orders/{order.pk}/")
    assert Event.objects.get().object_pk == str(order.pk)


# Caches


def test_without_a_session_cookie_neither_user_nor_session_is_read(hellotext: Emulator, visitor: Client) -> None:
    response = visitor.get(f"/products/{make_product().pk}/")
    assert Event.objects.count() == 1
    assert not response.wsgi_request.session.accessed
    assert "Vary" not in response.headers
    assert not response.cookies


# At decoration


def test_the_decorated_view_keeps_its_name_and_docstring() -> None:
    @track("page.viewed")
    def page(request: HttpRequest) -> HttpResponse:
        """The page."""
        return HttpResponse()

    assert (page.__name__, page.__doc__) == ("page", "The page.")


def test_an_unknown_action_is_no_error_at_import() -> None:
    track("prodct.viewed")(lambda request: HttpResponse())
