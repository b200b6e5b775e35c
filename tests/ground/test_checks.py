"""System checks: one stable ID for each mistake, bound to Django, silent for a site that is right."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.checks import CheckMessage
from django.core.management import call_command
from django.core.management.base import SystemCheckError

import django_hellotext.checks
from django_hellotext.adapters.registry import Registry
from django_hellotext.checks import MIDDLEWARE, SESSIONS, check_environment
from django_hellotext.models import Account
from tests.checked import checked

# The adapters of the example shop need a currency.
COMPLETE = {"BUSINESS_ID": "shop-1", "API_TOKEN": "secret-token", "ENVIRONMENT": "staging", "CURRENCY": "EUR"}


def ours() -> list[CheckMessage]:
    """What Django itself is told: proof that the checks are bound."""
    return checked(tags=["hellotext"])


def ids() -> list[str | None]:
    return [message.id for message in ours()]


def of_the_database(*aliases: str) -> list[CheckMessage]:
    """The same with ``check --database``, and in ``migrate``."""
    found = checked(tags=["database"], databases=aliases)
    return [message for message in found if (message.id or "").startswith("hellotext.")]


def test_a_complete_site_has_no_complaint(settings: Any) -> None:
    settings.HELLOTEXT = COMPLETE
    assert ours() == []


@pytest.mark.parametrize("unconfigured", [{}, None])
def test_an_unconfigured_site_has_no_complaint(settings: Any, unconfigured: Any) -> None:
    settings.HELLOTEXT = unconfigured
    settings.MIDDLEWARE = []
    assert ours() == []


@pytest.mark.parametrize(
    ("name", "says"), [("order.placed", "a built-in action"), ("short_link.clicked", "an action of Hellotext itself")]
)
def test_an_action_that_is_not_the_shops_to_define_is_named(settings: Any, name: str, says: str) -> None:
    settings.HELLOTEXT = {**COMPLETE, "ACTIONS": ["quiz.taken", name]}
    [message] = ours()
    assert message.id == "hellotext.E012"
    assert f"{name!r}, which is {says}" in message.msg


def test_a_site_without_the_setting_has_no_complaint(settings: Any) -> None:
    assert not hasattr(settings, "HELLOTEXT")
    assert ours() == []


@pytest.mark.parametrize(
    ("id", "values", "names"),
    [
        ("hellotext.E002", {**COMPLETE, "ENVIROMENT": "x"}, "ENVIROMENT"),
        ("hellotext.E003", {**COMPLETE, "CONCURRENCY": "8"}, "CONCURRENCY"),
        ("hellotext.E004", {**COMPLETE, "ENVIRONMENT": ""}, "ENVIRONMENT"),
        ("hellotext.E005", {**COMPLETE, "BUSINESS_ID": ""}, "BUSINESS_ID"),
        ("hellotext.E006", {**COMPLETE, "LEASE": 30}, "LEASE"),
        ("hellotext.E008", {**COMPLETE, "BACKEND": "tests.ground.carriers.missing"}, "BACKEND"),
    ],
)
def test_each_mistake_in_the_settings_is_one_error_that_names_the_setting(
    settings: Any, id: str, values: dict[str, Any], names: str
) -> None:
    settings.HELLOTEXT = values
    [message] = ours()
    assert (message.id, message.is_serious()) == (id, True)
    assert names in message.msg
    assert message.hint
    assert message.obj == f"settings.HELLOTEXT['{names}']"


def test_e001_settings_that_are_no_dict(settings: Any) -> None:
    settings.HELLOTEXT = "token"
    assert ids() == ["hellotext.E001"]


def test_w003_sqlite_without_immediate_transactions(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.HELLOTEXT = COMPLETE
    database = settings.DATABASES["default"]
    monkeypatch.setitem(database, "ENGINE", "django.db.backends.sqlite3")
    monkeypatch.setitem(database, "OPTIONS", {})
    assert ids() == ["hellotext.W003"]
    monkeypatch.setitem(database, "OPTIONS", {"transaction_mode": "IMMEDIATE"})
    assert ids() == []
    monkeypatch.setitem(database, "ENGINE", "django.db.backends.postgresql")
    monkeypatch.setitem(database, "OPTIONS", {})
    assert ids() == []


def test_w001_the_middleware_is_missing(settings: Any) -> None:
    settings.HELLOTEXT = COMPLETE
    settings.MIDDLEWARE = [SESSIONS]
    [message] = ours()
    assert (message.id, message.is_serious()) == ("hellotext.W001", False)
    assert MIDDLEWARE in (message.hint or "")


def test_e007_the_middleware_stands_before_the_sessions(settings: Any) -> None:
    settings.HELLOTEXT = COMPLETE
    settings.MIDDLEWARE = [MIDDLEWARE, SESSIONS]
    assert ids() == ["hellotext.E007"]


@pytest.mark.parametrize(
    "path",
    [
        "tests.ground.carriers.missing",
        "tests.ground.nowhere.Carrier",
        "tests.ground.broken.Carrier",
        "tests.ground.carriers.not_a_backend",
        "tests.ground.carriers.decide",
        "no..module",
    ],
)
def test_e008_a_carrier_that_is_none(settings: Any, path: str) -> None:
    settings.HELLOTEXT = {**COMPLETE, "BACKEND": path}
    [message] = ours()
    assert message.id == "hellotext.E008"
    assert path in message.msg


@pytest.mark.parametrize(
    "path", ["tests.ground.carriers.missing", "tests.ground.carriers.not_a_backend", "tests.ground.broken.decide"]
)
@pytest.mark.parametrize("setting", ["CONSENT", "SHOULD_TRACK", "IMPERSONATED"])
def test_e008_a_hook_that_is_none(settings: Any, path: str, setting: str) -> None:
    settings.HELLOTEXT = {**COMPLETE, setting: path}
    [message] = ours()
    assert (message.id, message.obj) == ("hellotext.E008", f"settings.HELLOTEXT['{setting}']")


@pytest.mark.parametrize("setting", ["CONSENT", "SHOULD_TRACK", "IMPERSONATED"])
def test_a_dotted_path_that_leads_to_a_hook_is_right(settings: Any, setting: str) -> None:
    settings.HELLOTEXT = {**COMPLETE, setting: "tests.ground.carriers.decide"}
    assert ours() == []


@pytest.mark.django_db
def test_e009_a_database_copied_from_another_environment(settings: Any) -> None:
    settings.HELLOTEXT = COMPLETE
    Account.objects.create(key="shop-1/production", business_id="shop-1", environment="production")
    [message] = of_the_database("default")
    assert (message.id, message.is_serious()) == ("hellotext.E009", True)
    assert "shop-1/production" in message.msg
    assert "'staging'" in message.msg


@pytest.mark.django_db
def test_a_database_of_this_environment_or_another_business_is_right(settings: Any) -> None:
    settings.HELLOTEXT = COMPLETE
    Account.objects.create(key="shop-1/staging", business_id="shop-1", environment="staging")
    Account.objects.create(key="shop-2/production", business_id="shop-2", environment="production")
    assert of_the_database("default") == []


@pytest.mark.django_db
def test_no_check_under_our_own_tag_reads_the_database(settings: Any, django_assert_num_queries: Any) -> None:
    settings.HELLOTEXT = COMPLETE
    with django_assert_num_queries(0):
        assert ids() == []


@pytest.mark.django_db
def test_the_environment_of_an_unconfigured_site_is_not_asked_for(
    settings: Any, django_assert_num_queries: Any
) -> None:
    settings.HELLOTEXT = {}
    with django_assert_num_queries(0):
        assert of_the_database("default") == []


@pytest.mark.django_db
def test_a_database_that_is_not_ours_is_not_asked_for(settings: Any, django_assert_num_queries: Any) -> None:
    settings.HELLOTEXT = COMPLETE
    with django_assert_num_queries(0):
        assert check_environment(databases=["other"]) == []


@pytest.mark.django_db
def test_the_check_that_precedes_the_first_migration_finds_no_table_and_says_nothing(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HELLOTEXT = COMPLETE
    monkeypatch.setattr(Account._meta, "db_table", "not_migrated_yet")
    assert of_the_database("default") == []


def test_e1xx_a_mistake_in_an_adapter_is_told_too(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry()
    registry.register(User)(object)
    monkeypatch.setattr(django_hellotext.checks, "registry", registry)
    assert ids() == ["hellotext.E108"]


@pytest.mark.django_db  # Django 6.1's own check of JSON fields asks SQLite
def test_manage_py_check_fails_for_a_wrong_setting(settings: Any) -> None:
    settings.HELLOTEXT = {**COMPLETE, "ENVIRONMENT": ""}
    with pytest.raises(SystemCheckError, match=r"hellotext\.E004.*HELLOTEXT\['ENVIRONMENT'\] is missing"):
        call_command("check", stderr=StringIO())


@pytest.mark.django_db  # as above
def test_a_check_can_be_silenced_by_its_id(settings: Any) -> None:
    settings.HELLOTEXT = {**COMPLETE, "ENVIRONMENT": ""}
    settings.SILENCED_SYSTEM_CHECKS = ["hellotext.E004"]
    call_command("check", stdout=StringIO(), stderr=StringIO())


def test_every_id_in_the_code_is_proved_somewhere() -> None:
    package, tests = Path(django_hellotext.checks.__file__).parent, Path(__file__).parents[1]
    used = {id for path in package.rglob("*.py") for id in re.findall(r"hellotext\.([EW]\d{3})", path.read_text())}
    proved = {id for path in tests.rglob("test_*.py") for id in re.findall(r"\b[EW]\d{3}\b", path.read_text())}
    assert used - proved == set()
