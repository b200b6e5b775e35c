"""Events that the visitor's browser sends: what may stand in a page, and what never does."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.template import Context, Template, engines
from django.template.response import TemplateResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import cache_page

from django_hellotext.adapters import OnChange, registry
from django_hellotext.decorators import track
from django_hellotext.emulator import Emulator
from django_hellotext.exceptions import TrackingError
from django_hellotext.models import Event
from django_hellotext.snippet import event, events
from tests.checked import checked
from tests.factories import make_cart, make_customer, make_order, make_product
from tests.testshop.models import Product

pytestmark = pytest.mark.django_db

PAGE = "{% load hellotext %}<title>{{ title }}</title>{% hellotext %}<p>page</p>"


def page(request: HttpRequest, **options: Any) -> HttpResponse:
    """A page of the shop, whose base template has the tag."""
    return HttpResponse(engines["django"].from_string(PAGE).render({}, request), **options)


def the_product(request: HttpRequest, pk: int) -> Product:
    """Find the product in the database."""
    return Product.objects.get(pk=pk)


seen = track("product.viewed", object=the_product, via="browser")


@seen
def product(request: HttpRequest, pk: int) -> HttpResponse:
    """A product's page; answers with the status that the query asks for."""
    if "gone" in request.GET:
        raise Http404
    return page(request, status=int(request.GET.get("status", 200)))


@seen
def later(request: HttpRequest, pk: int) -> TemplateResponse:
    """A page that is rendered after the view has answered."""
    status = int(request.GET.get("status", 200))
    return TemplateResponse(request, engines["django"].from_string(PAGE), status=status)


@seen
async def asynchronous(request: HttpRequest, pk: int) -> TemplateResponse:
    """The same, from a coroutine."""
    return TemplateResponse(request, engines["django"].from_string(PAGE))


@seen
async def in_the_loop(request: HttpRequest, pk: int) -> HttpResponse:
    """A coroutine that renders by itself, where nothing may query."""
    return page(request)


@method_decorator(seen, name="dispatch")
class OnTheClass(View):
    """The same, from a class."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Answer."""
        return page(request)


@seen
def data(request: HttpRequest, pk: int) -> JsonResponse:
    """What is no page."""
    return JsonResponse({"pk": pk})


