"""Each kind of trouble with Hellotext itself has a message of its own (demand J4)."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from django_hellotext.emulator import Emulator, EmulatorServer, Fault
from django_hellotext.emulator.core import EmulatorResponse
from django_hellotext.exceptions import ConnectionFailed
from tests.ports import closed_port

from .conftest import Doctor, TimedBackend

pytestmark = pytest.mark.django_db


@pytest.fixture
def over_sockets(settings: Any, healthy: Emulator) -> Callable[..., None]:
    """Ask for real: over a socket, at whatever address is given."""
    before = settings.HELLOTEXT

    def use(url: str, **options: Any) -> None:
        rest = {name: value for name, value in before.items() if not name.startswith("BACKEND")}
        settings.HELLOTEXT = {**rest, "BASE_URL": url, "CONNECT_TIMEOUT": 2.0, **options}

    return use


def not_found(*args: Any, **options: Any) -> EmulatorResponse:
    return EmulatorResponse(404, {"content-type": "text/html"}, b"<h1>Not found</h1>")


def test_a_healthy_shop_has_nothing_to_complain_of(healthy: Emulator, doctor: Doctor) -> None:
    told = doctor()
    assert told.wrong == {}
    assert told.code == 0
    assert told.document["state"] == "ok"
    for code in ("settings.account", "database.ready", "credentials.accepted", "clock.in_step", "business.known"):
        assert told[code]["state"] == "ok"


def test_a_wrong_token(settings: Any, healthy: Emulator, doctor: Doctor) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "API_TOKEN": "another-token"}
    told = doctor()
    assert told.wrong == {"credentials.refused": "error"}
    assert "401" in told["credentials.refused"]["title"]
    assert told.code == 2


def test_a_token_without_rights(healthy: Emulator, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    forbid(healthy, monkeypatch, path="/v1/profiles")
    told = doctor()
    assert told.wrong == {"credentials.forbidden": "error"}
    assert "403" in told["credentials.forbidden"]["title"]


def test_no_token_at_all_is_said_plainly(settings: Any, healthy: Emulator, doctor: Doctor) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "API_TOKEN": None}
    told = doctor()
    assert told.codes == ["settings.inert", "settings.rest"]
    assert "API_TOKEN" in told["settings.inert"]["meaning"]
    assert told.code == 1


@pytest.mark.parametrize("unconfigured", [None, {}])
def test_a_project_that_only_installs_the_app_is_told_that_it_does_nothing(
    settings: Any, doctor: Doctor, unconfigured: Any
) -> None:
    """Demand K3."""
    settings.HELLOTEXT = unconfigured
    told = doctor("--fail-level", "error")
    assert told.codes == ["settings.inert", "settings.rest"]
    assert told.code == 0


def test_a_host_that_refuses_connections(over_sockets: Callable[..., None], doctor: Doctor) -> None:
    with closed_port() as port:
        over_sockets(f"http://127.0.0.1:{port}")
        assert doctor().wrong == {"credentials.unreachable": "error"}


def test_a_name_that_nobody_knows(
    over_sockets: Callable[..., None], doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*args: Any, **options: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    over_sockets("https://api.hellotxt.example")
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    told = doctor()
    assert told.wrong == {"credentials.unknown_host": "error"}
    assert "api.hellotxt.example" in told["credentials.unknown_host"]["title"]


def test_a_host_without_tls(over_sockets: Callable[..., None], doctor: Doctor, healthy: Emulator) -> None:
    with EmulatorServer(healthy) as server:
        over_sockets(server.url.replace("http://", "https://"))
        assert doctor().wrong == {"credentials.tls": "error"}


def test_a_proxy_that_is_not_there(
    over_sockets: Callable[..., None], doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    over_sockets("https://api.hellotext.example")
    with closed_port() as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://operator:canary-word@127.0.0.1:{port}")
        told = doctor()
    assert told.wrong == {"credentials.proxy": "error"}
    assert "canary-word" not in told.text


def test_a_host_whose_packets_disappear(
    over_sockets: Callable[..., None], doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*args: Any, **options: Any) -> Any:
        raise TimeoutError("timed out")

    over_sockets("https://127.0.0.1:4431")
    monkeypatch.setattr("django_hellotext.api.backends.transport.create_connection", silent)
    assert doctor().wrong == {"credentials.connect_timeout": "error"}


def test_a_host_that_takes_the_question_and_says_nothing(
    over_sockets: Callable[..., None], doctor: Doctor, healthy: Emulator
) -> None:
    healthy.add_fault(Fault("no_answer", seconds=5))
    with EmulatorServer(healthy) as server:
        over_sockets(server.url, READ_TIMEOUT=0.3)
        assert doctor().wrong == {"credentials.no_answer": "error"}


def test_a_slow_host(healthy: Emulator, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_hellotext.doctor.credentials.SLOW", 0.05)
    healthy.add_fault(Fault("latency", seconds=0.1))
    told = doctor()
    assert told.wrong == {"credentials.slow": "warning"}
    assert told.code == 1


@pytest.mark.parametrize(
    ("fault", "code", "state"),
    [
        (Fault("error", status=503), "credentials.hellotext_fails", "error"),
        (Fault("rate_limit", retry_after=3), "credentials.rate_limited", "warning"),
        (Fault("garbage"), "credentials.not_hellotext", "error"),
        (Fault("reset"), "credentials.no_answer", "error"),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else None,
)
def test_what_hellotext_answers_in_trouble(
    healthy: Emulator, doctor: Doctor, fault: Fault, code: str, state: str
) -> None:
    healthy.add_fault(fault)
    assert doctor().wrong == {code: state}


def test_another_site_at_the_address(
    over_sockets: Callable[..., None], healthy: Emulator, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_hellotext.emulator.core.Emulator.handle", not_found)
    with EmulatorServer(healthy) as server:
        over_sockets(server.url)
        told = doctor()
    assert told.wrong == {"credentials.not_hellotext": "error"}


def test_a_business_that_does_not_exist(settings: Any, healthy: Emulator, doctor: Doctor) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "BUSINESS_ID": "another-business"}
    told = doctor()
    assert told["business.unknown"]["state"] == "error"
    assert "another-business" in told["business.unknown"]["title"]


def test_a_business_that_could_not_be_looked_up_spoils_nothing(healthy: Emulator, doctor: Doctor) -> None:
    healthy.add_fault(Fault("error", path="/v1/public"))
    told = doctor()
    assert told["business.not_asked"]["state"] == "skipped"
    assert told.code == 0


@pytest.mark.parametrize(
    ("ahead", "code", "words"),
    [(0, "clock.in_step", "agree"), (90, "clock.skewed", "behind"), (-90, "clock.skewed", "ahead"),
     (4000, "clock.wrong", "behind")],
)  # fmt: skip
def test_clocks_that_disagree(
    healthy: Emulator, doctor: Doctor, told_late: Callable[[float], None], ahead: float, code: str, words: str
) -> None:
    told_late(ahead)
    assert words in doctor()[code]["title"]


def test_an_answer_without_the_time_is_no_fault(settings: Any, healthy: Emulator, doctor: Doctor) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "BACKEND": "django_hellotext.emulator.MemoryBackend"}
    told = doctor()
    assert told["clock.unknown"]["state"] == "skipped"
    assert told.code == 0


def test_definitions_that_hellotext_does_not_have(settings: Any, healthy: Emulator, doctor: Doctor) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "LISTS": ["Regulars"], "ACTIONS": ["tea.brewed"]}
    told = doctor()
    assert told.wrong == {"definitions.missing": "error"}
    assert "list 'Regulars', action 'tea.brewed'" in told["definitions.missing"]["title"]


def test_definitions_that_hellotext_has_otherwise(settings: Any, healthy: Emulator, doctor: Doctor) -> None:
    from django_hellotext.delivery.clients import client_from_settings

    client_from_settings().properties.create(name="Shoe size", kind="number")
    settings.HELLOTEXT = {**settings.HELLOTEXT, "PROPERTIES": {"Shoe size": "text"}}
    told = doctor()
    assert told.wrong == {"definitions.different": "warning"}
    assert "number" in told["definitions.different"]["meaning"]


def test_definitions_that_are_there(settings: Any, healthy: Emulator, doctor: Doctor) -> None:
    from django_hellotext.delivery.clients import client_from_settings

    client_from_settings().lists.create(name="Regulars")
    settings.HELLOTEXT = {**settings.HELLOTEXT, "LISTS": ["Regulars"]}
    assert doctor()["definitions.there"]["state"] == "ok"


def test_without_the_network_nothing_is_asked(healthy: Emulator, doctor: Doctor) -> None:
    before = len(healthy.log)
    told = doctor("--no-network")
    assert len(healthy.log) == before
    assert told.codes.count("examination.no_network") == 2
    assert told.code == 0


def test_a_refused_token_is_told_once_and_not_for_each_question(
    settings: Any, healthy: Emulator, doctor: Doctor
) -> None:
    healthy.revoke_token()
    told = doctor("--send-test")
    assert told.wrong == {"credentials.refused": "error"}
    assert told.codes.count("examination.no_credentials") == 2


def test_an_examination_that_fails_itself_ends_no_other(
    healthy: Emulator, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any) -> Any:
        raise RuntimeError("it was wile@acme.example")

    monkeypatch.setattr("django_hellotext.doctor.credentials.clock_skew", broken)
    told = doctor()
    assert told.wrong == {"examination.failed": "error"}
    failed = told["examination.failed"]
    assert failed["family"] == "credentials"
    assert "RuntimeError" in failed["title"]
    assert "wile@" not in told.text
    assert "queue.flowing" in told.codes


def forbid(emulator: Emulator, monkeypatch: pytest.MonkeyPatch, *, path: str) -> None:
    """Answer 403 to what begins with ``path``; the emulator's own token may do everything."""
    original = TimedBackend.send

    def send(self: TimedBackend, request: Any) -> Any:
        from django_hellotext.api.backends.base import RawResponse

        if request.path.startswith(path):
            body = b'{"errors": [{"type": "not_allowed", "message": "The plan does not include this."}]}'
            return RawResponse(403, {}, body)
        return original(self, request)

    monkeypatch.setattr(TimedBackend, "send", send)


def test_a_carrier_that_cannot_be_built(settings: Any, healthy: Emulator, doctor: Doctor) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "BACKEND_OPTIONS": {"colour": "green"}}
    told = doctor()
    assert told.wrong == {"credentials.no_client": "error"}
    assert "colour" in told["credentials.no_client"]["meaning"]
    assert "queue.flowing" in told.codes


def test_the_kinds_of_failed_connections_are_told_apart_by_what_the_carrier_says() -> None:
    from django_hellotext.doctor.credentials import trouble

    told = {
        "SSLCertVerificationError: certificate verify failed": "credentials.tls",
        "gaierror: [Errno -2] Name or service not known": "credentials.unknown_host",
        "ConnectTimeoutError: Connecting to x timed out.": "credentials.connect_timeout",
        "ConnectionRefusedError: [Errno 111] Connection refused": "credentials.unreachable",
        "OSError: Tunnel connection failed: 407 Proxy Authentication Required": "credentials.proxy",
    }
    assert {text: trouble(ConnectionFailed(text)).code for text in told} == told
