"""The time columns of our tables, and the time of the database; both are UTC under every setting."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions.datetime import TruncBase
from django.utils import timezone

from .. import clock

# What may be assigned, and what is read: for type checkers only.
_ST = TypeVar("_ST", contravariant=True)
_GT = TypeVar("_GT", covariant=True)

if TYPE_CHECKING:
    Base = models.DateTimeField
else:

    class Base(models.DateTimeField):
        """Django's field, with the type parameters that django-stubs gives it."""

        def __class_getitem__(cls, parameters):
            return cls


# ISO text sorts in time order.
UTC_TEXT = """to_char(({})::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')"""


class UtcDateTimeField(Base[_ST, _GT]):
    """A date and time that is an aware datetime in UTC in Python, and UTC in its column.

    Django's own field depends on settings: under ``USE_TZ=False`` it stores naive local time, and with
    ``DATABASES[...]["TIME_ZONE"]`` SQLite and MariaDB store that zone's time. Both repeat an hour at a DST change,
    move when the setting does, and disagree with ``UtcNow``.
    """

    def to_python(self, value: Any) -> datetime | None:
        """Return ``value`` in UTC; a naive value is local time in ``TIME_ZONE``, a date is its midnight."""
        if value is None:
            return None
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - made aware below
        moment: datetime = super().to_python(value)
        try:
            return clock.make_aware(moment).astimezone(UTC)
        except OverflowError:
            message = self.error_messages["invalid_datetime"]
            raise ValidationError(message, code="invalid_datetime", params={"value": value}) from None

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Return the value to save; ``auto_now`` and ``auto_now_add`` take the time of this process in UTC."""
        if not (self.auto_now or (self.auto_now_add and add)):
            return super().pre_save(model_instance, add)
        value = clock.now()
        setattr(model_instance, self.attname, value)
        return value

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """Return ``value`` as the database takes it: aware for PostgreSQL, naive UTC for the others."""
        if not prepared:
            value = self.get_prep_value(value)
        if isinstance(value, datetime) and not connection.features.supports_timezones:
            value = value.replace(tzinfo=None)
        return connection.ops.adapt_datetimefield_value(value)

    def select_format(self, compiler: Any, sql: str, params: Any) -> tuple[str, Any]:
        """Select ISO text under psycopg 2: its datetimes cannot tell the two sides of a DST change.

        Subqueries keep the type of the column, because the outer query compares and combines their values. A
        truncation keeps its type too, because Django's ``TruncBase`` converts a datetime.
        """
        if _loses_fold(compiler.connection) and not compiler.query.subquery and not sql.startswith("DATE_TRUNC("):
            return UTC_TEXT.format(sql), params  # pragma: no cover - psycopg 2 only
        return sql, params

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> datetime | None:
        """Return what the database holds in UTC, after Django's converters have run."""
        if value is None:
            return None
        moment = _datetime(value)
        if isinstance(expression, TruncBase) and timezone.is_aware(moment):
            # ``TruncBase.convert_value`` has run first: the zone is the one in which the time was truncated.
            return moment.astimezone(UTC)
        if not connection.features.supports_timezones:
            # The column is UTC. With ``USE_TZ`` Django has labelled the same digits with the connection's zone.
            # Without it Django truncates the digits of the column, so that result is UTC as well.
            return moment.replace(tzinfo=UTC)
        if timezone.is_naive(moment):  # pragma: no cover - PostgreSQL only
            # Django has removed the zone of the connection; ``fold`` still tells the two sides of a DST change.
            moment = moment.replace(tzinfo=ZoneInfo(connection.timezone_name))
        return moment.astimezone(UTC)  # pragma: no cover - PostgreSQL only


def _loses_fold(connection: Any) -> bool:
    if connection.vendor != "postgresql":
        return False
    is_psycopg2: bool = connection.Database.__name__ == "psycopg2"  # pragma: no cover - PostgreSQL only
    return is_psycopg2 and connection.timezone_name != "UTC"  # pragma: no cover - PostgreSQL only


def _datetime(value: datetime | str) -> datetime:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


# A time that the database wrote and that lies further ahead than this proves that its clock was set back since.
CLOCK_STEP = timedelta(minutes=1)


class UtcNow(models.Func):
    """The time of the database in UTC: the one clock by which leases are written and read.

    Not ``django.db.models.functions.Now``: on MariaDB that is the server's local time, off by its zone.
    """

    template = "STATEMENT_TIMESTAMP()"
    output_field: ClassVar[models.Field[Any, Any]] = UtcDateTimeField()

    def as_mysql(self, compiler: Any, connection: Any, **extra: Any) -> Any:  # pragma: no cover - MySQL and MariaDB
        return self.as_sql(compiler, connection, template="UTC_TIMESTAMP(6)", **extra)

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(
            compiler, connection, template="STRFTIME('%%%%Y-%%%%m-%%%%d %%%%H:%%%%M:%%%%f', 'NOW')", **extra
        )

    def as_oracle(self, compiler: Any, connection: Any, **extra: Any) -> Any:  # pragma: no cover - Oracle only
        return self.as_sql(compiler, connection, template="SYS_EXTRACT_UTC(SYSTIMESTAMP)", **extra)
