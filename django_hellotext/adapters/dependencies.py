"""What else a payload reads: related models whose changes change the registered object (demands E1, E4).

The lines of ``Items("lines", …)``, the variants of ``Variants("sizes", …)`` and many-to-many fields that a path reads
are derived; anything else is declared in ``Adapter.depends_on``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db.models import Field, ForeignKey, ForeignObjectRel, ManyToManyField, Model, QuerySet
from django.db.models.constants import LOOKUP_SEP

from .fields import Items, Value, Variants
from .loading import line_reads, own_paths
from .paths import accepts, concrete, trace

if TYPE_CHECKING:
    from .base import Adapter


@dataclass(frozen=True, kw_only=True)
class Dependency:
    """A change of an object of ``model`` is a change of the objects of ``adapter`` that belong to it.

    Which they are is said in one of four ways: ``column`` of ``model`` holds the primary key of the only one, so that
    no query is needed; ``lookup`` leads from the adapter's model to ``model``, ``path`` the other way round, both in
    the language of querysets; ``call`` takes the related object and answers a queryset. ``reads`` are the fields of
    ``model`` that matter, ``None`` where that is unknown. With ``exactly``, subclasses of ``model`` do not count.
    ``is_line`` marks the lines of ``Items``.
    """

    adapter: Adapter
    model: type[Model]
    column: str | None = None
    lookup: str | None = None
    path: str | None = None
    call: Callable[[Any], QuerySet[Any]] | None = None
    reads: frozenset[str] | None = None
    exactly: bool = False
    is_line: bool = False

    @property
    def label(self) -> str:
        """The lower-case label of ``model``, under which a Change names the related object."""
        return self.model._meta.label_lower

    def touched(self, related: Any, *, using: str) -> QuerySet[Any]:
        """The objects of the adapter's model that belong to ``related``, an instance or a primary key."""
        rows = concrete(self.adapter.model)._base_manager.using(using)
        pk = related.pk if isinstance(related, Model) else related
        if self.column is not None:
            return rows.filter(pk__in=self._related(pk, using=using).values(self.column))
        if self.lookup is not None:
            return rows.filter(**{self.lookup: pk})
        if self.path is not None:
            return rows.filter(pk__in=self._related(pk, using=using).values(self.path))
        instance = related if isinstance(related, Model) else self._related(pk, using=using).first()
        if self.call is None or instance is None:
            return rows.none()
        return self.call(instance).using(using)

    def _related(self, pk: Any, *, using: str) -> QuerySet[Any]:
        return self.model._base_manager.using(using).filter(pk=pk)


@dataclass(frozen=True, kw_only=True)
class Membership:
    """A many-to-many field that the payload reads; ``forward`` when the adapter's own model has it."""

    adapter: Adapter
    through: type[Model]
    forward: bool
    both: bool = False


@dataclass(frozen=True)
class Mistake:
    """What is wrong with one entry of ``depends_on``."""

    name: str
    message: str
    hint: str


@dataclass
class Dependencies:
    """All that the objects of one adapter depend on. ``named`` are the models that ``depends_on`` speaks of."""

    related: list[Dependency] = field(default_factory=list)
    named: set[type[Model]] = field(default_factory=set)
    memberships: list[Membership] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)


def dependencies_of(adapter: Adapter) -> Dependencies:
    """What ``adapter`` declares and what its paths imply. Makes no query."""
    found = Dependencies()
    _add_many(adapter, "items", found)
    _add_many(adapter, "variants", found)
    for _shape, path in own_paths(adapter):
        _add_membership(adapter, path, found)
    _add_declared(adapter, found)
    for parent in concrete(adapter.model)._meta.all_parents:
        found.related.append(
            Dependency(adapter=adapter, model=concrete(parent), lookup=str(parent._meta.pk.name), exactly=True)
        )
    return found


