"""``@track`` on every kind of view, on both kinds of server, and what it refuses at decoration."""

from __future__ import annotations

import operator
from typing import Any, Literal, cast

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.views import View

from django_hellotext.conf import hellotext_settings
from django_hellotext.decorators import track
from django_hellotext.emulator import Emulator
from django_hellotext.models import Event
from tests.factories import make_customer, make_product, make_staff
from tests.testshop.models import Product

from . import tracked

SESSION = "visitor-1"
VIEWS = ("class", "method", "through", "through-class", "async", "async-class", "async-method", "async-template")


class Asgi(AsyncClient):
    """A browser in front of an ASGI server, for synchronous tests."""

    def see(self, path: str, **headers: Any) -> HttpResponse:
        return cast(HttpResponse, async_to_sync(self.get)(path, **headers))


class Wsgi(Client):
    """The same in front of a WSGI server."""

    def see(self, path: str, **headers: Any) -> HttpResponse:
        return cast(HttpResponse, self.get(path, **headers))


Browser = Asgi | Wsgi


@pytest.fixture(autouse=True)
def pages(settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.surfaces.tracked"


@pytest.fixture(params=[Wsgi, Asgi])
def stranger(request: pytest.FixtureRequest, db: None) -> Browser:
    """Somebody of whom nothing is known."""
    browser: Browser = request.param()
    return browser


@pytest.fixture
def visitor(stranger: Browser) -> Browser:
    """Somebody whose browser has run Hellotext.js before."""
    stranger.cookies["hello_session"] = SESSION
    return stranger


def verbs(queries: CaptureQueriesContext) -> list[str]:
    """Return the first word of each statement; on PostgreSQL the INSERT is sent together with its savepoint."""
    statements = [query["sql"] for query in queries.captured_queries]
    return ["INSERT" if "; INSERT" in sql else sql.split()[0] for sql in statements]


@pytest.mark.parametrize("name", VIEWS)
def test_every_kind_of_view_records_one_event(hellotext: Emulator, visitor: Browser, name: str) -> None:
    product = make_product()
    assert visitor.see(f"/{name}/{product.pk}/").status_code == 200
    event = Event.objects.get()
    assert (event.action, event.object_pk, event.session) == ("product.viewed", str(product.pk), SESSION)


@pytest.mark.parametrize("name", VIEWS)
def test_a_stranger_costs_no_query_for_the_event(hellotext: Emulator, stranger: Browser, name: str) -> None:
    product = make_product()
    with CaptureQueriesContext(connection) as queries:
        stranger.see(f"/{name}/{product.pk}/")
    assert len(queries) == (1 if name == "class" else 0)  # the view's own
    assert not Event.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("name", VIEWS)
def test_nobody_looks_at_what_head_and_options_answer(hellotext: Emulator, name: str) -> None:
    """G8"""
    product = make_product()
    client = Client()
    client.cookies["hello_session"] = SESSION
    client.head(f"/{name}/{product.pk}/")
    client.options(f"/{name}/{product.pk}/")
    assert not Event.objects.exists()


def test_the_instance_of_a_class_gives_its_object_without_a_second_query(hellotext: Emulator, visitor: Browser) -> None:
    product = make_product()
    with CaptureQueriesContext(connection) as queries:
        visitor.see(f"/class/{product.pk}/")
    assert verbs(queries) == ["SELECT", "INSERT"]


def test_method_decorator_hands_on_the_instance_too(hellotext: Emulator, visitor: Browser) -> None:
    visitor.see(f"/through/{make_product().pk}/")
    assert Event.objects.get().metadata["of"] == "ThroughMethodDecorator"


def test_a_method_that_is_not_decorated_records_nothing(hellotext: Emulator, db: None) -> None:
    client = Client()
    client.cookies["hello_session"] = SESSION
    assert client.post(f"/method/{make_product().pk}/").content == b"fine"
    assert not Event.objects.exists()


def test_a_coroutine_that_asks_for_its_user_is_tracked_without_asking_again(hellotext: Emulator, db: None) -> None:
    customer, product = make_customer(), make_product()
    browser = Asgi()
    browser.force_login(customer)
    with CaptureQueriesContext(connection) as queries:
        assert browser.see(f"/async-user/{product.pk}/").content.decode() == customer.username
    assert Event.objects.get().profile_pk == str(customer.pk)
    # The session, the user, the product in a savepoint of the test's transaction, the event.
    assert verbs(queries) == ["SELECT", "SELECT", "SAVEPOINT", "SELECT", "RELEASE", "INSERT"]


def test_a_coroutine_is_recorded_in_one_hop_and_a_stranger_costs_none(
    hellotext: Emulator, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    hops = []

    def hop(function: Any) -> Any:
        hops.append(function)
        return sync_to_async(function)

    monkeypatch.setattr("django_hellotext.decorators.server.sync_to_async", hop)
    path = f"/async/{make_product().pk}/"
    Asgi().see(path)
    assert hops == []
    customer = Asgi()
    customer.force_login(make_customer())
    customer.see(path)
    assert len(hops) == Event.objects.count() == 1


@pytest.mark.parametrize("name", VIEWS)
def test_a_customer_is_known_on_every_kind_of_view(hellotext: Emulator, stranger: Browser, name: str) -> None:
    customer = make_customer()
    stranger.force_login(customer)
    stranger.see(f"/{name}/{make_product().pk}/")
    assert Event.objects.get().profile_pk == str(customer.pk)


def test_whoever_has_just_logged_in_is_known(hellotext: Emulator, stranger: Browser) -> None:
    customer = make_customer()
    stranger.see(f"/enter/{make_product().pk}/")
    assert Event.objects.get().profile_pk == str(customer.pk)


def test_without_a_session_cookie_a_coroutine_reads_neither_user_nor_session(
    hellotext: Emulator, visitor: Browser
) -> None:
    """G2"""
    response = visitor.see(f"/async/{make_product().pk}/")
    assert Event.objects.count() == 1
    assert "Vary" not in response.headers
    assert not response.cookies


@pytest.mark.parametrize("status", [302, 304, 404, 500])
def test_a_coroutine_that_answers_otherwise_leaves_nothing(hellotext: Emulator, visitor: Browser, status: int) -> None:
    """G8"""
    visitor.see(f"/async/{make_product().pk}/?status={status}")
    assert not Event.objects.exists()


# When


def test_a_form_counts_once_it_redirects(hellotext: Emulator, db: None) -> None:
    product, client = make_product(), Client()
    client.cookies["hello_session"] = SESSION
    client.post(f"/form/{product.pk}/")
    assert not Event.objects.exists()
    client.post(f"/form/{product.pk}/", {"right": "yes"})
    assert Event.objects.count() == 1


@pytest.mark.parametrize(("status", "seen", "events"), [(200, "yes", 1), (302, "yes", 1), (200, "no", 0)])
def test_the_shop_may_say_itself_what_counts(
    hellotext: Emulator, visitor: Browser, status: int, seen: str, events: int
) -> None:
    visitor.see(f"/by-choice/{make_product().pk}/?status={status}&seen={seen}")
    assert Event.objects.count() == events


@pytest.mark.parametrize("status", [304, 404, 500])
def test_an_error_never_counts_whatever_the_shop_says(hellotext: Emulator, visitor: Browser, status: int) -> None:
    visitor.see(f"/by-choice/{make_product().pk}/?status={status}&seen=yes")
    assert not Event.objects.exists()


def test_callables_know_the_response(hellotext: Emulator, visitor: Browser) -> None:
    visitor.see(f"/sized/{make_product().pk}/")
    assert Event.objects.get().metadata["size"] == 4


@pytest.mark.django_db
def test_a_stream_counts_when_it_begins_and_its_own_mistake_is_its_own(hellotext: Emulator) -> None:
    client = Client()
    client.cookies["hello_session"] = SESSION
    response = client.get(f"/streaming/{make_product().pk}/")
    assert Event.objects.count() == 1
    with pytest.raises(LookupError, match="the stream's own mistake"):
        b"".join(cast(Any, response).streaming_content)


@pytest.mark.django_db
def test_arguments_by_place_have_the_names_of_the_view(hellotext: Emulator) -> None:
    product = make_product()
    request = RequestFactory().get("/")
    request.COOKIES["hello_session"] = SESSION
    tracked.by_place(request, product.pk)
    assert Event.objects.get().object_pk == str(product.pk)


@pytest.mark.django_db
def test_a_view_that_is_called_without_a_request_is_left_alone(hellotext: Emulator) -> None:
    @track("page.viewed")
    def odd(*args: Any) -> str:
        return "fine"

    assert odd() == "fine"
    assert odd(1, 2) == "fine"
    assert not Event.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("via", ["server", "browser"])
def test_every_kind_of_view_may_be_called_without_a_request(
    hellotext: Emulator, via: Literal["server", "browser"]
) -> None:
    decorate: Any = track("page.viewed", via=via)

    async def later(*args: Any) -> HttpResponse:
        return HttpResponse("later")

    plain, coroutine = decorate(lambda *args: HttpResponse("now")), decorate(later)
    dispatching = decorate(lambda *args: later())

    async def dispatch(*args: Any) -> HttpResponse:
        return cast(HttpResponse, await dispatching(*args))

    assert plain().content == b"now"
    assert async_to_sync(coroutine)().content == b"later"
    assert async_to_sync(dispatch)().content == b"later"
    request = RequestFactory().get("/")
    request.COOKIES["hello_session"] = SESSION
    assert async_to_sync(dispatch)(request).content == b"later"
    assert Event.objects.count() == (via == "server")


@pytest.mark.django_db
@pytest.mark.parametrize("via", ["server", "browser"])
def test_a_coroutine_that_forgets_to_answer_is_left_to_django(
    hellotext: Emulator, via: Literal["server", "browser"]
) -> None:
    @track("page.viewed", via=via)
    async def forgetful(request: HttpRequest) -> None:
        pass

    request = RequestFactory().get("/")
    request.COOKIES["hello_session"] = SESSION
    assert async_to_sync(forgetful)(request) is None
    assert not Event.objects.exists()


@pytest.mark.django_db
def test_arguments_without_a_name_reach_a_callable_that_takes_any(hellotext: Emulator) -> None:
    """The view's own *args; what stands before them is then given by place as well."""
    asked: list[Any] = []

    def product(request: HttpRequest, /, slug: str, *rest: Any) -> Product:
        asked.append((slug, rest))
        return make_product()

    @track("product.viewed", object=product, key=lambda request, also="kept", /: also)
    def view_of(request: HttpRequest, slug: str, *rest: Any) -> HttpResponse:
        return HttpResponse("fine")

    request = RequestFactory().get("/")
    request.COOKIES["hello_session"] = SESSION
    view_of(request, "tea", 1, 2)
    assert asked == [("tea", (1, 2))]
    assert Event.objects.get().key == "kept"


# Consent is asked before the shop's callables


def refuse(request: HttpRequest | None, purpose: str, subject: object) -> bool:
    """The hook of a shop whose visitor said no."""
    return False


@pytest.mark.parametrize("name", ["method", "async", "class"])
def test_who_refuses_leaves_no_event_and_costs_no_query(
    hellotext: Emulator, visitor: Browser, settings: Any, name: str
) -> None:
    """I2"""
    settings.HELLOTEXT["CONSENT"] = refuse
    product = make_product()
    with CaptureQueriesContext(connection) as queries:
        visitor.see(f"/{name}/{product.pk}/")
    assert len(queries) == (1 if name == "class" else 0)
    assert not Event.objects.exists()


@pytest.mark.parametrize("name", ["method", "async"])
def test_global_privacy_control_leaves_no_event(hellotext: Emulator, visitor: Browser, name: str) -> None:
    """I2"""
    visitor.see(f"/{name}/{make_product().pk}/", headers={"Sec-GPC": "1"})
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    "headers",
    [{"User-Agent": "Googlebot/2.1 (+http://www.google.com/bot.html)"}, {"Sec-Purpose": "prefetch;prerender"}],
)
@pytest.mark.parametrize("name", ["method", "async", "class"])
def test_crawlers_and_prefetched_pages_leave_no_event_and_cost_no_query(
    hellotext: Emulator, visitor: Browser, name: str, headers: dict[str, str]
) -> None:
    """G8"""
    product = make_product()
    with CaptureQueriesContext(connection) as queries:
        visitor.see(f"/{name}/{product.pk}/", headers=headers)
    assert len(queries) == (1 if name == "class" else 0)
    assert not Event.objects.exists()


def test_staff_leave_no_event_on_any_server(hellotext: Emulator, visitor: Browser) -> None:
    """G5"""
    visitor.force_login(make_staff())
    visitor.see(f"/async/{make_product().pk}/")
    visitor.see(f"/method/{make_product().pk}/")
    assert not Event.objects.exists()


# What is refused at decoration


def view(request: HttpRequest, slug: str) -> HttpResponse:
    """A view of a shop."""
    return HttpResponse()


async def later(request: HttpRequest) -> None:
    """What only a coroutine can say."""


@pytest.mark.parametrize("name", ["object", "profile", "amount", "currency", "metadata", "key", "when"])
def test_a_callable_that_asks_for_what_the_view_has_not_is_named(name: str) -> None:
    arguments: Any = {name: lambda request, slgu: None}
    with pytest.raises(TypeError, match=f"{name} asks for 'slgu'; this view can give request, response, slug"):
        track("page.viewed", **arguments)(view)


@pytest.mark.parametrize(
    "right",
    [
        lambda: None,
        lambda request: None,
        lambda response: None,
        lambda slug: None,
        lambda request, response, slug: None,
        lambda request, missing=None: None,
        lambda request, /: None,
        lambda request, response, /, *args, **kwargs: None,
        lambda *args, **kwargs: None,
        lambda *, slug: None,
        operator.attrgetter("user"),
        dict,
        operator.itemgetter,
        iter,
    ],
)
def test_a_callable_asks_for_as_much_as_it_likes(right: Any) -> None:
    track("page.viewed", object=right)(view)


@pytest.mark.parametrize("name", ["object", "when"])
def test_an_asynchronous_callable_is_refused(name: str) -> None:
    arguments: Any = {name: later}
    with pytest.raises(TypeError, match=f"{name} must be a plain function"):
        track("page.viewed", **arguments)


def test_a_view_that_does_not_say_what_it_takes_may_give_anything() -> None:
    track("page.viewed", object=lambda anything: None)(iter)


def test_a_callable_that_takes_too_much_by_place_is_refused() -> None:
    with pytest.raises(TypeError, match="object takes more by place"):
        track("page.viewed", object=lambda request, response, slug, /: None)


def test_the_instance_is_only_there_where_there_is_a_class() -> None:
    with pytest.raises(TypeError, match="object asks for 'view'"):
        track("page.viewed", object=lambda view: None)(view)


@pytest.mark.parametrize("wrong", [{"when": "always"}, {"when": None}, {"when": 200}, {"via": "post"}, {"via": None}])
def test_a_choice_that_there_is_not_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=f"{next(iter(wrong))} must be"):
        track("page.viewed", **wrong)


