"""System checks. Each has a stable ID and names the setting, adapter or attribute at fault."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import django
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.urls import get_resolver
from django.utils.module_loading import import_string

from .actions import BUILT_IN, is_hellotexts_own
from .adapters import Adapter, CartAdapter, Guest, phones, registry
from .api.backends.base import BaseBackend
from .conf import hellotext_settings
from .decorators.tracking import DECORATED
from .models import Account
from .models.charset import narrow_columns, statements
from .snippet.events import tracked_by_browsers

logger = logging.getLogger("django_hellotext.checks")

TAG = "hellotext"
MIDDLEWARE = "django_hellotext.middleware.HellotextMiddleware"
SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"


def register_checks() -> None:
    """Bind the checks to Django; called from ``AppConfig.ready()``."""
    register(check_settings, TAG)
    register(check_adapters, TAG)
    register(check_definitions, TAG)
    register(check_cart_events, TAG)
    register(check_middleware, TAG)
    register(check_browser_events, TAG)
    register(check_sqlite, TAG)
    register(check_dotted_paths, TAG)
    register(check_dispatch, TAG)
    register(check_phones, TAG)
    # Not under our own tag: asked for a tag, Django 6.1 hands every database to its checks (demand K2).
    register(check_environment, Tags.database)
    register(check_charset, Tags.database)


def log_mistakes() -> None:
    """Say at start-up that wrong settings keep the app inert: a web server runs no checks."""
    problems = hellotext_settings.problems()
    if problems:
        named = ", ".join(f"{problem.setting} ({problem.id})" for problem in problems)
        logger.error("django-hellotext records and sends nothing, see manage.py check: %s", named)


def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """hellotext.E001 to E006: mistakes in ``settings.HELLOTEXT``."""
    return [
        Error(problem.message, hint=problem.hint, obj=f"settings.HELLOTEXT[{problem.setting!r}]", id=problem.id)
        for problem in hellotext_settings.problems()
    ]


def check_adapters(**kwargs: Any) -> list[CheckMessage]:
    """hellotext.E1xx: mistakes in the shop's adapters."""
    return list(registry.check())


def check_definitions(**kwargs: Any) -> list[CheckMessage]:
    """hellotext.E012: one of ``HELLOTEXT["ACTIONS"]`` is built in, or Hellotext's own. Asks nobody but the settings."""
    return [
        Error(
            f"HELLOTEXT['ACTIONS'] names {name!r}, which is "
            f"{'a built-in action' if name in BUILT_IN else 'an action of Hellotext itself'}.",
            hint="Remove it: a built-in action needs no definition."
            if name in BUILT_IN
            else "Choose another name: a shop never sends this one.",
            obj="settings.HELLOTEXT['ACTIONS']",
            id="hellotext.E012",
        )
        for name in hellotext_settings.ACTIONS
        if name in BUILT_IN or is_hellotexts_own(name)
    ]


def check_browser_events(**kwargs: Any) -> list[CheckMessage]:
    """hellotext.E201: a view has the browser send what an adapter sends as well (demand H7)."""
    if not hellotext_settings.active:
        return []
    try:
        get_resolver().url_patterns  # noqa: B018 - imports the views, which declare their events
    except Exception:
        return []  # Django's own check of the URLs says what is wrong
    found: list[CheckMessage] = []
    for action, view in sorted(tracked_by_browsers.items()):
        adapter = registry.sender_of(action)
        if adapter is not None:
            found.append(
                Error(
                    f"{view} has the browser send {action!r}, which {type(adapter).__name__} sends as well.",
                    hint="Remove one of the two: every visitor would count twice.",
                    obj=view,
                    id="hellotext.E201",
                )
            )
    return found


def check_cart_events(**kwargs: Any) -> list[CheckMessage]:
    """hellotext.E121: a view and an adapter both send the same cart event, which would count twice (demand H7)."""
    tracking = [adapter for adapter in registry.all() if isinstance(adapter, CartAdapter) and adapter.tracks_items]
    if not tracking:
        return []
    with suppress(Exception):  # a broken URLconf has a check of its own
        _ = get_resolver().url_patterns  # whoever decorates a view is imported then
    return [
        Error(
            f"{type(adapter).__name__} tracks the items of carts, and a view is decorated with @track({action!r}).",
            hint="Each would be sent twice. Remove the decorator, or set tracks_items = False.",
            obj=type(adapter),
            id="hellotext.E121",
        )
        for adapter in tracking
        for action in ("cart.added", "cart.removed")
        if action in DECORATED
    ]


