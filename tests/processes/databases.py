"""Databases of a shop in processes of its own: made for it, read beside Django, and dropped with it."""

from __future__ import annotations

import os
import sqlite3
from abc import ABC, abstractmethod
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.ports import HOST, SERVICES

PATIENCE = 120.0  # seconds; a bound that only a standstill reaches, not a duration


class Database(ABC):
    """One database; ``url`` is what the shop's settings take."""

    vendor: str
    url: str

    @abstractmethod
    def create(self) -> None:
        """Make it, empty."""

    @abstractmethod
    def drop(self) -> None:
        """Leave nothing of it behind."""

    @abstractmethod
    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What ``sql`` selects, through a connection of its own."""

    def execute(self, sql: str) -> None:
        """Change rows, through a connection of its own."""
        self.rows(sql)

    def end_connections(self) -> int:
        """End every other connection, as a restarted proxy or an administrator does; answers how many."""
        raise NotImplementedError(f"{self.vendor} has no connections to end")


class Sqlite(Database):
    """A file, in WAL mode."""

    vendor = "sqlite"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite:///{path}"

    def create(self) -> None:
        self.path.touch()

    def drop(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()


class Postgres(Database):
    """A database ``name`` on a server that trusts ``postgres``."""

    vendor = "postgres"

    def __init__(self, name: str, *, host: str = HOST, port: int = SERVICES["postgres"]) -> None:
        self.name, self.host, self.port = name, host, port
        self.url = f"postgres://postgres@{host}:{port}/{name}"

    def create(self) -> None:
        self.drop()
        self._run(f'CREATE DATABASE "{self.name}"', on="postgres")

    def drop(self) -> None:
        self._run(f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)', on="postgres")

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self._run(sql, on=self.name)

    def end_connections(self) -> int:
        sql = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return sum(ended for (ended,) in self.rows(sql))

    def connect(self, *, on: str | None = None) -> Any:
        return import_module("psycopg").connect(
            host=self.host, port=self.port, user="postgres", dbname=on or self.name, autocommit=True, connect_timeout=60
        )

    def _run(self, sql: str, *, on: str) -> list[tuple[Any, ...]]:
        with self.connect(on=on) as connection:
            cursor = connection.execute(sql)
            return cursor.fetchall() if cursor.description else []


class MariaDB(Database):
    """A database ``name`` on a server that lets ``root`` in."""

    vendor = "mariadb"

    def __init__(
        self, name: str, *, host: str = HOST, port: int = SERVICES["mariadb"], charset: str = "utf8mb4"
    ) -> None:
        self.name, self.host, self.port, self.charset = name, host, port, charset
        self.url = f"mysql://root@{host}:{port}/{name}"

    def create(self) -> None:
        self.drop()
        self._run(f"CREATE DATABASE `{self.name}` CHARACTER SET {self.charset}", on="")

    def drop(self) -> None:
        self._run(f"DROP DATABASE IF EXISTS `{self.name}`", on="")

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self._run(sql, on=self.name)

    def end_connections(self) -> int:
        own = "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()"
        ended = 0
        for (number,) in self.rows(own):
            try:
                self._run(f"KILL {number}", on="")
            except Exception as error:
                if error.args[0] != 1094:  # it is gone already
                    raise
            else:
                ended += 1
        return ended

    def connect(self, *, on: str | None = None) -> Any:
        name = self.name if on is None else on
        chosen = {"database": name} if name else {}
        return import_module("MySQLdb").connect(
            host=self.host,
            port=self.port,
            user="root",
            charset="utf8mb4",
            autocommit=True,
            connect_timeout=60,
            **chosen,
        )

    def _run(self, sql: str, *, on: str) -> list[tuple[Any, ...]]:
        connection = self.connect(on=on)
        try:
            cursor = connection.cursor()
            cursor.execute(sql)
            return list(cursor.fetchall()) if cursor.description else []
        finally:
            connection.close()


def database(vendor: str, *, folder: Path, name: str) -> Database:
    """A database of ``vendor``: ``sqlite`` in ``folder``, ``postgres`` or ``mariadb`` on this machine."""
    if vendor == "sqlite":
        return Sqlite(folder / "shop.sqlite3")
    named = f"hellotext_{name}_{os.getpid()}"
    return Postgres(named) if vendor == "postgres" else MariaDB(named)
