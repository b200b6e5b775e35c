"""The database's own clock in UTC: the one clock by which leases are written and read."""

from __future__ import annotations

from typing import Any

from django.db import models


class UtcNow(models.Func):
    """The time of the database in UTC.

    Not ``django.db.models.functions.Now``: on MariaDB that is the server's local time, off by its zone.
    """

    template = "STATEMENT_TIMESTAMP()"
    output_field = models.DateTimeField()

    def as_mysql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, template="UTC_TIMESTAMP(6)", **extra)

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(
            compiler, connection, template="STRFTIME('%%%%Y-%%%%m-%%%%d %%%%H:%%%%M:%%%%f', 'NOW')", **extra
        )

    def as_oracle(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, template="SYS_EXTRACT_UTC(SYSTIMESTAMP)", **extra)
