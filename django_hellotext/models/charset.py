"""Texts with four-byte characters, such as emoji, on a MySQL or MariaDB database whose charset has three.

Our JSON is ASCII in every database. The other texts of our tables (references, keys, errors) are widened to
``utf8mb4`` when the tables are made: cut to three bytes, two references could become one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db.backends.base.base import BaseDatabaseWrapper

NARROW = ("utf8", "utf8mb3")
WIDE = "utf8mb4"
_OWN_CHARSET = re.compile(r" (?:CHARACTER SET|COLLATE) \w+")
_DEFINITION = re.compile(r"(?P<type>\w+(?:\([\d,]+\))?)(?P<rest>.*)")


def narrow_columns(connection: BaseDatabaseWrapper) -> dict[str, dict[str, str]]:
    """Return the columns of our tables that cannot hold emoji with their collations, by table."""
    if connection.vendor != "mysql":
        return {}
    tables = [model._meta.db_table for model in apps.get_app_config("django_hellotext").get_models()]
    places = ", ".join(["%s"] * len(tables))
    found: dict[str, dict[str, str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name, collation_name FROM information_schema.columns WHERE table_schema = "  # noqa: S608 - places only
            f"DATABASE() AND character_set_name IN (%s, %s) AND table_name IN ({places})",
            [*NARROW, *tables],
        )
        for table, column, collation in cursor.fetchall():
            found.setdefault(table, {})[column] = collation
    return found


def statements(connection: BaseDatabaseWrapper) -> Iterator[str]:
    """Yield the ``ALTER TABLE`` of each table that has narrow columns; everything else of a column stays."""
    quote = connection.ops.quote_name
    for table, columns in narrow_columns(connection).items():
        with connection.cursor() as cursor:
            cursor.execute(f"SHOW CREATE TABLE {quote(table)}")
            lines = cursor.fetchone()[1].splitlines()
        changes = [
            f"MODIFY {quote(column)} {_widened(lines, quote(column), collation)}"
            for column, collation in columns.items()
        ]
        yield f"ALTER TABLE {quote(table)} DEFAULT CHARACTER SET {WIDE}, {', '.join(changes)}"


def _widened(lines: list[str], column: str, collation: str) -> str:
    """Return the definition of ``column`` out of ``lines`` with a charset of four bytes."""
    line = next(line.strip() for line in lines if line.strip().startswith(f"{column} "))
    definition = _DEFINITION.fullmatch(line.removeprefix(f"{column} ").removesuffix(","))
    assert definition is not None  # noqa: S101 - the database's own words
    wide = f"{WIDE}_{collation.partition('_')[2]}"
    rest = _OWN_CHARSET.sub("", definition["rest"])
    return f"{definition['type']} CHARACTER SET {WIDE} COLLATE {wide}{rest}"


def widen(_apps: Any, editor: Any) -> None:
    """Widen the columns of our tables; for migrations. Does nothing on any other database."""
    for statement in list(statements(editor.connection)):
        editor.execute(statement)
