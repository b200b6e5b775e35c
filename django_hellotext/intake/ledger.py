"""The INSERT: one row, one round trip, in the host's own transaction, and never the end of it.

The only module that writes raw SQL. Django's ORM marks an ``atomic()`` block for rollback when an INSERT fails;
a plain cursor does not. PostgreSQL itself aborts the transaction, so there the INSERT travels inside a savepoint
in the same round trip. A database of another vendor goes through the ORM in a savepoint.

One failure cannot be kept from the host: that of a database which takes back the whole transaction with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import DEFAULT_DB_ALIAS, DatabaseError, OperationalError, connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from ..conf import hellotext_settings
from ..models import CHANGES, Change, RemoteObject
from ..savepoints import is_aborted

# What InnoDB says to the victim of a deadlock, whose whole transaction it has rolled back.
DEADLOCK = 1213
# What it says after waiting too long for a lock; it has then rolled back the statement, or all of the transaction.
TIMEOUT = 1205
# What the drivers say of a lock that somebody else holds: MySQL's numbers, PostgreSQL's and SQLite's codes.
_LOCKS = frozenset({DEADLOCK, TIMEOUT, "40P01", "55P03", "SQLITE_BUSY", "SQLITE_LOCKED"})
# Always the same name, which hides an outer savepoint of that name until it is released: a statement that differs
# each time would be parsed anew by the driver, a fifth of the time of an INSERT.
SAVEPOINT = "hellotext"


class TransactionLostError(OperationalError):
    """The database has refused our row, and has taken the host's whole transaction back with it.

    It says what the database said. The host must see it, as it sees a deadlock of its own: whatever it did before is
    gone, and what it does afterwards would be committed alone.
    """


@dataclass(frozen=True)
class Place:
    """A host object that may remember its buyer, and the fingerprint of its mirror."""

    label: str
    pk: str
    identity: str


@dataclass(frozen=True, kw_only=True)
class RememberedSession:
    """Where the database itself finds the buyer's session while it inserts an event.

    ``places``: the object and what it was made of, such as an order's cart; the first that knows one wins. Of each,
    the newest unfolded Change wins over the mirror; ``fallback`` serves where none knows a session. One scalar
    subquery instead of a second round trip.
    """

    places: Sequence[Place]
    fallback: str
    fallback_key: str


def alias_for(using: str | None, *hosts: models.Model | None) -> str:
    """The database alias for a row about ``hosts``: theirs, as far as it holds our tables."""
    aliases = hellotext_settings.DATABASES
    named = (using, *(host._state.db for host in hosts if host is not None))
    wanted = next((alias for alias in named if alias), None)
    if wanted is not None and wanted in aliases:
        return wanted
    return DEFAULT_DB_ALIAS if DEFAULT_DB_ALIAS in aliases else aliases[0]


def insert(row: models.Model, *, using: str, unique: str = "", session: RememberedSession | None = None) -> None:
    """Insert ``row`` on the alias ``using``.

    ``unique`` names the column whose conflict means "recorded before": the row is then left out silently.
    Raises the database's error, after it has made sure that the host's transaction goes on; where that is not
    possible, ``TransactionLostError``.
    """
    insert_many([row], using=using, unique=unique, session=session)


def insert_many(
    rows: Sequence[models.Model], *, using: str, unique: str = "", session: RememberedSession | None = None
) -> None:
    """Insert ``rows`` of one model with one statement; arguments and errors as for ``insert``.

    Rows that have a primary key keep it; all rows of a call have one, or none has. If the statement meets a lock, it is
    sent once more.
    """
    connection = connections[using]
    if connection.needs_rollback:
        # The host's block is already lost; whatever it says now goes with it.
        return
    try:
        _attempt(connection, rows, unique, session)
    except TransactionLostError:
        raise
    except DatabaseError as error:
        if not met_a_lock(error):
            raise
        # Nothing is wrong with the rows: they are as likely as not to be let in now.
        _attempt(connection, rows, unique, session)


def _attempt(
    connection: BaseDatabaseWrapper, rows: Sequence[models.Model], unique: str, session: RememberedSession | None
) -> None:
    writer = _WRITERS.get(connection.vendor, _through_the_orm)
    is_open = _in_transaction(connection)
    try:
        writer(connection, rows, unique, session)
    except DatabaseError as error:
        if is_open and _is_lost(connection, error):
            if connection.in_atomic_block:
                connection.set_rollback(True)
            raise TransactionLostError(*error.args) from error
        raise


def _on_postgresql(  # pragma: no cover - PostgreSQL only
    connection: BaseDatabaseWrapper,
    rows: Sequence[models.Model],
    unique: str,
    session: RememberedSession | None,
) -> None:
    sql, params = _statement(connection, rows, session)
    if unique:
        sql += f" ON CONFLICT ({connection.ops.quote_name(unique)}) DO NOTHING"
    if not _in_transaction(connection):
        _execute(connection, sql, params)
        return
    if connection.settings_dict.get("OPTIONS", {}).get("server_side_binding"):
        # Bound on the server, a query may hold one statement only.
        _through_the_orm(connection, rows, unique, session)
        return
    connection.ensure_connection()
    if is_aborted(connection):
        return
    try:
        _execute(connection, f"SAVEPOINT {SAVEPOINT}; {sql}; RELEASE SAVEPOINT {SAVEPOINT}", params)
    except Exception:
        # A value refused by the driver was never sent: then there is no savepoint to return to.
        if is_aborted(connection):
            _execute(connection, f"ROLLBACK TO SAVEPOINT {SAVEPOINT}; RELEASE SAVEPOINT {SAVEPOINT}", [])
        raise


def _on_sqlite(
    connection: BaseDatabaseWrapper,
    rows: Sequence[models.Model],
    unique: str,
    session: RememberedSession | None,
) -> None:
    sql, params = _statement(connection, rows, session)
    if unique:
        sql += f" ON CONFLICT ({connection.ops.quote_name(unique)}) DO NOTHING"
    _execute(connection, sql, params)


def _on_mysql(  # pragma: no cover - MySQL and MariaDB only
    connection: BaseDatabaseWrapper,
    rows: Sequence[models.Model],
    unique: str,
    session: RememberedSession | None,
) -> None:
    if session is not None and getattr(connection, "isolation_level", "") != "read committed":
        # In the other levels an INSERT locks what it reads, also rows of transactions that are still open.
        _set_session(rows[0], session, using=connection.alias)
        session = None
    sql, params = _statement(connection, rows, session)
    if unique:
        # Not INSERT IGNORE: that also swallows data errors.
        sql += " ON DUPLICATE KEY UPDATE id = id"
    _execute(connection, sql, params)


def _through_the_orm(
    connection: BaseDatabaseWrapper,
    rows: Sequence[models.Model],
    unique: str,
    session: RememberedSession | None,
) -> None:
    manager = type(rows[0])._base_manager.using(connection.alias)
    with transaction.atomic(using=connection.alias):
        for row in rows:
            if session is not None:
                _set_session(row, session, using=connection.alias)
            key = getattr(row, unique) if unique else None
            if key is not None and manager.filter(**{unique: key}).exists():
                continue
            row.save(using=connection.alias, force_insert=True)


def _set_session(row: models.Model, session: RememberedSession, *, using: str) -> None:
    """Look the session up with a statement of its own."""
    found = _remembered(using, session)
    row.session = found or session.fallback  # type: ignore[attr-defined]  # only events carry a lookup
    row.ordering_key = found or session.fallback_key  # type: ignore[attr-defined]  # as above


def _remembered(using: str, session: RememberedSession) -> str:
    for place in session.places:
        changes = Change.objects.using(using).of(place.label, place.pk).exclude(session="")
        mirrors = RemoteObject.objects.using(using).filter(identity=place.identity)
        found = changes.reverse().values_list("session", flat=True).first()
        found = found or mirrors.values_list("session", flat=True).first()
        if found:
            return found
    return ""


_WRITERS = {"postgresql": _on_postgresql, "sqlite": _on_sqlite, "mysql": _on_mysql}


def _in_transaction(connection: BaseDatabaseWrapper) -> bool:
    return connection.in_atomic_block or not connection.get_autocommit()


def met_a_lock(error: DatabaseError) -> bool:
    """Return whether ``error`` is a lock conflict: nothing is wrong with the row."""
    cause = error.__cause__
    said = {
        error.args[0] if error.args else None,
        getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None),
        getattr(cause, "sqlite_errorname", None),
    }
    return bool(said & _LOCKS)


def _is_lost(connection: BaseDatabaseWrapper, error: DatabaseError) -> bool:
    """Return whether ``error`` has ended the open transaction."""
    if connection.vendor == "mysql":  # pragma: no cover - MySQL and MariaDB only
        code = error.args[0] if error.args else None
        return code == DEADLOCK or (code == TIMEOUT and _gives_up_everything(connection))
    if connection.vendor == "sqlite":
        # A disk that is full or fails. Under manual transactions one that had not begun looks alike, and lost nothing.
        return connection.in_atomic_block and not connection.connection.in_transaction
    return False  # pragma: no cover - PostgreSQL only: its savepoint has saved the transaction


def _gives_up_everything(connection: BaseDatabaseWrapper) -> bool:  # pragma: no cover - MySQL and MariaDB only
    """Return whether a lock timeout rolls back the whole transaction (``innodb_rollback_on_timeout``).

    A timeout on a table lock, such as a migration's, ends only the statement. MariaDB can tell the difference.
    """
    question = "SELECT @@innodb_rollback_on_timeout"
    if getattr(connection, "mysql_is_mariadb", False):
        question += " AND NOT @@in_transaction"
    with connection.cursor() as cursor:
        cursor.execute(question)
        return bool(cursor.fetchone()[0])


def _execute(connection: BaseDatabaseWrapper, sql: str, params: Sequence[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params or None)


@dataclass(frozen=True)
class _Shape:
    """What is the same in each INSERT into a table: how it begins, its places, and the fields that fill them.

    Where ``is_plain``, the drivers take a ``str`` or an ``int`` as it is.
    """

    insert: str
    places: str
    fields: tuple[tuple[str, models.Field[Any, Any], bool], ...]


_shapes: dict[tuple[type[models.Model], str, bool], _Shape] = {}


def _shape_of(model: type[models.Model], connection: BaseDatabaseWrapper, *, has_key: bool = False) -> _Shape:
    shape = _shapes.get((model, connection.vendor, has_key))
    if shape is None:
        quote, meta = connection.ops.quote_name, model._meta
        wanted = Change.INSERTED if model is Change else {field.name for field in meta.concrete_fields}
        fields = [
            field for field in meta.concrete_fields if field.name in wanted and (has_key or not field.primary_key)
        ]
        names = ", ".join(quote(field.column or field.attname) for field in fields)
        shape = _Shape(
            # Names come from our own models, values are bound.
            insert=f"INSERT INTO {quote(meta.db_table)} ({names})",
            places=f"({', '.join(['%s'] * len(fields))})",
            fields=tuple(
                (field.attname, field, isinstance(field, models.CharField | models.IntegerField)) for field in fields
            ),
        )
        _shapes[model, connection.vendor, has_key] = shape
    return shape


def _statement(
    connection: BaseDatabaseWrapper, rows: Sequence[models.Model], session: RememberedSession | None
) -> tuple[str, list[Any]]:
    shape = _shape_of(type(rows[0]), connection, has_key=rows[0].pk is not None)
    if session is not None:
        return _statement_that_looks_up(connection, shape, rows[0], session)
    params = [value for row in rows for value in _values(connection, shape, row)]
    return f"{shape.insert} VALUES {', '.join([shape.places] * len(rows))}", params


def _values(connection: BaseDatabaseWrapper, shape: _Shape, row: models.Model) -> list[Any]:
    values = []
    for name, field, is_plain in shape.fields:
        value = getattr(row, name)
        as_it_is = is_plain and type(value) in (str, int)
        values.append(value if as_it_is else field.get_db_prep_save(value, connection))
    return values


# The columns that the database itself finds: the session, and with it the ordering key.
_FOUND = ("session", "ordering_key")
_lookups: dict[tuple[str, int], str] = {}


def _statement_that_looks_up(
    connection: BaseDatabaseWrapper, shape: _Shape, row: models.Model, session: RememberedSession
) -> tuple[str, list[Any]]:
    """The INSERT of one event whose session, and with it the ordering key, the database finds itself."""
    where = [value for place in session.places for value in (place.label, place.pk, place.identity)]
    fallbacks = {"session": session.fallback, "ordering_key": session.fallback_key}
    first, each = ([], where) if _looks_twice(connection) else (where, [])
    params: list[Any] = [*first]
    for (name, _, _), value in zip(shape.fields, _values(connection, shape, row), strict=True):
        if name in fallbacks:
            params += each
            params.append(fallbacks[name])
        else:
            params.append(value)
    places = len(session.places)
    sql = _lookups.get((connection.vendor, places))
    if sql is None:
        sql = _lookups[connection.vendor, places] = _look_up(connection, shape, places)
    return sql, params


def _looks_twice(connection: BaseDatabaseWrapper) -> bool:
    """There is no WITH before an INSERT in MySQL and MariaDB."""
    return connection.vendor == "mysql"


def _look_up(connection: BaseDatabaseWrapper, shape: _Shape, places: int) -> str:
    quote = connection.ops.quote_name
    change, mirror = quote(Change._meta.db_table), quote(RemoteObject._meta.db_table)
    states = ", ".join(f"'{state.value}'" for state in CHANGES)
    # Names and states of our own models, values are bound. Ordered by an expression: by the column itself PostgreSQL
    # may decide to read the whole table backwards.
    newest = (
        f"SELECT session FROM {change} WHERE object_label = %s AND object_pk = %s AND state IN ({states})"  # noqa: S608
        f" AND session <> '' ORDER BY -id LIMIT 1"
    )
    look = f"({newest}), (SELECT session FROM {mirror} WHERE identity = %s AND session <> '')"  # noqa: S608 - as above
    found = f"COALESCE({', '.join([look] * places)})"
    expression = f"COALESCE({found if _looks_twice(connection) else '(SELECT session FROM found)'}, %s)"  # noqa: S608
    values = ", ".join(expression if name in _FOUND else "%s" for name, _, _ in shape.fields)
    if _looks_twice(connection):  # pragma: no cover - MySQL and MariaDB only
        # Not INSERT ... VALUES, which locks what it reads even under READ COMMITTED.
        return f"{shape.insert} SELECT {values}"
    return f"WITH found (session) AS (SELECT {found}) {shape.insert} VALUES ({values})"
