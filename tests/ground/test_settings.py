"""``settings.HELLOTEXT``: typed, live, and never the cause of an exception."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings

from django_hellotext.conf import SETTINGS, HellotextSettings, hellotext_settings, is_loopback

COMPLETE = {"BUSINESS_ID": "shop-1", "API_TOKEN": "secret-token", "ENVIRONMENT": "test"}


def found(**values: Any) -> list[tuple[str, str]]:
    with override_settings(HELLOTEXT={**COMPLETE, **values}):
        return [(problem.id, problem.setting) for problem in hellotext_settings.problems()]


def a_hook(request: object, purpose: str, subject: object) -> None:
    """A consent hook."""


# For each setting: values that are right, and values that are wrong.
VALUES: dict[str, tuple[list[Any], list[Any]]] = {
    "BUSINESS_ID": (["b", "Ab-12_x"], [1, b"b", True, "a/b", "x" * 61, " b", "b\n", "bü", "\x00"]),
    "API_TOKEN": (["t", "ALK_9.x=/+"], [1, b"t", " t", "t\n", "t\x7f", "tö", ["t"]]),
    "ENVIRONMENT": (["production", "staging-2"], [1, "a/b", "x" * 61, "pro\tduction", " "]),
    "SOURCE": (["django", "my shop"], ["", 1, "a/b", "x" * 61]),
    "BASE_URL": (
        ["https://api.hellotext.com", "https://api.hellotext.com/", "http://127.0.0.1:4010", "http://[::1]:8"],
        [
            *("", "api.hellotext.com", "ftp://x.example", "https://", "http://shop.example", 5),
            *("https://[", "https://x.example:99999", "https://x.example:port", "https://x.example:0"),
            *("https://user:pass@x.example", "https://x.example/?a=1", "https://x.example/#a", "https://x. example"),
            "https://x.example\n",
        ],
    ),
    "ALLOW_HTTP": ([True, False], [1, "yes"]),
    "JS_URL": (
        ["https://cdn.example/hellotext.js", "https://cdn.example/h.js?v=2", "/static/hellotext.js", "/h.js?v=1"],
        ["", 1, "hellotext.js", "//cdn.example/h.js", "javascript:alert(1)", "https://u:p@cdn.example/h.js", "/h.js\n"],
    ),
    "JS": (
        [
            {},
            {"inline": False, "integrity": "sha384-" + "A" * 64, "autoGenerateSession": True, "locale": "es"},
            {"integrity": "sha256-abc= sha512-abc==", "apiRoot": "https://api.example/v1"},
            {"forms": {"autoMount": False, "successMessage": "Thank you"}, "webchat": False, "whatsappWidget": False},
            {"forms": {"successMessage": False}, "webchat": {}, "whatsappWidget": {}},
            {
                "webchat": {
                    "id": "w1",
                    "container": "#chat",
                    "placement": "top-left",
                    "mode": "modal",
                    "strategy": "fixed",
                    "behaviour": {
                        "trigger": "onLoad",
                        "delaySeconds": 5,
                        "firstVisitOnly": True,
                        "oncePerSession": False,
                    },
                    "appearance": {"header": {"name": "Help"}, "launcher": {"iconUrl": "https://x.example/i.png"}},
                    "whatsapp": {"number": "+15551234567", "restrictToChannel": True},
                    "style": {"primaryColor": "#1f4d3a", "secondaryColor": "rgba(1, 2, 3, 0.5)", "typography": "Arial"},
                },
            },
            {
                "whatsappWidget": {
                    "id": "a1",
                    "container": "body",
                    "placement": "bottom-right",
                    "number": "+15551234567",
                    "body": "Hello",
                    "appearance": {"launcher": {"iconUrl": "https://x.example/i.png"}},
                },
            },
        ],
        [
            *("webchat", [], 1, {"webchat": True}, {"webchat": "off"}, {"forms": False}, {"session": "s-1"}),
            *({"Webchat": {}}, {"webchat": {"placment": "top-left"}}, {"webchat": {"placement": "middle"}}, {1: 2}),
            *({"webchat": {"mode": "window"}}, {"webchat": {"strategy": "sticky"}}, {"webchat": {"id": 1}}),
            *({"webchat": {"behaviour": {"trigger": "hover"}}}, {"webchat": {"behaviour": {"delaySeconds": 7}}}),
            *({"webchat": {"behaviour": {"delaySeconds": False}}}, {"webchat": {"behaviour": "onLoad"}}),
            *({"webchat": {"appearance": {"header": {"title": "x"}}}}, {"webchat": {"whatsapp": {"number": 49}}}),
            *({"webchat": {"style": {"primaryColor": "green"}}}, {"whatsappWidget": {"mode": "modal"}}),
            *({"whatsappWidget": {"appearance": {"launcher": {"iconUrl": "javascript:alert(1)"}}}}, {"locale": ""}),
            *({"autoGenerateSession": 1}, {"forms": {"autoMount": "yes"}}, {"forms": {"successMessage": 1}}),
            *({"inline": "no"}, {"integrity": "md5-abc"}, {"integrity": 'sha384-"'}, {"apiRoot": "/v1"}),
            *({"apiRoot": "https://["}, {"whatsappWidget": {"container": ""}}),
        ],
    ),
    "SITE_URL": (["https://shop.example", "http://shop.example/de/"], ["shop.example", 1, "https://[", "/de/"]),
    "CURRENCY": (["EUR"], ["eur", "EURO", "€€€", 978]),
    "BACKEND": (["http", "console", "dummy", "shop.carriers.Carrier"], ["htp", "", 1, a_hook]),
    "BACKEND_OPTIONS": ([{}, {"emulator": object()}], [[], "x", {1: 2}]),
    "DISPATCH": (["none", "celery", "tasks", "immediate"], ["sometimes", "", 1]),
    "QUEUE": (["hellotext"], ["", 1, " q", "q\n"]),
    "BROKER_TIMEOUT": ([1, 0.25], [0, True, "1", float("nan")]),
    "DRAIN_SECONDS": ([1, 50.0], [0, True, "1", float("inf")]),
    "DRAINS": ([1, 2], [0, True, 1.5, "2"]),
    "CART_ABANDONED_AFTER": ([3600, 0.5], [0, -1, True, "3600", float("inf")]),
    "RETENTION": ([1, 0.5], [0, -1, True, "30", float("inf")]),
    "DATABASES": ([["default"], ("default",)], [[], "default", ["other"], [["default"]], [1], {"default": 1}]),
    "CONSENT": ([a_hook, "shop.consent.decide"], [True, 1, "decide", {}]),
    "SHOULD_TRACK": ([a_hook, "shop.visits.decide"], [True, 1, "decide", {}]),
    "IMPERSONATED": ([a_hook, "shop.visits.decide"], [True, 1, "decide", {}]),
    "CLEAN_URLS": ([True, False], [1, "yes"]),
    "ACTIONS": (
        [
            *([], ["quiz.taken"], ("a",), {"quiz.taken": "Quiz taken"}, {"quiz.taken": None}),
            {"quiz.taken": {"title": "Quiz taken", "goal": True, "passive": False}},
        ],
        [
            *("quiz.taken", [1], [""], ["x" * 101], ["a\x00b"], [" a"], {1: "a"}, {"a": 1}, {"a": ["title"]}),
            *({"a": {"titel": "A"}}, {"a": {"title": 1}}, {"a": {"goal": "yes"}}),
        ],
    ),
    "PROPERTIES": (
        [
            {},
            {"Shoe size": "number"},
            {"VIP": {"kind": "checkbox", "position": 1}},
            {"Nr": {"kind": "text", "unique": True}},
        ],
        [
            *(["Size"], {"Size": "colour"}, {"Size": "email"}, {"1st": "text"}, {"a{b}": "text"}, {"": "text"}),
            *(
                {"a": {"unique": True}},
                {"a": {"kind": "text", "uniq": True}},
                {"a": {"kind": "text", "position": True}},
            ),
            *({"Size": "text", "SIZE": "text"}, {1: "text"}, {"a": None}),
        ],
    ),
    "LISTS": ([[], ["Regulars"], ("a", "b c")], ["Regulars", [1], [""], [" "], ["x" * 256], {"a": 1}]),
    "CONCURRENCY": ([1, 64], [0, -1, True, 2.5, "8"]),
    "POLL_INTERVAL": ([1, 0.1], [0, -1, True, "1", float("nan"), float("inf")]),
    "CONNECT_TIMEOUT": ([1, 3.05], [0, True, "1", float("nan")]),
    "READ_TIMEOUT": ([1, 10.0], [0, True, "1", float("inf")]),
    "DEADLINE": ([1, 20.0], [0, True, "1", float("nan")]),
    "RATE": ([5, 0.5], [0, True, "1", float("nan")]),
    "STATUS_TOKEN": (["", "t" * 16], [1, b"t" * 16, "short", "t" * 15, "t" * 16 + "\n", " " + "t" * 16]),
    "LEASE": ([60, 600.0], [0, True, "1", float("inf")]),
    "VERIFIED": ([a_hook, "shop.people.is_verified"], [True, 1, "verified", {}]),
    "DO_NOT_TRACK": ([True, False], [0, 1, "yes"]),
    "PHONE_REGION": (["DE", "UY"], ["de", "DEU", "D", "", "Ä1", 49]),
    "SETTLE_TIME": ([1, 60.0], [0, True, "1", float("inf")]),
    "SESSION_WAIT": ([1, 60.0], [0, True, "1", float("inf")]),
    "MAX_ATTEMPTS": ([1, 12], [0, True, 1.5, "12"]),
    "AT_MOST_ONCE": ([[], ["app.spent"], ("a",)], ["app.spent", [1], [""], True]),
    "RAISE_ERRORS": ([True, False], [0, "no"]),
}


def names_of(cases: list[tuple[str, Any]]) -> list[str]:
    return [f"{name}-{number}" for number, (name, _) in enumerate(cases)]


RIGHT = [(name, value) for name, (right, _) in VALUES.items() for value in right]
WRONG = [(name, value) for name, (_, wrong) in VALUES.items() for value in wrong]


def test_every_setting_is_tried_here() -> None:
    assert set(VALUES) == set(SETTINGS)


@pytest.mark.parametrize(("name", "value"), RIGHT, ids=names_of(RIGHT))
def test_a_right_value_is_used_as_it_is(name: str, value: Any) -> None:
    assert found(**{name: value}) == []
    with override_settings(HELLOTEXT={**COMPLETE, name: value}):
        assert getattr(hellotext_settings, name) == value
        assert hellotext_settings.active


@pytest.mark.parametrize(("name", "value"), WRONG, ids=names_of(WRONG))
def test_a_wrong_value_is_named_counts_as_absent_and_makes_the_app_inert(name: str, value: Any) -> None:
    assert ("hellotext.E003", name) in found(**{name: value})
    with override_settings(HELLOTEXT={**COMPLETE, name: value}):
        assert getattr(hellotext_settings, name) == SETTINGS[name].default
        assert not hellotext_settings.active


def test_a_wrong_option_of_the_library_is_named_with_its_place() -> None:
    wrong: dict[str, dict[str, Any]] = {
        "webchat.behaviour.trigger must be one of onClick, onLoad": {"webchat": {"behaviour": {"trigger": "hover"}}},
        "webchat.placment: did you mean webchat.placement?": {"webchat": {"placment": "top-left"}},
        "whatsappWidget must be False or a dict of options": {"whatsappWidget": True},
        "forms must be a dict of options": {"forms": False},
        "must not hold session": {"session": "s-1"},
    }
    for words, value in wrong.items():
        with override_settings(HELLOTEXT={**COMPLETE, "JS": value}):
            [problem] = hellotext_settings.problems()
        assert words in problem.message
        assert problem.setting == "JS"


@pytest.mark.parametrize("name", SETTINGS)
def test_a_missing_setting_has_its_default(name: str) -> None:
    with override_settings(HELLOTEXT={}):
        assert getattr(hellotext_settings, name) == SETTINGS[name].default
        assert hellotext_settings.problems() == []


@pytest.mark.parametrize("name", SETTINGS)
def test_none_counts_as_not_set(name: str) -> None:
    with override_settings(HELLOTEXT={name: None}):
        assert getattr(hellotext_settings, name) == SETTINGS[name].default
        assert hellotext_settings.problems() == []


@pytest.mark.parametrize("name", SETTINGS)
def test_every_default_obeys_its_own_rule(name: str) -> None:
    assert SETTINGS[name].complaint(SETTINGS[name].default) is None or SETTINGS[name].default == ""


def test_http_is_for_loopback_only_unless_it_is_allowed() -> None:
    assert found(BASE_URL="http://hellotext.internal") == [("hellotext.E003", "BASE_URL")]
    assert found(BASE_URL="http://hellotext.internal", ALLOW_HTTP=True) == []
    assert ("hellotext.E003", "BASE_URL") in found(BASE_URL="http://hellotext.internal", ALLOW_HTTP="yes")


@pytest.mark.parametrize(
    ("url", "answer"),
    [
        ("http://localhost:1", True),
        ("http://127.8.9.1", True),
        ("http://[::1]", True),
        ("http://10.0.0.1", False),
        ("http://localhost.example", False),
        ("nonsense", False),
    ],
)
def test_loopback_is_told_by_the_address(url: str, answer: bool) -> None:
    assert is_loopback(url) is answer


@pytest.mark.parametrize(
    ("key", "near"),
    [("ENVIROMENT", "ENVIRONMENT"), ("api_token", "API_TOKEN"), ("CONSNET", "CONSENT"), ("TOKEN", "API_TOKEN")],
)
def test_an_unknown_key_is_named_with_the_nearest_one(key: str, near: str) -> None:
    with override_settings(HELLOTEXT={**COMPLETE, key: "x"}):
        [problem] = hellotext_settings.problems()
    assert (problem.id, problem.setting) == ("hellotext.E002", key)
    assert problem.hint == f"Did you mean {near}?"


@pytest.mark.parametrize("key", ["QQQQ", 7, None, ("a",)])
def test_an_unknown_key_like_none_of_ours_lists_the_known_ones(key: Any) -> None:
    with override_settings(HELLOTEXT={key: "x"}):
        [problem] = hellotext_settings.problems()
    assert all(name in problem.hint for name in SETTINGS)


def test_an_unknown_key_makes_the_app_inert_because_it_may_be_a_misspelt_consent() -> None:
    with override_settings(HELLOTEXT={**COMPLETE, "CONSNET": a_hook}):
        assert not hellotext_settings.active


@pytest.mark.parametrize("wrong", ["token", ["BUSINESS_ID"], 1, object(), {1, 2}])
def test_settings_that_are_no_dict_are_one_problem_and_all_defaults(wrong: object) -> None:
    with override_settings(HELLOTEXT=wrong):
        assert [problem.id for problem in hellotext_settings.problems()] == ["hellotext.E001"]
        assert hellotext_settings.SOURCE == "django"
        assert not hellotext_settings.active


def test_a_token_needs_an_environment() -> None:
    assert found(ENVIRONMENT="") == [("hellotext.E004", "ENVIRONMENT")]
    assert found(ENVIRONMENT=None) == [("hellotext.E004", "ENVIRONMENT")]


def test_a_token_needs_a_business() -> None:
    assert found(BUSINESS_ID="") == [("hellotext.E005", "BUSINESS_ID")]


def test_a_business_alone_is_no_problem_and_not_active() -> None:
    with override_settings(HELLOTEXT={"BUSINESS_ID": "shop-1"}):
        assert hellotext_settings.problems() == []
        assert not hellotext_settings.active


def test_the_lease_is_at_least_three_deadlines_long() -> None:
    assert found(LEASE=59, DEADLINE=20) == [("hellotext.E006", "LEASE")]
    assert found(LEASE=60, DEADLINE=20) == []


def test_an_override_is_seen_at_once() -> None:
    with override_settings(HELLOTEXT={**COMPLETE, "CONCURRENCY": 3}):
        assert hellotext_settings.CONCURRENCY == 3
        with override_settings(HELLOTEXT={**COMPLETE, "CONCURRENCY": 4}):
            assert hellotext_settings.CONCURRENCY == 4
        assert hellotext_settings.CONCURRENCY == 3
    assert hellotext_settings.CONCURRENCY == 8


def test_a_change_of_the_dict_itself_is_seen_at_once(settings: Any) -> None:
    settings.HELLOTEXT = dict(COMPLETE)
    assert hellotext_settings.active
    settings.HELLOTEXT["API_TOKEN"] = ""
    assert not hellotext_settings.active


def test_the_account_is_business_and_environment() -> None:
    with override_settings(HELLOTEXT=COMPLETE):
        assert hellotext_settings.account == "shop-1/test"


def test_a_carrier_is_named_or_given_as_a_path() -> None:
    with override_settings(HELLOTEXT={"BACKEND": "console"}):
        assert hellotext_settings.backend_path == "django_hellotext.api.backends.console.ConsoleBackend"
    with override_settings(HELLOTEXT={"BACKEND": "shop.carriers.Carrier"}):
        assert hellotext_settings.backend_path == "shop.carriers.Carrier"


def test_repr_shows_what_is_set_and_no_secret() -> None:
    with override_settings(
        HELLOTEXT={**COMPLETE, "BACKEND_OPTIONS": {"proxy": "http://user:hidden@proxy"}, "CONCURRENCY": 3}
    ):
        shown = repr(hellotext_settings)
    assert "API_TOKEN=<redacted>" in shown
    assert "BACKEND_OPTIONS=<redacted>" in shown
    assert "CONCURRENCY=3" in shown
    assert "SOURCE" not in shown
    assert "secret-token" not in shown
    assert "hidden" not in shown


@pytest.mark.parametrize("wrong", [{"API_TOKEN": ["secret-token"]}, {"API_TOKEN": "secret-token\n"}])
def test_no_problem_repeats_a_secret(wrong: dict[str, Any]) -> None:
    with override_settings(HELLOTEXT={**COMPLETE, **wrong}):
        assert "secret-token" not in repr(hellotext_settings.problems())
        assert "secret-token" not in repr(hellotext_settings)


def test_a_setting_read_from_the_class_is_the_declaration() -> None:
    assert HellotextSettings.SOURCE is SETTINGS["SOURCE"]
