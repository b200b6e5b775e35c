"""A queryset and a manager for what signals cannot see: ``bulk_create``, ``bulk_update``, ``update`` (demand E1).

For models that are registered, and for those that registered ones depend on::

    class Product(models.Model):
        objects = HellotextManager()

Imports nothing of ours before a method is called, so that a ``models`` module may import it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import models, transaction

M = TypeVar("M", bound=models.Model)


class HellotextQuerySet(models.QuerySet[M]):
    """Records the changes of a bulk call in the host's transaction: one INSERT for each call, or 500 objects of it.

    ``update()`` first reads the primary keys of what it is going to change, and afterwards the objects themselves if
    it writes the status that their adapter watches. ``paused()`` and an app that is not configured cost nothing.
    """

    def bulk_create(
        self,
        objs: Iterable[M],
        batch_size: int | None = None,
        ignore_conflicts: bool = False,
        update_conflicts: bool = False,
        update_fields: Collection[str] | None = None,
        unique_fields: Collection[str] | None = None,
    ) -> list[M]:
        """As Django's. Where conflicts are allowed, what the table holds afterwards is read: one SELECT.

        With ``ignore_conflicts`` the database does not tell the keys that it gave: then nothing is seen of objects
        without one of their own.
        """
        from .intake import bulk

        with _at_once(self.db):
            made = super().bulk_create(
                objs,
                batch_size=batch_size,
                ignore_conflicts=ignore_conflicts,
                update_conflicts=update_conflicts,
                update_fields=update_fields,
                unique_fields=unique_fields,
            )
            if ignore_conflicts or update_conflicts:
                bulk.merged(self.model, made, unique=unique_fields or (), using=self.db)
            else:
                bulk.saved(made, created=True, using=self.db)
        return made

    def bulk_update(self, objs: Iterable[M], fields: Iterable[str], batch_size: int | None = None) -> int:
        """As Django's."""
        from .intake import bulk

        objs, names = tuple(objs), list(fields)
        with _at_once(self.db):
            count = super().bulk_update(objs, names, batch_size=batch_size)
            bulk.saved(objs, fields=names, using=self.db)
        return count

    def update(self, **kwargs: Any) -> int:
        """As Django's."""
        from .intake import bulk

        if self.query.is_sliced or not bulk.matters(self.model, kwargs):
            return super().update(**kwargs)
        with _at_once(self.db):
            before = bulk.before_update(self.order_by(), kwargs)
            count = super().update(**kwargs)
            bulk.updated(self.model, before, kwargs, using=self.db)
        return count

    def delete(self) -> tuple[int, dict[str, int]]:
        """As Django's, whose signals tell what goes, cascades included."""
        with _at_once(self.db):
            return super().delete()

    update.alters_data = True  # type: ignore[attr-defined]  # as Django marks its own
    delete.alters_data = True  # type: ignore[attr-defined]  # as above
    delete.queryset_only = True  # type: ignore[attr-defined]  # as above


HellotextManager = models.Manager.from_queryset(HellotextQuerySet, "HellotextManager")


@contextmanager
def _at_once(using: str) -> Iterator[None]:
    """The bulk call and the row that tells of it: committed together, in one statement of ours."""
    from .intake.changes import gathered

    with transaction.atomic(using=using, savepoint=False), gathered():
        yield


__all__: Sequence[str] = ["HellotextManager", "HellotextQuerySet"]
