"""What the environment asks of the demo."""

from __future__ import annotations

import os
import socket

import pytest
from demo.options import Refusal, read_options
from demo.ports import HOST, choose_port

from tests.ports import closed_port

LIVE = "https://api.hellotext.com"


@pytest.mark.parametrize("environment", [{}, {"HELLOTEXT_BASE_URL": "", "HELLOTEXT_API_TOKEN": "", "EXIT": ""}])
def test_without_anything_set_the_demo_brings_its_own_hellotext_and_serves(environment: dict[str, str]) -> None:
    options = read_options(environment)
    assert options.emulates
    assert not options.exits
    assert (options.token, options.business_id) == ("demo-token", "demo-business")


def test_a_hellotext_on_this_machine_is_used_as_it_is() -> None:
    options = read_options({"HELLOTEXT_BASE_URL": "http://127.0.0.1:9999/", "EXIT": "1"})
    assert not options.emulates
    assert options.base_url == "http://127.0.0.1:9999"
    assert options.exits


@pytest.mark.parametrize("send", [{}, {"DEMO_SEND": ""}, {"DEMO_SEND": "0"}])
def test_nobodys_account_gets_demo_customers_by_accident(send: dict[str, str]) -> None:
    credentials = {"HELLOTEXT_API_TOKEN": "secret", "HELLOTEXT_BUSINESS_ID": "shop"}
    with pytest.raises(Refusal, match="Set DEMO_SEND=1 if this is what you want"):
        read_options({"HELLOTEXT_BASE_URL": LIVE, **credentials, **send})


def test_an_account_is_used_when_it_is_asked_for_with_its_credentials() -> None:
    credentials = {"HELLOTEXT_API_TOKEN": "secret", "HELLOTEXT_BUSINESS_ID": "shop"}
    options = read_options({"HELLOTEXT_BASE_URL": LIVE, "DEMO_SEND": "1", **credentials})
    assert options.base_url == LIVE
    assert "secret" not in repr(options)


def test_an_account_is_never_used_with_the_credentials_of_the_emulator() -> None:
    with pytest.raises(Refusal, match="HELLOTEXT_API_TOKEN and HELLOTEXT_BUSINESS_ID"):
        read_options({"HELLOTEXT_BASE_URL": LIVE, "DEMO_SEND": "1", "HELLOTEXT_API_TOKEN": "secret"})


@pytest.mark.parametrize("address", ["nonsense", "ftp://127.0.0.1", "http://", "127.0.0.1:4010"])
def test_an_address_that_is_none_is_refused_in_words(address: str) -> None:
    with pytest.raises(Refusal, match="no address"):
        read_options({"HELLOTEXT_BASE_URL": address})


def test_the_processes_reach_this_machine_without_a_proxy() -> None:
    options = read_options({"NO_PROXY": "intranet.example"})
    environment = options.environment(shop_url="http://127.0.0.1:1", hellotext_url="http://127.0.0.1:2")
    assert environment["NO_PROXY"] == "intranet.example,127.0.0.1,localhost,::1"


def test_a_port_that_is_taken_is_replaced_by_a_free_one() -> None:
    with socket.create_server((HOST, 0)) as taken:
        usual = taken.getsockname()[1]
        port = choose_port(usual)
        assert port.number != usual
        assert port.instead_of == usual
        with socket.create_server((HOST, port.number)):
            assert port.url == f"http://{HOST}:{port.number}"


@pytest.mark.skipif(os.name != "posix", reason="listening on every address is told apart on POSIX only")
def test_a_port_that_is_taken_on_every_address_is_noticed() -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:  # noqa: S104 - it is closed at once
        assert choose_port(taken.getsockname()[1]).instead_of is not None


def test_a_free_port_is_taken_as_it_is() -> None:
    with closed_port() as usual:
        assert choose_port(usual).instead_of is None


@pytest.mark.parametrize("value", ["none", "-1", "0", "65536", "8000.5"])
def test_a_port_that_is_none_is_refused_in_words(value: str) -> None:
    with pytest.raises(Refusal, match=r"DEMO_SHOP_PORT is .*, which is no port"):
        read_options({"DEMO_SHOP_PORT": value})