def check_sqlite(**kwargs: Any) -> list[CheckMessage]:
    """hellotext.W003: two processes on one SQLite database get in each other's way without IMMEDIATE transactions."""
    if not hellotext_settings.active:
        return []
    found: list[CheckMessage] = []
    for alias in hellotext_settings.DATABASES:
        database = settings.DATABASES.get(alias, {})
        options = database.get("OPTIONS", {})
        if not str(database.get("ENGINE", "")).endswith("sqlite3") or "IMMEDIATE" in str(options).upper():
            continue
        found.append(
            Warning(
                f"The SQLite database {alias!r} does not use IMMEDIATE transactions.",
                hint="Set OPTIONS = {'transaction_mode': 'IMMEDIATE', 'timeout': 20, 'init_command': "
                "'PRAGMA journal_mode=WAL'}: otherwise a worker and a request that write at the same time end in "
                "'database is locked', at once and whatever the timeout.",
                obj=f"settings.DATABASES[{alias!r}]",
                id="hellotext.W003",
            )
        )
    return found


def check_middleware(**kwargs: Any) -> list[CheckMessage]:
    """hellotext.W001: without the middleware short links are not noticed; E007: it stands before the sessions."""
    if not hellotext_settings.active:
        return []
    installed = list(settings.MIDDLEWARE)
    if MIDDLEWARE not in installed:
        return [
            Warning(
                "HellotextMiddleware is not in MIDDLEWARE.",
                hint=f"Add {MIDDLEWARE!r} after SessionMiddleware: without it the session of a short link is lost.",
                id="hellotext.W001",
            )
        ]
    if SESSIONS in installed and installed.index(SESSIONS) > installed.index(MIDDLEWARE):
        return [
            Error(
                "HellotextMiddleware stands before SessionMiddleware.",
                hint="Move it after SessionMiddleware: it keeps the session of a short link in the Django session.",
                id="hellotext.E007",
            )
        ]
    return []


def check_dotted_paths(**kwargs: Any) -> list[CheckMessage]:
    """hellotext.E008: a setting names something that cannot be imported, or that is not what it should be."""
    found = _wrong_path("BACKEND", hellotext_settings.backend_path, _is_backend, "a subclass of BaseBackend")
    for setting in ("CONSENT", "SHOULD_TRACK", "IMPERSONATED", "VERIFIED"):
        hook = getattr(hellotext_settings, setting)
        if isinstance(hook, str):
            found += _wrong_path(setting, hook, callable, "a callable")
    return found


def check_dispatch(**kwargs: Any) -> list[CheckMessage]:
    """hellotext.E010: what ``DISPATCH`` needs is not installed; E011: TASKS has no worker; W002: no Celery app."""
    if not hellotext_settings.active:
        return []
    way = hellotext_settings.DISPATCH
    if way == "celery":
        return _check_celery()
    if way == "tasks":
        return _check_tasks()
    return []


def check_phones(**kwargs: Any) -> list[CheckMessage]:
    """hellotext.W004: phone numbers are sent, and the library that reads local ones is not installed."""
    if not hellotext_settings.active or phones.library() is not None:
        return []
    needed_by = [name for adapter in registry.all() for name in _phones_of(adapter)]
    if hellotext_settings.PHONE_REGION:
        needed_by.append("HELLOTEXT['PHONE_REGION']")
    if not needed_by:
        return []
    return [
        Warning(
            f"The library {phones.LIBRARY!r} is not installed: phone numbers without a country code are left out. "
            f"Needed by: {', '.join(needed_by)}.",
            hint=f"Run: {phones.INSTALL}. A project that has 'phonenumberslite' needs nothing else.",
            id="hellotext.W004",
        )
    ]