def models_read(model: type[Model], path: str) -> Iterator[tuple[type[Model], str | None]]:
    """The models over which ``path`` leads from ``model`` to a value of theirs, each with the way back.

    The way is ``None`` where relations hide their other side. A primary key is no value that could change.
    """
    back: list[str] | None = []
    names = path.split(".")
    for position, name in enumerate(names):
        step = _step(model, name)
        if step is None:
            return
        model = step.model
        accessor = _back(step.relation)
        back = None if back is None or accessor is None else [accessor, *back]
        if names[position + 1 :] not in (["pk"], [model._meta.pk.name], [model._meta.pk.attname]):
            yield concrete(model), ".".join(back) if back else None


def _back(relation: Any) -> str | None:
    """How the other side of ``relation`` calls it; ``None`` for a generic one, or one with ``related_name="+"``."""
    if isinstance(relation, ForeignObjectRel):
        return str(relation.field.name)
    remote = getattr(relation, "remote_field", None)
    if getattr(remote, "symmetrical", False):
        return str(relation.name)
    accessor = remote.get_accessor_name() if isinstance(remote, ForeignObjectRel) else None
    return accessor if accessor and accessor.isidentifier() else None


def _add_many(adapter: Adapter, name: str, found: Dependencies) -> None:
    """The lines of a cart or order, or the variants that a product brings along."""
    declared = adapter.spec(name) if adapter.getter(name) is None else None
    is_line = isinstance(declared, Items)
    if not isinstance(declared, Items | Variants) or not isinstance(declared.path, str):
        return
    model = concrete(adapter.model)
    leads = trace(model, declared.path)
    if leads.problem or leads.model is None or not leads.relations:
        return
    steps = _steps(model, declared.path)
    if steps is None:
        return
    reads = line_reads(concrete(leads.model), declared)
    column = _column_back(adapter, steps)
    if column is not None:
        reads = None if reads is None else reads | {column.name, column.attname}
        found.related.append(
            Dependency(adapter=adapter, model=leads.model, column=column.attname, reads=reads, is_line=is_line)
        )
        return
    lookup = LOOKUP_SEP.join(step.name for step in steps)
    found.related.append(Dependency(adapter=adapter, model=leads.model, lookup=lookup, reads=reads, is_line=is_line))


def _column_back(adapter: Adapter, steps: list[_Step]) -> ForeignKey[Any, Any] | None:
    """The foreign key of a line that holds the primary key of the registered object."""
    back = steps[0].relation
    key = back.field if len(steps) == 1 and isinstance(back, ForeignObjectRel) else None
    if not isinstance(key, ForeignKey) or not key.target_field.primary_key:
        return None
    return key if concrete(key.remote_field.model) is concrete(adapter.model) else None


def _add_membership(adapter: Adapter, path: str, found: Dependencies) -> None:
    """The many-to-many field with which ``path`` begins."""
    model = concrete(adapter.model)
    step = _step(model, path.partition(".")[0])
    if step is None:
        return
    relation = step.relation
    forward = isinstance(relation, ManyToManyField)
    many = relation if isinstance(relation, ManyToManyField) else getattr(relation, "field", None)
    if not isinstance(many, ManyToManyField):
        return
    _add_through(adapter, many, forward=forward, found=found)


def _add_through(adapter: Adapter, many: ManyToManyField[Any, Any], *, forward: bool, found: Dependencies) -> None:
    through = many.remote_field.through
    if through is None:
        return
    both = concrete(many.remote_field.model) is concrete(many.model)
    membership = Membership(adapter=adapter, through=through, forward=forward, both=both)
    if membership in found.memberships:
        return
    found.memberships.append(membership)
    if not through._meta.auto_created:
        name = many.m2m_field_name() if forward else many.m2m_reverse_field_name()
        key = through._meta.get_field(name)
        if isinstance(key, ForeignKey) and concrete(key.remote_field.model) is concrete(adapter.model):
            found.related.append(Dependency(adapter=adapter, model=through, column=key.attname))