@seen
def streaming(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """A page that is rendered while it is sent."""

    def pieces() -> Iterator[bytes]:
        yield b"<!doctype html>"
        yield page(request).content

    return StreamingHttpResponse(pieces())


@track("page.viewed", via="browser", metadata={"shelf": "new"}, when=lambda request: "quiet" not in request.GET)
def shelf(request: HttpRequest) -> HttpResponse:
    """A page about nothing that has an adapter."""
    return page(request)


@track("product.viewed", object=lambda request, pk: 1 // 0, via="browser")
def broken(request: HttpRequest, pk: int) -> HttpResponse:
    """A view whose decorator has a mistake."""
    return page(request)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The shop's own page for what is not there; it has the tag as every page has."""
    return page(request, status=404)


handler404 = not_found
urlpatterns = [
    path("product/<int:pk>/", product),
    path("cached/<int:pk>/", cache_page(600)(product)),
    path("later/<int:pk>/", later),
    path("async/<int:pk>/", asynchronous),
    path("in-the-loop/<int:pk>/", in_the_loop),
    path("class/<int:pk>/", OnTheClass.as_view()),
    path("data/<int:pk>/", data),
    path("streaming/<int:pk>/", streaming),
    path("shelf/", shelf),
    path("broken/<int:pk>/", broken),
]


@pytest.fixture(autouse=True)
def pages(settings: Any, own_cache: None) -> None:
    settings.ROOT_URLCONF = __name__


@pytest.fixture
def quiet(hellotext: Emulator, settings: Any) -> None:
    """As in production: faults are logged."""
    settings.HELLOTEXT["RAISE_ERRORS"] = False


def events_in(html: str | bytes) -> list[Any]:
    """What the page's script would send."""
    text = html.decode() if isinstance(html, bytes) else html
    found = re.findall(r'<script id="hellotext-event-[0-9a-f]{12}" type="application/json">(.*?)</script>', text)
    return [json.loads(one) for one in found]


def rendered(template: str, **context: Any) -> str:
    context.setdefault("request", RequestFactory().get("/"))
    return Template("{% load hellotext %}" + template).render(Context(context))


@pytest.mark.parametrize("name", ["product", "later", "async", "class", "streaming"])
def test_the_page_carries_the_event_and_no_row_is_written(hellotext: Emulator, name: str) -> None:
    found = make_product(name="Tea", slug="tea")
    client = Client()
    client.cookies["hello_session"] = "visitor-1"
    response: Any = client.get(f"/{name}/{found.pk}/")
    html = b"".join(response) if response.streaming else response.content
    expected = {"reference": str(found.pk), "source": "testshop", "name": "Tea"}
    assert events_in(html) == [{"action": "product.viewed", "parameters": {"object_parameters": expected}}]
    assert not Event.objects.exists()


def test_the_tag_says_the_same_without_a_query(hellotext: Emulator, settings: Any) -> None:
    settings.HELLOTEXT["SITE_URL"] = "https://shop.example"
    found = make_product(name="Tea", slug="tea")
    with CaptureQueriesContext(connection) as queries:
        html = rendered('{% hellotext_track "product.viewed" object=product %}', product=found)
    assert events_in(html)[0]["parameters"]["object_parameters"]["url"] == "https://shop.example/products/tea/"
    assert len(queries) == 0


def test_every_visitor_gets_the_same_bytes(hellotext: Emulator) -> None:
    """H2"""
    found = make_product()
    answers = set()
    for customer in (make_customer(), make_customer(), None):
        client = Client()
        if customer is not None:
            client.force_login(customer)
            client.cookies["hello_session"] = f"session-of-{customer.pk}"
        answers.add(client.get(f"/product/{found.pk}/").content)
    assert len(answers) == 1


def test_a_page_in_the_cache_serves_the_next_visitor_without_row_or_query(hellotext: Emulator) -> None:
    """H2"""
    found = make_product()
    first = Client().get(f"/cached/{found.pk}/")
    with CaptureQueriesContext(connection) as queries:
        second = Client().get(f"/cached/{found.pk}/")
    assert first.content == second.content
    assert len(events_in(second.content)) == 1
    assert len(queries) == 0
    assert "Vary" not in second.headers


def test_a_cached_fragment_holds_nobodys_data(hellotext: Emulator) -> None:
    """H2"""
    template = "{% load cache %}{% cache 600 box %}{% hellotext_track 'product.viewed' object=product %}{% endcache %}"
    request = RequestFactory().get("/")
    request.COOKIES["hello_session"] = "session-of-somebody"
    request.user = make_customer()
    found = make_product()
    first = rendered(template, request=request, product=found)
    assert rendered(template, product=make_product()) == first
    assert "session-of-somebody" not in first
    assert request.user.email not in first
    cache.clear()


def test_equal_events_have_equal_ids_so_that_they_are_sent_once(hellotext: Emulator) -> None:
    found = make_product()
    tag = '{% hellotext_track "product.viewed" object=product %}'
    first, second = re.findall(r'id="([^"]+)"', rendered(tag + tag, product=found))
    [other] = re.findall(r'id="([^"]+)"', rendered(tag, product=make_product()))
    assert first == second != other


@pytest.mark.parametrize("path", ["/product/{}/?status=404", "/product/{}/?status=500", "/later/{}/?status=410"])
def test_an_answer_that_does_not_count_carries_no_event(hellotext: Emulator, path: str) -> None:
    response = Client(raise_request_exception=False).get(path.format(make_product().pk))
    assert b"<p>page</p>" in response.content
    assert b"hellotext-config" in response.content
    assert events_in(response.content) == []


def test_the_page_that_says_that_there_is_nothing_carries_no_event(hellotext: Emulator) -> None:
    response = Client().get(f"/product/{make_product().pk}/?gone=1")
    assert (response.status_code, b"hellotext-config" in response.content) == (404, True)
    assert events_in(response.content) == []


def test_the_shop_may_say_which_pages_count(hellotext: Emulator) -> None:
    assert events_in(Client().get("/shelf/").content) == [
        {"action": "page.viewed", "parameters": {"metadata": {"shelf": "new"}}}
    ]
    assert events_in(Client().get("/shelf/?quiet=1").content) == []


def test_what_is_no_page_is_left_as_it_is(hellotext: Emulator) -> None:
    found = make_product()
    with CaptureQueriesContext(connection) as queries:
        assert Client().get(f"/data/{found.pk}/").json() == {"pk": found.pk}
    assert len(queries) == 0


@pytest.mark.parametrize("consent", [False, None, True])
def test_who_refuses_gets_neither_library_nor_event_nor_form(hellotext: Emulator, settings: Any, consent: Any) -> None:
    """H4"""
    settings.HELLOTEXT["CONSENT"] = lambda request, purpose, subject: consent
    html = Client().get("/shelf/").content.decode()
    others = rendered('{% hellotext_form "f1" %}{% hellotext_webchat False %}{% hellotext_track "page.viewed" %}')
    assert ("hellotext" in html, bool(others)) == (consent is not False, consent is not False)


def test_a_hook_that_fails_refuses_and_the_page_goes_on(hellotext: Emulator, settings: Any) -> None:
    """H4"""
    settings.HELLOTEXT["CONSENT"] = lambda request, purpose, subject: 1 // 0
    assert Client().get("/shelf/").content == b"<title></title><p>page</p>"


def test_global_privacy_control_is_a_refusal(hellotext: Emulator) -> None:
    """H4, I2"""
    assert b"hellotext" not in Client().get("/shelf/", headers={"Sec-GPC": "1"}).content


def test_the_tags_of_one_page_ask_the_hook_once(hellotext: Emulator, settings: Any) -> None:
    asked: list[str] = []
    settings.HELLOTEXT["CONSENT"] = lambda request, purpose, subject: asked.append(purpose)
    Client().get("/shelf/")
    assert asked == ["browse"]


@pytest.mark.parametrize("unconfigured", [{}, {"API_TOKEN": "t"}, {"BUSINESS_ID": "b", "TYPO": 1}])
def test_nothing_is_rendered_while_the_app_is_not_configured(settings: Any, unconfigured: Any) -> None:
    settings.HELLOTEXT = unconfigured
    tags = '{% hellotext_form "f1" %}{% hellotext_webchat False %}{% hellotext_track "order.placed" object=1 %}'
    assert rendered(tags) == ""
    assert events_in(Client().get("/shelf/").content) == []


# What a browser may not send


@pytest.mark.parametrize(
    "action",
    [
        *("order.placed", "order.confirmed", "order.cancelled", "order.shipped", "order.delivered"),
        *("refund.requested", "refund.received", "coupon.redeemed", "product.purchased", "cart.abandoned"),
        *("app.spent", "app.installed", "subscribed", "unsubscribed"),
        *("cart.added", "cart.removed", "cart.viewed", "checkout.started", "short_link.clicked"),
    ],
)
def test_what_could_be_forged_or_is_somebodys_own_never_comes_from_a_browser(hellotext: Emulator, action: str) -> None:
    """A3, H2, H7"""
    with pytest.raises(TypeError, match=re.escape(repr(action))):
        track(action, via="browser")
    with pytest.raises((TypeError, TrackingError), match=re.escape(repr(action))):
        event(action, make_order())
    with pytest.raises((TypeError, TrackingError), match=re.escape(repr(action))):
        rendered(f'{{% hellotext_track "{action}" object=order %}}', order=make_order())


@pytest.mark.parametrize("name", ["profile", "amount", "currency", "key"])
def test_what_is_for_the_server_never_stands_in_a_page(name: str) -> None:
    """H2"""
    arguments: Any = {name: 1}
    with pytest.raises(TypeError, match=f"{name} is for the server"):
        track("page.viewed", via="browser", **arguments)


def test_a_redirect_shows_no_page() -> None:
    with pytest.raises(TypeError, match="must not be 'redirect'"):
        track("page.viewed", via="browser", when="redirect")


def test_a_callable_cannot_know_the_response_of_which_its_event_is_a_part() -> None:
    with pytest.raises(TypeError, match="metadata asks for the response"):
        track("page.viewed", via="browser", metadata=lambda response: {})


def test_an_unknown_action_is_named(hellotext: Emulator) -> None:
    with pytest.raises(TrackingError, match=r"Did you mean 'page\.viewed'"):
        event("page.veiwed")


def test_e201_an_action_that_an_adapter_sends_is_not_sent_by_the_browser_too(
    hellotext: Emulator, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """H7"""
    settings.HELLOTEXT["ACTIONS"] = ["cart.forgotten"]
    track("cart.forgotten", via="browser")(shelf)
    assert not checked(tags=["hellotext"])
    adapter = registry.for_model(type(make_cart()))
    monkeypatch.setattr(type(adapter), "events", OnChange("email", {"x@example.com": "cart.forgotten"}))
    try:
        [found] = [one for one in checked(tags=["hellotext"]) if one.id == "hellotext.E201"]
        assert "'cart.forgotten', which CartAdapter sends as well" in found.msg
        assert f"{__name__}.shelf" in found.msg
        with pytest.raises(TypeError, match="CartAdapter"):
            event("cart.forgotten")
    finally:
        del events.tracked_by_browsers["cart.forgotten"]


def test_e201_leaves_a_broken_url_configuration_to_django(hellotext: Emulator, settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.surfaces.nowhere"
    assert not checked(tags=["hellotext"])


def test_a_custom_action_may_come_from_a_browser_and_names_the_kind_of_its_object(
    hellotext: Emulator, settings: Any
) -> None:
    settings.HELLOTEXT["ACTIONS"] = ["product.compared"]
    [found] = events_in(event("product.compared", make_product()))
    assert (found["action"], found["parameters"]["object_type"]) == ("product.compared", "product")


# Faults of data


@pytest.mark.parametrize("wrong", [None, "", "tea", 7, Product(name="not saved")])
@pytest.mark.usefixtures("quiet")
def test_an_object_that_cannot_be_costs_the_event_and_not_the_page(
    caplog: pytest.LogCaptureFixture, wrong: Any
) -> None:
    with caplog.at_level(logging.ERROR, "django_hellotext"):
        assert rendered('{% hellotext_track "product.viewed" object=it %}|page', it=wrong) == "|page"
    assert [record.message for record in caplog.records] == ["snippet.event_failed"]


@pytest.mark.usefixtures("quiet")
def test_a_callable_that_fails_costs_the_event_and_not_the_page(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "django_hellotext"):
        response = Client().get(f"/broken/{make_product().pk}/")
    assert response.status_code == 200
    assert b"hellotext-config" in response.content
    assert events_in(response.content) == []
    assert [record.message for record in caplog.records] == ["snippet.event_failed"]


@pytest.mark.usefixtures("quiet")
def test_a_query_in_the_event_loop_costs_the_event_and_not_the_page(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "django_hellotext"):
        response = Client().get(f"/in-the-loop/{make_product().pk}/")
    assert response.content.endswith(b"<p>page</p>")
    assert events_in(response.content) == []
    assert [record.message for record in caplog.records] == ["snippet.event_failed"]


def test_where_errors_are_raised_a_fault_is_seen(hellotext: Emulator) -> None:
    with pytest.raises(ZeroDivisionError):
        Client().get(f"/broken/{make_product().pk}/")


def test_a_product_that_the_shop_does_not_mirror_is_no_event(hellotext: Emulator) -> None:
    assert event("product.viewed", make_product(is_published=False)) == ""


@pytest.mark.usefixtures("quiet")
def test_metadata_that_is_no_json_is_left_out_and_what_is_no_mapping_costs_the_event() -> None:
    [sent] = events_in(str(event("page.viewed", metadata={"a": object(), "b": 1})))
    assert sent["parameters"]["metadata"] == {"b": 1}
    assert event("page.viewed", metadata=["a"]) == ""


HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    '"-alert(1)-"',
    "a'b\\",
    "&lt;/script&gt;",
    "a\N{LINE SEPARATOR}b\N{PARAGRAPH SEPARATOR}",
    "]]>",
    "{{ 7|add:7 }}",
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_value_of_an_event_breaks_out_of_its_element(hellotext: Emulator, settings: Any, hostile: str) -> None:
    """H3"""
    settings.HELLOTEXT["SITE_URL"] = "https://shop.example"
    found = make_product(name=hostile, slug=hostile)
    html = str(event("product.viewed", found, metadata={hostile: [hostile]}))
    [sent] = events_in(html)
    assert sent["parameters"]["metadata"] == {hostile: [hostile]}
    assert sent["parameters"]["object_parameters"]["name"] == hostile
    assert html.count("<") == 2
    assert html.isascii()


def test_control_characters_are_taken_out_of_an_event(hellotext: Emulator) -> None:
    [sent] = events_in(str(event("product.viewed", make_product(name="a\x7f\x01"), metadata={"\x00": "\x7f"})))
    assert sent["parameters"]["metadata"] == {"\ufffd": ""}
    assert sent["parameters"]["object_parameters"]["name"] == "a"


@pytest.mark.parametrize("hostile", [*HOSTILE, "\x7f\x01"])
def test_no_id_of_a_form_breaks_out_of_its_element(hellotext: Emulator, hostile: str) -> None:
    """H3"""
    html = rendered("{% hellotext_form it %}", it=hostile)
    assert (html.count("<"), html.count('"')) == (2, 2)
