"""The endpoints as OpenAPI describes them, and what schemathesis makes of it: nothing that ends in a 5xx."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.wsgi import get_wsgi_application
from django.test import Client
from hypothesis import HealthCheck, given, settings

import django_hellotext
from django_hellotext.models import State
from tests.needs import needed_module

from .conftest import STATUS_TOKEN, make_event, make_object

needed_module("rest_framework")
schemathesis, generators = needed_module("schemathesis"), needed_module("drf_spectacular.generators")
drainage, validation = needed_module("drf_spectacular.drainage"), needed_module("drf_spectacular.validation")

EXAMPLES = 15  # for each operation, mode and caller
OPERATIONS = [
    ("/hellotext/session/", "GET"),
    ("/hellotext/session/", "POST"),
    ("/hellotext/status/", "GET"),
    ("/hellotext/events/", "GET"),
    ("/hellotext/events/{id}/", "GET"),
    ("/hellotext/events/{id}/retry/", "POST"),
    ("/hellotext/objects/", "GET"),
    ("/hellotext/objects/{id}/", "GET"),
    ("/hellotext/objects/{id}/retry/", "POST"),
]
# There is no wrong way to ask for what takes no parameter.
FUZZED = [
    (path, method, mode)
    for path, method in OPERATIONS
    for mode in ("positive", "negative")
    if (path, method, mode) != ("/hellotext/session/", "GET", "negative")
]

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def described(project: None, settings: Any) -> None:
    """A project whose schema drf-spectacular makes."""
    settings.REST_FRAMEWORK = {
        "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
        "DEFAULT_THROTTLE_RATES": {"hellotext_session": "1000000/min"},
    }
    settings.ALLOWED_HOSTS = ["*"]


@pytest.fixture
def schema() -> Any:
    return generators.SchemaGenerator(urlconf="tests.rest.urls").get_schema(request=None, public=True)


def test_the_schema_is_valid_and_made_without_a_warning(schema: Any, capsys: pytest.CaptureFixture[str]) -> None:
    validation.validate_schema(schema)
    assert capsys.readouterr().err == ""
    described = {(path, method.upper()) for path, item in schema["paths"].items() for method in item}
    assert described == set(OPERATIONS)


def test_no_name_of_the_schema_is_one_that_a_host_may_have_taken(schema: Any) -> None:
    names = schema["components"]["schemas"]
    assert names
    assert [name for name in names if "Hellotext" not in name] == []
    operations = [operation for item in schema["paths"].values() for operation in item.values()]
    assert [one["operationId"] for one in operations if not one["operationId"].startswith("hellotext_")] == []


def test_a_list_is_described_with_each_of_its_parameters(schema: Any) -> None:
    parameters = {entry["name"] for entry in schema["paths"]["/hellotext/events/"]["get"]["parameters"]}
    assert parameters == {
        *("account", "action", "cursor", "customer", "database", "error_type", "object", "page_size", "session"),
        "state",
    }


@pytest.mark.parametrize("caller", ["stranger", "staff"])
@pytest.mark.parametrize(("path", "method", "mode"), FUZZED)
def test_no_request_ends_in_a_server_error(path: str, method: str, mode: str, caller: str, schema: Any) -> None:
    headers = _caller(caller)
    for number in range(3):
        make_event(number, state=State.FAILED)
        make_object(number, state=State.FAILED)
    loaded = schemathesis.openapi.from_dict(schema)
    loaded.app = get_wsgi_application()
    checks = schemathesis.checks
    strategy = loaded[path][method].as_strategy(generation_mode=schemathesis.GenerationMode(mode))

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=strategy)
    def send(case: Any) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of the fuzzer's own client
            case.call_and_validate(
                headers=headers,
                checks=[
                    checks.not_a_server_error,
                    checks.status_code_conformance,
                    checks.content_type_conformance,
                    checks.response_schema_conformance,
                ],
            )

    send()


def test_the_fuzzers_callers_may_call(client: Client) -> None:
    assert client.get("/hellotext/status/", headers=_caller("stranger")).status_code == 200
    staff = _caller("staff")
    event = make_event(1, state=State.FAILED)
    assert client.get("/hellotext/objects/", headers=staff).status_code == 200
    assert client.post(f"/hellotext/events/{event.pk}/retry/", headers=staff).json()["state"] == "pending"


def _caller(name: str) -> dict[str, str]:
    if name == "stranger":
        return {"Authorization": f"Bearer {STATUS_TOKEN}"}
    with django_hellotext.paused():
        user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(content_type__app_label="django_hellotext"))
    client = Client()
    client.force_login(user)
    token = "x" * 32
    cookies = {**{name: morsel.value for name, morsel in client.cookies.items()}, "csrftoken": token}
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()), "X-CSRFToken": token}
