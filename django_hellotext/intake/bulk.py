"""Bulk calls of the host, said object by object and recorded in one statement (demands E1, E3)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import models

from ..adapters import Adapter, registry
from ..adapters.dependencies import Dependency
from ..conf import hellotext_settings
from ..models import Change
from .changes import CHUNK, change_named, record_changes
from .ledger import alias_for
from .lines import is_tracked, look_data
from .receivers import is_paused, on_save
from .related import later


@dataclass
class Before:
    """What an ``update()`` is going to change: the keys of its own objects, and of those that depend on them."""

    keys: list[Any] = field(default_factory=list)
    columns: dict[str, set[Any]] = field(default_factory=dict)


def saved(
    objs: Sequence[models.Model], *, created: bool = False, fields: Iterable[str] | None = None, using: str
) -> None:
    """``objs`` were written; those whose key the database did not tell are left out."""
    names = None if fields is None else frozenset(fields)
    for obj in objs:
        if obj.pk is not None:
            on_save(type(obj), obj, created=created, raw=False, using=using, update_fields=names)


def merged(model: type[models.Model], objs: Sequence[models.Model], *, unique: Collection[str], using: str) -> None:
    """``objs`` were written or met others that were there; what the table holds now is read: one SELECT for each 500.

    They themselves may hold a status, or a key, that was never written: an event of it would be invented (demand A6).
    ``unique`` names the fields by which the database found the others, if it was told.
    """
    if is_paused() or not hellotext_settings.active:
        return
    if registry.for_model(model) is None and not registry.dependents_of(model):
        return
    rows = model._base_manager.using(using)
    for start in range(0, len(objs), CHUNK):
        saved(list(rows.filter(_like(model, objs[start : start + CHUNK], unique))), using=using)


def _like(model: type[models.Model], objs: Sequence[models.Model], unique: Collection[str]) -> models.Q:
    """What finds the rows that ``objs`` became: by ``unique``, else by their keys."""
    fields = [model._meta.pk if name == "pk" else model._meta.get_field(name) for name in unique or ("pk",)]
    names = [str(getattr(field, "attname", field.name)) for field in fields]
    if len(names) == 1:
        held = (getattr(obj, names[0]) for obj in objs)
        return models.Q(**{f"{names[0]}__in": [value for value in held if value is not None]})
    return models.Q(*(models.Q(**{name: getattr(obj, name) for name in names}) for obj in objs), _connector=models.Q.OR)


def matters(model: type[models.Model], values: dict[str, Any]) -> bool:
    """Whether anybody reads one of the fields in ``values``."""
    if is_paused() or not hellotext_settings.active:
        return False
    return _own(model, values) is not None or bool(_dependents(model, values))


def before_update(rows: models.QuerySet[Any], values: dict[str, Any]) -> Before:
    """Read which objects ``rows`` are, before their fields change: one SELECT."""
    found = Before(columns={way.column: set() for way in _dependents(rows.model, values) if way.column})
    adapter = _own(rows.model, values)
    pk = str((adapter.model if adapter else rows.model)._meta.pk.attname)
    for key, *held in rows.values_list(pk, *found.columns):
        found.keys.append(key)
        for column, value in zip(found.columns, held, strict=True):
            found.columns[column].add(value)
    return found


def updated(model: type[models.Model], before: Before, values: dict[str, Any], *, using: str) -> None:
    """Say what the ``update()`` has changed.

    The objects themselves are read where a status was written, or a line of a cart that tracks its items: each
    transition is an event (demands A6, A9).
    """
    adapter = _own(model, values)
    rows = model._base_manager.using(using)
    changes: list[Change] = []
    tracked = False
    for way in _dependents(model, values):
        if way.column is None:
            changes += [later(way, key) for key in before.keys]
            continue
        is_cart = way.is_line and is_tracked(way.adapter)
        tracked = tracked or is_cart
        named = set(before.columns[way.column])
        moved = _writes(model, way, values)
        if moved:
            named |= set(rows.filter(pk__in=before.keys).values_list(way.column, flat=True))
        # A cart that lines have left is not told which they were.
        data = look_data() if moved and is_cart else {}
        changes += [change_named(way.adapter.label, key, data=data) for key in named - {None}]
    if tracked or (adapter is not None and _moves_status(adapter, values)):
        for start in range(0, len(before.keys), CHUNK):
            objs = rows.filter(pk__in=before.keys[start : start + CHUNK])
            saved(list(objs), fields=values, using=using)
    elif adapter is not None:
        changes += [change_named(adapter.label, key) for key in before.keys]
    if changes:
        record_changes(changes, using=alias_for(using))


def _own(model: type[models.Model], values: dict[str, Any]) -> Adapter | None:
    adapter = registry.for_model(model)
    if adapter is None:
        return None
    watched = adapter.watched_fields()
    return adapter if watched is None or watched & values.keys() or "pk" in values else None


def _dependents(model: type[models.Model], values: dict[str, Any]) -> list[Dependency]:
    return [way for way in registry.dependents_of(model) if way.reads is None or way.reads & values.keys()]


def _writes(model: type[models.Model], way: Dependency, values: dict[str, Any]) -> bool:
    return any(way.column in (name, getattr(model._meta.get_field(name), "attname", name)) for name in values)


def _moves_status(adapter: Adapter, values: dict[str, Any]) -> bool:
    if adapter.spec("events") is None and adapter.getter("events") is None:
        return False
    return adapter.status_fields is None or bool(adapter.status_fields & values.keys())
