"""The only reader of ``settings.HELLOTEXT``.

Every access reads through to Django's settings, so that ``override_settings`` is seen at once and a running
process has one truth. A wrong value never raises here: it counts as absent, makes the app inert, and is named
by a system check (see ``problems``).
"""

from __future__ import annotations

import difflib
import ipaddress
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, overload
from urllib.parse import urlsplit

from django.conf import settings

from . import js

T = TypeVar("T")

PUBLIC_API_URL = "https://api.hellotext.com"
HELLOTEXT_JS_URL = f"https://unpkg.com/@hellotext/hellotext@{js.VERSION}/dist/hellotext.js"

# What is not repeated when nobody can find out whether it arrived: a second one would message a customer twice or
# count money twice. Everything else is repeated, because losing it is worse (demand A4).
AT_MOST_ONCE = ("cart.abandoned", "product.purchased", "app.spent")

# What the API can define without naming the one profile that has it (contract: create_property).
PROPERTY_KINDS = ("checkbox", "date", "number", "tags", "text", "url")
PROPERTY_TRAITS: Mapping[str, type] = {"kind": str, "unique": bool, "position": int}
ACTION_TRAITS: Mapping[str, type] = {"title": str, "goal": bool, "passive": bool}

DISPATCHERS = ("none", "celery", "tasks", "immediate")
BACKENDS = {
    "http": "django_hellotext.api.backends.http.HttpBackend",
    "console": "django_hellotext.api.backends.console.ConsoleBackend",
    "dummy": "django_hellotext.api.backends.dummy.DummyBackend",
}


@dataclass(frozen=True)
class Problem:
    """A mistake in ``settings.HELLOTEXT``: the check's ID, the setting's name and what to do about it."""

    id: str
    setting: str
    message: str
    hint: str


# What Django's lazy settings have looked up already, emptied with every override; asking them costs ten times as much.
LIVE: Mapping[str, Any] = vars(settings)


class Setting(Generic[T]):
    """One key of ``settings.HELLOTEXT``, read live.

    ``types`` are those that a value may have; without any, ``rule`` alone judges. ``rule`` answers with a complaint
    ("must be …") for a value that the type cannot judge, else ``None``. The value ``None`` always counts as not set,
    so that ``os.environ.get(…)`` may stand in the settings as it is (demand K3).
    """

    def __init__(
        self,
        default: T,
        *types: type,
        rule: Callable[[Any], str | None] | None = None,
        secret: bool = False,
    ) -> None:
        self.default = default
        self.types = types
        self.rule = rule
        self.secret = secret
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Setting[T]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object | None, owner: type) -> Setting[T] | T:
        if instance is None:
            return self
        value = configured().get(self.name)
        return self.default if value is None or self.complaint(value) else value

    def complaint(self, value: Any) -> str | None:
        """What is wrong with ``value``, or ``None``."""
        if value is None:
            return None
        # True is an int for Python, never for a setting.
        if self.types and (not isinstance(value, self.types) or (isinstance(value, bool) and bool not in self.types)):
            return f"must be {' or '.join(t.__name__ for t in self.types)}, not {type(value).__name__}"
        return self.rule(value) if self.rule else None


def configured() -> Mapping[str, Any]:
    """``settings.HELLOTEXT`` when it is a mapping, else an empty one."""
    raw = LIVE.get("HELLOTEXT")
    if raw is None:
        raw = getattr(settings, "HELLOTEXT", None)
    return raw if type(raw) is dict or isinstance(raw, Mapping) else {}


