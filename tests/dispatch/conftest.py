"""Fixtures of the dispatchers' tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from django_hellotext.dispatch import courier as courier_room
from tests.needs import needed_module

if TYPE_CHECKING:
    from .brokers import Broker


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One after another: a test that pauses the machine's Redis would stop the others' messages."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("brokers"))


@pytest.fixture(autouse=True)
def couriers() -> Iterator[None]:
    """Each test has couriers of its own, and what they still wait to carry when it ends goes nowhere."""
    yield
    while courier_room._couriers:
        _, courier = courier_room._couriers.popitem()
        with courier._news:
            courier._waiting.clear()


@pytest.fixture
def memory() -> Broker:
    """A broker in this process."""
    from .brokers import Broker

    return Broker("memory://")


@pytest.fixture
def redis() -> Iterator[Broker]:
    """A queue in Redis."""
    needed_module("redis", minversion="6.1")
    from .brokers import REDIS, Broker

    broker = Broker(REDIS)
    yield broker
    broker.close()


@pytest.fixture
def rabbitmq() -> Iterator[Broker]:
    """A queue in RabbitMQ."""
    from .brokers import RABBITMQ, Broker

    broker = Broker(RABBITMQ)
    yield broker
    broker.close()


@pytest.fixture
def publish(settings: Any, hellotext: object) -> Iterator[Callable[..., None]]:
    """Make an app the project's own, and dispatch by it: ``publish(app, **settings of HELLOTEXT)``."""
    from celery import _state

    state: Any = _state
    before = state._tls.current_app

    def use(app: Any, **options: Any) -> None:
        app.set_current()
        settings.HELLOTEXT = {**settings.HELLOTEXT, "DISPATCH": "celery", **options}

    yield use
    state._set_current_app(before)