@pytest.mark.parametrize("wrong", [None, 7, object(), "view"])
def test_what_is_no_view_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="decorates a view"):
        track("page.viewed")(wrong)


def test_a_class_that_dispatches_nothing_is_refused() -> None:
    with pytest.raises(TypeError, match="class without dispatch"):
        track("page.viewed")(Emulator)


def test_an_action_that_is_no_text_is_refused() -> None:
    with pytest.raises(TypeError, match="action must be a string"):
        track(cast(Any, 7))


def test_a_decorated_class_stays_itself() -> None:
    class Page(View):
        """The page."""

    decorated = track("page.viewed")(Page)
    assert decorated is Page
    assert Page.dispatch.__doc__ == View.dispatch.__doc__
    assert View.dispatch is not Page.dispatch


def test_what_other_decorators_have_set_stays_set() -> None:
    def exempt(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    exempt.csrf_exempt = True  # type: ignore[attr-defined]  # as Django's decorator does
    assert track("page.viewed")(exempt).csrf_exempt is True  # type: ignore[attr-defined]  # set for this alone


def test_the_app_being_inert_is_seen_last(settings: Any) -> None:
    settings.HELLOTEXT = {}
    assert not hellotext_settings.active
    request = RequestFactory().get("/")
    request.COOKIES["hello_session"] = SESSION
    assert track("page.viewed")(lambda request: HttpResponse("fine"))(request).content == b"fine"
