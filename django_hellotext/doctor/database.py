"""Our tables on one alias: reachable, migrated, with every index, and of this environment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.apps import apps
from django.db import DatabaseError, connections, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from .. import clock
from ..api import HellotextClient
from ..conf import hellotext_settings
from ..models import Account
from ..models.fields import UtcNow
from ..redaction import mask
from .checked import from_checks
from .findings import Finding, Mark, error, ok, warning

APP = "django_hellotext"
OWN = frozenset({"hellotext.W003"})
SKEW = 30.0  # seconds between this machine's clock and the database's


def examine_database(using: str, client: HellotextClient | None) -> Iterator[Finding]:
    """Ends early where nothing more can be seen."""
    connection = connections[using]
    try:
        connection.ensure_connection()
    except DatabaseError as failure:
        yield error(
            "database.unreachable",
            f"The database {using!r} cannot be reached",
            mask(f"{type(failure).__name__}: {failure}"),
            f"Start it, or correct DATABASES[{using!r}].",
        )
        return
    unfit = list(_tables(connection))
    yield from unfit
    if unfit:
        return
    wrong = [*_indexes(connection), *_sqlite(connection), *_foreign(using), *_clock(using)]
    wrong += [finding for finding in from_checks(OWN.__contains__) if repr(using) in finding.title]
    yield from wrong
    if not any(finding.state is Mark.ERROR for finding in wrong):
        yield ok(
            "database.ready",
            f"The tables on {using!r} are there, with their indexes ({connection.display_name})",
        )


def tables() -> list[type[models.Model]]:
    """Our models that have a table."""
    return [model for model in apps.get_app_config(APP).get_models() if model._meta.managed and not model._meta.proxy]


def _tables(connection: Any) -> Iterator[Finding]:
    applied = {name for app, name in MigrationRecorder(connection).applied_migrations() if app == APP}
    loader = MigrationLoader(None, load=False)
    loader.load_disk()  # without the graph of every app's migrations
    missing = sorted(name for app, name in loader.disk_migrations if app == APP and name not in applied)
    if missing:
        yield error(
            "database.not_migrated",
            f"Migrations are missing on {connection.alias!r}: {', '.join(missing)}",
            "What happens in the shop is not recorded, because there is no place for it.",
            f"Run manage.py migrate django_hellotext --database {connection.alias}.",
        )
        return
    with connection.cursor() as cursor:
        there = set(connection.introspection.table_names(cursor))
        lacking = [model._meta.db_table for model in tables() if model._meta.db_table not in there]
        for model in tables() if not lacking else ():
            table = model._meta.db_table
            # get_table_description() parses the whole schema on SQLite, for collations.
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)} WHERE 1 = 0")  # noqa: S608 - our table
            columns = {column[0] for column in cursor.description}
            lacking += [
                f"{table}.{field.column}" for field in model._meta.local_concrete_fields if field.column not in columns
            ]
    if lacking:
        yield error(
            "database.table_missing",
            f"Missing on {connection.alias!r}: {', '.join(lacking)}",
            (
                "Django believes that the migrations were applied, and the tables say otherwise: a partial restore, or "
                "a migration that was faked."
            ),
            (
                "Restore these tables. If they hold nothing of worth, run manage.py migrate django_hellotext zero "
                "--fake, drop what is left of them, then manage.py migrate."
            ),
        )


def _indexes(connection: Any) -> Iterator[Finding]:
    with connection.cursor() as cursor:
        for model in tables():
            constraints = connection.introspection.get_constraints(cursor, model._meta.db_table)
            for name, sql in _wanted(connection, model, constraints):
                yield warning(
                    "database.index_missing",
                    f"An index is missing on {connection.alias!r}: {name}",
                    "The worker and the admin read whole tables instead, slower with every row; without a unique one "
                    "the same thing may be recorded twice.",
                    f"Make it in manage.py dbshell: {sql}",
                )


def _wanted(connection: Any, model: type[models.Model], there: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Name and statement of each index that ``there`` does not have."""
    editor = connection.schema_editor(collect_sql=True)
    names = {name.lower() for name in there}
    for index in model._meta.indexes:
        if index.condition is not None and not connection.features.supports_partial_indexes:
            continue  # pragma: no cover - MySQL and MariaDB only
        if index.name.lower() not in names:
            yield index.name, f"{index.create_sql(model, editor)};"
    for field in model._meta.local_concrete_fields:
        if field.primary_key or not (field.unique or getattr(field, "db_index", False)):
            continue
        if not _covers(there.values(), str(field.column), unique=field.unique):
            kind = "UNIQUE INDEX" if field.unique else "INDEX"
            table, column = (editor.quote_name(name) for name in (model._meta.db_table, field.column))
            name = f"{model._meta.db_table}_{field.column}"
            yield name, f"CREATE {kind} {editor.quote_name(name)} ON {table} ({column});"


def _covers(constraints: Iterable[dict[str, Any]], column: str, *, unique: bool) -> bool:
    for constraint in constraints:
        if unique and constraint["unique"] and constraint["columns"] == [column]:
            return True
        if not unique and constraint["index"] and constraint["columns"][:1] == [column]:
            return True
    return False


def _sqlite(connection: Any) -> Iterator[Finding]:
    if connection.vendor != "sqlite":  # pragma: no cover - PostgreSQL and MariaDB only
        return
    with connection.cursor() as cursor:
        [mode] = cursor.execute("PRAGMA journal_mode").fetchone()
    if mode in ("wal", "memory"):
        return
    yield warning(
        "database.sqlite_journal",
        f"The SQLite database {connection.alias!r} does not use WAL (journal_mode is {mode})",
        "The site waits while the worker writes, and the other way round.",
        f"Set OPTIONS['init_command'] = 'PRAGMA journal_mode=WAL' in DATABASES[{connection.alias!r}].",
    )


def _foreign(using: str) -> Iterator[Finding]:
    owner = Account.objects.using(using).owner(hellotext_settings.BUSINESS_ID)
    if owner is None or owner.environment == hellotext_settings.ENVIRONMENT:
        return
    yield error(
        "database.foreign",
        f"The database {using!r} belongs to {owner.key}, and this is {hellotext_settings.account}: nothing is sent",
        "It is a restored dump or a copy of another environment, or ENVIRONMENT was changed (hellotext.E009).",
        "A copy that is to send nothing: leave it so. One that is to stand for itself: delete the account row of "
        f"{owner.key}, see how-to/staging. A live site whose ENVIRONMENT was wrong: correct it.",
    )


def _clock(using: str) -> Iterator[Finding]:
    row = Account.objects.using(using).filter(key=hellotext_settings.account)
    theirs = row.values_list(UtcNow(), flat=True).first()
    if theirs is None:
        return
    apart = abs((clock.now() - theirs).total_seconds())
    if apart > SKEW:
        yield warning(
            "database.clock",
            f"The clocks of this machine and of the database {using!r} are {apart:.0f} seconds apart",
            "Workers go by the database's clock, events by this machine's: what is shown as waiting may be wrong.",
            "Let both machines set their clocks by NTP.",
        )
