"""A change of a related object, said as a change of the registered ones that depend on it (demands E1, E4).

Where the related object holds the key of the only registered one (a line its order), that one is named at once.
Where there may be many (a category its 10,000 products), one Change names the related object, and the fold finds out
later, page by page. Only what is deleted takes its relations with it: their keys are read beforehand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db import models

from ..adapters import registry
from ..adapters.dependencies import Dependency, Membership
from ..models import Change
from ..models.states import Lane
from .changes import change_named
from .lines import line_data

DEPENDENT = "dependent"
KEYS = "keys"
PAGE = 5000  # keys frozen in one Change


def changes_of_save(
    sender: type[models.Model], instance: models.Model, update_fields: Iterable[str] | None = None
) -> list[Change]:
    """What the save of ``instance`` means for those who depend on it."""
    found: list[Change | None] = []
    for dependency in registry.dependents_of(sender):
        if update_fields is not None and dependency.reads is not None and not dependency.reads & set(update_fields):
            continue
        by_column = dependency.column is not None
        found.append(_named(dependency, instance) if by_column else later(dependency, instance.pk))
    return [change for change in found if change is not None]


def changes_before_delete(sender: type[models.Model], instance: models.Model, *, using: str) -> list[Change]:
    """The dependents that nobody can find any more once ``instance`` is gone. Reads their keys: one SELECT each."""
    return [
        change
        for dependency in registry.dependents_of(sender)
        if dependency.column is None and not dependency.exactly
        for change in _frozen(dependency, instance, using=using)
    ]


def changes_of_delete(sender: type[models.Model], instance: models.Model, *, is_cascade: bool = False) -> list[Change]:
    """The dependents that a deleted object names itself; ``is_cascade`` when it went along with something else."""
    named = (
        _named(dependency, instance, is_gone=True, is_cascade=is_cascade)
        for dependency in registry.dependents_of(sender)
        if dependency.column is not None
    )
    return [change for change in named if change is not None]


def changes_of_membership(
    through: type[models.Model],
    instance: models.Model,
    *,
    action: str,
    reverse: bool | None,
    pk_set: Sequence[Any],
    using: str,
) -> list[Change]:
    """What a change of a many-to-many field means; one ``clear()`` from the far side reads the keys first.

    Where ``reverse`` is not known, the class of ``instance`` tells its side.
    """
    found: list[Change] = []
    for member in registry.members_of(through):
        label = member.adapter.label
        is_own = isinstance(instance, member.adapter.model) if reverse is None else member.forward != reverse
        if is_own or member.both:
            found += [change_named(label, instance.pk)] if action != "pre_clear" else []
        if not is_own or member.both:
            keys = pk_set or (_members(member, instance, using=using) if action == "pre_clear" else ())
            found += [change_named(label, key) for key in keys]
    return found


def _named(
    dependency: Dependency, instance: models.Model, *, is_gone: bool = False, is_cascade: bool = False
) -> Change | None:
    key = getattr(instance, dependency.column or "")
    if key is None:
        return None
    data = line_data(dependency.adapter, instance, is_gone=is_gone, is_cascade=is_cascade) if dependency.is_line else {}
    return change_named(dependency.adapter.label, key, data=data)


def later(dependency: Dependency, pk: Any) -> Change:
    """The Change that names the related object with ``pk``; whom it concerns is found out when it is folded."""
    # Behind everything live: nobody waits for the new name of a category.
    return change_named(dependency.label, pk, lane=Lane.BACKFILL, data={DEPENDENT: dependency.adapter.label})


def _frozen(dependency: Dependency, instance: models.Model, *, using: str) -> Iterator[Change]:
    keys = [str(key) for key in dependency.touched(instance, using=using).values_list("pk", flat=True)]
    for start in range(0, len(keys), PAGE):
        data = {DEPENDENT: dependency.adapter.label, KEYS: keys[start : start + PAGE]}
        yield change_named(dependency.label, instance.pk, lane=Lane.BACKFILL, data=data)


def _members(member: Membership, instance: models.Model, *, using: str) -> list[Any]:
    """The adapter's objects that ``instance``, on the far side of the field, is about to leave."""
    own = member.adapter.model
    for field in own._meta.many_to_many if member.forward else instance._meta.many_to_many:
        if field.remote_field.through is member.through:
            far = field.m2m_reverse_field_name() if member.forward else field.m2m_field_name()
            near = field.m2m_field_name() if member.forward else field.m2m_reverse_field_name()
            rows = member.through._base_manager.using(using).filter(**{far: instance.pk})
            return list(rows.values_list(f"{near}_id", flat=True))
    return []