def _add_declared(adapter: Adapter, found: Dependencies) -> None:
    declared: Any = adapter.depends_on
    if not isinstance(declared, Mapping):
        hint = 'Write depends_on = {"shop.Category": "products"}.'
        found.mistakes.append(Mistake("depends_on", f"is a {type(declared).__name__}, not a mapping", hint))
        return
    for key, value in declared.items():
        name = f"depends_on[{getattr(getattr(key, '_meta', None), 'label', key)!r}]"
        model = _model_named(key)
        if model is None:
            hint = "Name an installed model as 'app_label.Model'."
            found.mistakes.append(Mistake(name, "names no model that is installed", hint))
            continue
        found.named.add(model)
        for entry in value if isinstance(value, list | tuple) else [value]:
            made = _declared(adapter, model, entry, found)
            if isinstance(made, Dependency):
                found.related.append(made)
            else:
                found.mistakes.append(Mistake(name, *made))


def _model_named(key: Any) -> type[Model] | None:
    if isinstance(key, type) and issubclass(key, Model):
        return None if key._meta.abstract else concrete(key)
    try:
        return concrete(apps.get_model(key)) if isinstance(key, str) else None
    except (LookupError, ValueError):
        return None


def _declared(adapter: Adapter, model: type[Model], entry: Any, found: Dependencies) -> Dependency | tuple[str, str]:
    label = adapter.model._meta.label
    if not isinstance(entry, str):
        if not callable(entry) or isinstance(entry, Value) or not accepts(entry, 1):
            hint = f"Write a path from {model._meta.label} to {label}, or a callable that takes the related object."
            return "is neither a path nor a callable with one argument", hint
        return Dependency(adapter=adapter, model=model, call=entry)
    steps = _steps(model, entry)
    if not steps:
        names = sorted(_names(model))
        hint = f"{model._meta.label} is related to other models by: {', '.join(names) or 'nothing'}."
        return f"holds the path {entry!r}, which cannot be followed over relations of {model._meta.label}", hint
    end, own = concrete(steps[-1].model), concrete(adapter.model)
    if not (issubclass(own, end) or issubclass(end, own)):
        hint = f"Let the path end at {label}, or write a callable that answers a queryset of it."
        return f"holds the path {entry!r}, which leads to {end._meta.label} instead of {label}", hint
    relation = steps[0].relation
    if len(steps) == 1 and isinstance(relation, ForeignKey) and relation.target_field.primary_key and end is own:
        return Dependency(adapter=adapter, model=model, column=relation.attname)
    if len(steps) == 1:
        many = relation if isinstance(relation, ManyToManyField) else getattr(relation, "field", None)
        if isinstance(many, ManyToManyField):
            _add_through(adapter, many, forward=not isinstance(relation, ManyToManyField), found=found)
    return Dependency(adapter=adapter, model=model, path=LOOKUP_SEP.join(step.name for step in steps))


@dataclass(frozen=True)
class _Step:
    """One relation on the way: its name in querysets, and the model behind it."""

    name: str
    model: type[Model]
    relation: Field[Any, Any] | ForeignObjectRel


def _steps(model: type[Model], path: str) -> list[_Step] | None:
    """``path`` over relations only; ``None`` where it leads over anything else."""
    steps: list[_Step] = []
    for name in path.split("."):
        step = _step(steps[-1].model if steps else model, name)
        if step is None:
            return None
        steps.append(step)
    return steps


def _step(model: type[Model], name: str) -> _Step | None:
    for relation in _relations(model):
        if name in _called(relation) and isinstance(relation.related_model, type):
            return _Step(relation.name, relation.related_model, relation)
    return None


def _relations(model: type[Model]) -> Iterator[Any]:
    for found in model._meta.get_fields():
        if found.is_relation and isinstance(found.related_model, type):
            yield found


def _called(relation: Any) -> set[str]:
    """The names by which code calls a relation: the accessor of a reverse one, and its name in querysets."""
    accessor = relation.get_accessor_name() if isinstance(relation, ForeignObjectRel) else None
    return {name for name in (relation.name, accessor) if name}


def _names(model: type[Model]) -> set[str]:
    return {name for relation in _relations(model) for name in _called(relation)}