def check_environment(*, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """hellotext.E009: this database is a copy from another environment, and so nothing is sent (demand A8).

    Reads the database, and so runs only where Django may: in ``migrate`` and in ``check --database``.
    """
    if not hellotext_settings.active:
        return []
    found: list[CheckMessage] = []
    for alias in databases or ():
        if alias not in hellotext_settings.DATABASES or not _is_migrated(alias):
            continue
        owner = Account.objects.using(alias).owner(hellotext_settings.BUSINESS_ID)
        if owner is not None and owner.environment != hellotext_settings.ENVIRONMENT:
            found.append(
                Error(
                    f"The database {alias!r} belongs to the account {owner.key!r}, but HELLOTEXT['ENVIRONMENT'] is "
                    f"{hellotext_settings.ENVIRONMENT!r}: nothing is sent.",
                    hint="Correct ENVIRONMENT. If this is a copy for another environment, delete that account's "
                    "row (django_hellotext.models.Account): the copy then begins anew.",
                    obj="settings.HELLOTEXT['ENVIRONMENT']",
                    id="hellotext.E009",
                )
            )
    return found


def check_charset(*, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """hellotext.W005: our tables on MySQL or MariaDB are in ``utf8mb3``, which holds no emoji. Reads the database."""
    if not hellotext_settings.active:
        return []
    found: list[CheckMessage] = []
    for alias in databases or ():
        narrow = narrow_columns(connections[alias]) if alias in hellotext_settings.DATABASES else {}
        if narrow:
            charset = sorted(
                {collation.partition("_")[0] for columns in narrow.values() for collation in columns.values()}
            )
            found.append(
                Warning(
                    f"Tables of django_hellotext on {alias!r} are in {', '.join(charset)}, which holds no emoji: "
                    f"{', '.join(sorted(narrow))}.",
                    hint="An event or error with a character of four bytes could not be stored. Run in manage.py "
                    f"dbshell: {'; '.join(statements(connections[alias]))};",
                    obj=f"settings.DATABASES[{alias!r}]",
                    id="hellotext.W005",
                )
            )
    return found


def _phones_of(adapter: Adapter) -> list[str]:
    """Return the attributes of ``adapter`` that are phone numbers."""
    found = [
        adapter.where(name) for name in ("phone", "phones") if name in adapter.attributes and adapter.declares(name)
    ]
    guest = adapter.spec("guest")
    if isinstance(guest, Guest) and guest.phone is not None:
        found.append(adapter.where("guest.phone"))
    return found


def _check_celery() -> list[CheckMessage]:
    try:
        from celery.app import default_app
    except ImportError:
        return [_closed("celery", "Celery is not installed.", "Install django-hellotext[celery].", id="hellotext.E010")]
    if bool(default_app):  # a proxy, which stands for None until an app is made
        return []
    return [
        Warning(
            "HELLOTEXT['DISPATCH'] is 'celery', but no Celery app is loaded.",
            hint="Import the project's Celery app in the project's __init__.py, as Celery's guide for Django shows: "
            "without it hints go to a broker on this machine that nobody reads.",
            obj="settings.HELLOTEXT['DISPATCH']",
            id="hellotext.W002",
        )
    ]


def _check_tasks() -> list[CheckMessage]:
    if django.VERSION < (6, 0):
        hint = "Upgrade Django, or choose another way, such as 'celery' or 'none'."
        return [_closed("tasks", "django.tasks came with Django 6.0.", hint, id="hellotext.E010")]
    return _check_task_backend()  # pragma: no cover - Django 6 only


def _check_task_backend() -> list[CheckMessage]:  # pragma: no cover - Django 6 only
    from django.tasks import task_backends

    from .dispatch.tasks import has_workers

    try:
        backend = task_backends["default"]
        served = has_workers()
    except ImproperlyConfigured as error:
        hint = "Name a back end with workers in TASKS['default']."
        return [_closed("tasks", f"TASKS['default'] cannot be used: {error}", hint, id="hellotext.E011")]
    if not served:
        hint = "Use a back end with workers: this one would send in the visitor's request, or never."
        return [_closed("tasks", f"TASKS['default'] is {type(backend).__name__}.", hint, id="hellotext.E011")]
    queue = hellotext_settings.QUEUE or "default"
    if backend.queues and queue not in backend.queues:
        hint = "Set HELLOTEXT['QUEUE'] to one of them, or add it."
        return [_closed("tasks", f"TASKS['default']['QUEUES'] has no {queue!r}.", hint, id="hellotext.E011")]
    return []


def _closed(way: str, reason: str, hint: str, *, id: str) -> CheckMessage:
    return Error(
        f"HELLOTEXT['DISPATCH'] is {way!r}, but {reason}", hint=hint, obj="settings.HELLOTEXT['DISPATCH']", id=id
    )


def _is_migrated(alias: str) -> bool:
    """``migrate`` runs this check before it has made our tables."""
    return Account._meta.db_table in connections[alias].introspection.table_names()


def _is_backend(found: object) -> bool:
    return isinstance(found, type) and issubclass(found, BaseBackend)


def _wrong_path(setting: str, path: str, is_right: Callable[[object], bool], wanted: str) -> list[CheckMessage]:
    try:
        wrong = "" if is_right(import_string(path)) else f"which is not {wanted}"
    except Exception as error:
        # The host's own module: whatever it raises belongs into this message.
        wrong = f"which cannot be imported: {type(error).__name__}: {error}"
    if not wrong:
        return []
    return [
        Error(
            f"HELLOTEXT[{setting!r}] names {path!r}, {wrong}.",
            hint=f"Name the dotted path of {wanted}.",
            obj=f"settings.HELLOTEXT[{setting!r}]",
            id="hellotext.E008",
        )
    ]