def is_loopback(url: str) -> bool:
    """Whether ``url`` names this very machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _positive(value: float) -> str | None:
    return None if value > 0 and math.isfinite(value) else "must be greater than 0, and finite"


def _plain(value: str) -> str | None:
    if value != value.strip() or not value.isprintable() or not value.isascii():
        return "must be plain ASCII text without spaces around it or control characters"
    return None


def _short_name(value: str) -> str | None:
    if len(value) > 60:
        return "must be 60 characters long at most"
    if "/" in value:
        return 'must not hold a "/"'
    return _plain(value)


def _token(value: str) -> str | None:
    if value and len(value) < 16:
        return "must be at least 16 characters long"
    return _plain(value)


def _source(value: str) -> str | None:
    return _short_name(value) if value else "must not be empty"


def _address(value: str) -> str | None:
    """A full http(s) address. It is shown in pages, so it holds no credentials."""
    try:
        parts = urlsplit(value)
        complete = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # brackets or a port that are none
        complete = False
    if not complete or _plain(value) or " " in value:
        return "must be a full http(s) address, such as https://shop.example"
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        return "must be an address without user name, password, query and fragment"
    return None


def _base_url(value: str) -> str | None:
    complaint = _address(value)
    if complaint:
        return complaint
    if urlsplit(value).scheme == "http" and not is_loopback(value) and configured().get("ALLOW_HTTP") is not True:
        return "must use https (http is for loopback only, or with ALLOW_HTTP)"
    return None


def _script(value: str) -> str | None:
    address = value.partition("?")[0]
    is_path = address.startswith("/") and not address.startswith("//")
    if _plain(value) or not (is_path or _address(address) is None):
        return "must be a full http(s) address, or a path that begins with one /"
    return None


def _currency(value: str) -> str | None:
    if len(value) == 3 and value.isascii() and value.isalpha() and value.isupper():
        return None
    return "must be an ISO 4217 code such as EUR"


def _region(value: str) -> str | None:
    if len(value) == 2 and value.isascii() and value.isalpha() and value.isupper():
        return None
    return "must be an ISO 3166 code of two capital letters, such as DE"


def _dispatch(value: str) -> str | None:
    return None if value in DISPATCHERS else f"must be one of {', '.join(DISPATCHERS)}"


def _queue(value: str) -> str | None:
    return _plain(value) if value else "must not be empty"


def _backend(value: str) -> str | None:
    if value in BACKENDS or "." in value:
        return None
    return f"must be one of {', '.join(BACKENDS)} or a dotted path"


def _keywords(value: Mapping[Any, Any]) -> str | None:
    return None if all(isinstance(name, str) for name in value) else "must have names that are strings"


def _databases(value: Sequence[Any]) -> str | None:
    if not value:
        return "must name at least one alias"
    unknown = [alias for alias in value if not isinstance(alias, str) or alias not in settings.DATABASES]
    return f"names {unknown[0]!r}, which is not in DATABASES" if unknown else None


def _hook(value: object) -> str | None:
    if callable(value) or (isinstance(value, str) and "." in value):
        return None
    return f"must be a callable or a dotted path, not {type(value).__name__}"


def _actions(value: Sequence[Any]) -> str | None:
    # 100 characters: the column of the event's action.
    if all(isinstance(name, str) and 0 < len(name) <= 100 and not _plain(name) for name in value):
        return None
    return "must hold names of actions: plain text of 1 to 100 characters"


def _action_definitions(value: Sequence[Any] | Mapping[Any, Any]) -> str | None:
    if _actions(list(value)):
        return _actions(list(value))
    for name, says in value.items() if isinstance(value, Mapping) else ():
        complaint = None if says is None or isinstance(says, str) else _traits(says, ACTION_TRAITS)
        if complaint:
            return f"must give {name!r} a title, or a dict with {', '.join(ACTION_TRAITS)}: {complaint}"
    return None


def _property_definitions(value: Mapping[Any, Any]) -> str | None:
    for name, says in value.items():
        if not isinstance(name, str) or not name.strip() or name[0].isdigit() or "{" in name or "}" in name:
            return f"must name properties without a digit in front and without curly brackets, not {name!r}"
        kind = says.get("kind") if isinstance(says, Mapping) else says
        if kind not in PROPERTY_KINDS:
            return f"must give {name!r} one of the kinds {', '.join(PROPERTY_KINDS)}, not {kind!r}"
        complaint = _traits(says, PROPERTY_TRAITS) if isinstance(says, Mapping) else None
        if complaint:
            return f"must give {name!r} a kind, or a dict with {', '.join(PROPERTY_TRAITS)}: {complaint}"
    folded = [name.casefold() for name in value]
    return "must not name a property twice, whatever the case" if len(set(folded)) < len(folded) else None


def _traits(says: Any, known: Mapping[str, type]) -> str | None:
    if not isinstance(says, Mapping):
        return f"{type(says).__name__} is neither"
    for name, value in says.items():
        if name not in known:
            return f"{name!r} is none of these"
        if not isinstance(value, known[name]) or (isinstance(value, bool) and known[name] is not bool):
            return f"{name} is not a {known[name].__name__}"
    return None


def _lists(value: Sequence[Any]) -> str | None:
    if all(isinstance(name, str) and name.strip() and len(name) <= 255 for name in value):
        return None
    return "must hold names of lists: text of 1 to 255 characters"


@dataclass(frozen=True)
class _Found:
    """What the settings came to, and the settings as they were then."""

    settings: object
    raw: Mapping[str, Any]
    active: bool


class HellotextSettings:
    """Typed, live view of ``settings.HELLOTEXT``. Times are seconds; ``RETENTION`` is days."""

    _found: _Found | None = None

    BUSINESS_ID = Setting("", str, rule=_short_name)
    API_TOKEN = Setting("", str, rule=_plain, secret=True)
    ENVIRONMENT = Setting("", str, rule=_short_name)
    SOURCE = Setting("django", str, rule=_source)
    BASE_URL = Setting(PUBLIC_API_URL, str, rule=_base_url)
    ALLOW_HTTP = Setting(False, bool)
    JS_URL = Setting(HELLOTEXT_JS_URL, str, rule=_script)
    JS = Setting[Mapping[str, Any]]({}, Mapping, rule=js.complaint)
    SITE_URL = Setting[str | None](None, str, rule=_address)
    CURRENCY = Setting[str | None](None, str, rule=_currency)
    BACKEND = Setting("http", str, rule=_backend)
    BACKEND_OPTIONS = Setting[Mapping[str, Any]]({}, Mapping, rule=_keywords, secret=True)
    DISPATCH = Setting("none", str, rule=_dispatch)
    QUEUE = Setting[str | None](None, str, rule=_queue)
    BROKER_TIMEOUT = Setting[float](0.25, int, float, rule=_positive)
    DRAIN_SECONDS = Setting[float](50.0, int, float, rule=_positive)
    DRAINS = Setting(2, int, rule=_positive)
    CART_ABANDONED_AFTER = Setting[float | None](None, int, float, rule=_positive)
    RETENTION = Setting[float](30.0, int, float, rule=_positive)
    DATABASES = Setting[Sequence[str]](("default",), list, tuple, rule=_databases)
    CONSENT = Setting[str | Callable[..., Any] | None](None, rule=_hook)
    SHOULD_TRACK = Setting[str | Callable[..., Any] | None](None, rule=_hook)
    IMPERSONATED = Setting[str | Callable[..., Any] | None](None, rule=_hook)
    CLEAN_URLS = Setting(False, bool)
    ACTIONS = Setting[Sequence[str] | Mapping[str, Any]]((), list, tuple, Mapping, rule=_action_definitions)
    PROPERTIES = Setting[Mapping[str, Any]]({}, Mapping, rule=_property_definitions)
    LISTS = Setting[Sequence[str]]((), list, tuple, rule=_lists)
    VERIFIED = Setting[str | Callable[..., Any] | None](None, rule=_hook)
    DO_NOT_TRACK = Setting(False, bool)
    PHONE_REGION = Setting[str | None](None, str, rule=_region)
    CONCURRENCY = Setting(8, int, rule=_positive)
    POLL_INTERVAL = Setting[float](1.0, int, float, rule=_positive)
    CONNECT_TIMEOUT = Setting[float](3.05, int, float, rule=_positive)
    READ_TIMEOUT = Setting[float](10.0, int, float, rule=_positive)
    DEADLINE = Setting[float](20.0, int, float, rule=_positive)
    RATE = Setting[float | None](None, int, float, rule=_positive)
    LEASE = Setting[float](120.0, int, float, rule=_positive)
    SETTLE_TIME = Setting[float](120.0, int, float, rule=_positive)
    SESSION_WAIT = Setting[float](300.0, int, float, rule=_positive)
    MAX_ATTEMPTS = Setting(12, int, rule=_positive)
    AT_MOST_ONCE = Setting[Sequence[str]](AT_MOST_ONCE, list, tuple, rule=_actions)
    RAISE_ERRORS = Setting(False, bool)
    STATUS_TOKEN = Setting("", str, rule=_token, secret=True)

    def problems(self) -> list[Problem]:
        """All mistakes, in a stable order; empty when the app is not configured at all (demand K3)."""
        raw = getattr(settings, "HELLOTEXT", None)
        if raw is None:
            return []
        if not isinstance(raw, Mapping):
            return [
                Problem(
                    "hellotext.E001",
                    "HELLOTEXT",
                    f"settings.HELLOTEXT must be a dict, not {type(raw).__name__}.",
                    "Write HELLOTEXT = {'BUSINESS_ID': …, 'API_TOKEN': …, 'ENVIRONMENT': …}.",
                )
            ]
        return [*self._unknown_keys(raw), *self._wrong_values(raw), *self._missing(raw), *self._at_odds()]

    def _unknown_keys(self, raw: Mapping[str, Any]) -> list[Problem]:
        # A mistake like any other, because it may be a misspelt CONSENT: then nothing may be recorded.
        found = []
        for key in raw:
            if key in SETTINGS:
                continue
            near = difflib.get_close_matches(str(key).upper(), SETTINGS, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Known settings: {', '.join(sorted(SETTINGS))}."
            found.append(Problem("hellotext.E002", str(key), f"HELLOTEXT[{key!r}] is not a known setting.", hint))
        return found

    def _wrong_values(self, raw: Mapping[str, Any]) -> list[Problem]:
        found = []
        for name, setting in SETTINGS.items():
            if name not in raw:
                continue
            complaint = setting.complaint(raw[name])
            if complaint:
                found.append(
                    Problem(
                        "hellotext.E003",
                        name,
                        f"HELLOTEXT['{name}'] {complaint}.",
                        "Correct the setting; until then django-hellotext records and sends nothing.",
                    )
                )
        return found

    def _missing(self, raw: Mapping[str, Any]) -> list[Problem]:
        token, business, environment = (bool(raw.get(name)) for name in ("API_TOKEN", "BUSINESS_ID", "ENVIRONMENT"))
        found = []
        if token and not environment:
            found.append(
                Problem(
                    "hellotext.E004",
                    "ENVIRONMENT",
                    "HELLOTEXT['ENVIRONMENT'] is missing although API_TOKEN is set.",
                    "Name the environment, such as 'production' or 'staging': a database that is cloned into "
                    "another environment then sends nothing to the live account.",
                )
            )
        if token and not business:
            found.append(
                Problem(
                    "hellotext.E005",
                    "BUSINESS_ID",
                    "HELLOTEXT['BUSINESS_ID'] is missing although API_TOKEN is set.",
                    "Copy the public Business ID from the settings of your Hellotext account.",
                )
            )
        return found

    def _at_odds(self) -> list[Problem]:
        if self.LEASE >= 3 * self.DEADLINE:
            return []
        return [
            Problem(
                "hellotext.E006",
                "LEASE",
                "HELLOTEXT['LEASE'] is shorter than three times DEADLINE.",
                "A row is only sent while at least twice the deadline is left of its lease: "
                "raise LEASE or lower DEADLINE.",
            )
        ]

    @property
    def active(self) -> bool:
        """Whether anything is recorded and sent: credentials are complete and nothing is wrong."""
        # Asked with every request: it is found out anew only when a setting has been changed or overridden.
        whole, raw, known = LIVE.get("_wrapped"), configured(), self._found
        if known is None or known.settings is not whole or known.raw != raw:
            complete = bool(self.API_TOKEN and self.BUSINESS_ID and self.ENVIRONMENT)
            known = self._found = _Found(whole, dict(raw), complete and not self.problems())
        return known.active

    @property
    def account(self) -> str:
        """The account that rows remember: Business ID and environment (promise 10, demands A8 and F5)."""
        return f"{self.BUSINESS_ID}/{self.ENVIRONMENT}"

    @property
    def backend_path(self) -> str:
        """The dotted path of the carrier in use."""
        return BACKENDS.get(self.BACKEND, self.BACKEND)

    def __repr__(self) -> str:
        shown = (
            f"{name}={'<redacted>' if setting.secret and configured().get(name) else repr(getattr(self, name))}"
            for name, setting in SETTINGS.items()
            if name in configured()
        )
        return f"<HellotextSettings {' '.join(shown)}>"


SETTINGS: dict[str, Setting[Any]] = {
    name: value for name, value in vars(HellotextSettings).items() if isinstance(value, Setting)
}

hellotext_settings = HellotextSettings()
