"""Dotted paths: followed on an object (``walk``) and on a model, without a query (``trace``)."""

from __future__ import annotations

import datetime
import difflib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.core.exceptions import FieldDoesNotExist, ObjectDoesNotExist, ValidationError
from django.db import models
from django.db.models.fields.files import FieldFile
from django.db.models.manager import ManagerDescriptor

from django_hellotext.exceptions import ConfigurationError

MISSING = object()
# What a value of Django's own fields is; a subclass may give anything, so only the exact class counts.
PYTHON_TYPES: dict[type, type] = {
    models.BooleanField: bool,
    models.CharField: str,
    models.DateField: datetime.date,
    models.DateTimeField: datetime.datetime,
    models.DecimalField: Decimal,
    models.FloatField: float,
    models.IntegerField: int,
    models.PositiveIntegerField: int,
    models.SlugField: str,
    models.TextField: str,
    models.URLField: str,
    models.UUIDField: UUID,
}


@dataclass(frozen=True)
class Trace:
    """Where a path leads on a model.

    ``problem`` and ``hint`` say why it cannot be followed; ``missing`` that a name does not exist. ``model`` is the
    model of what is found at the end, ``many`` that it is a set of them, ``field`` the concrete field that was
    read last. ``relations`` are the accessors followed one after another, the last one included; ``single`` that
    all of them are foreign keys, which a join can load. ``reads`` are the starting model's own concrete fields
    that the path reads, ``None`` when that is unknown.
    """

    problem: str | None = None
    hint: str | None = None
    missing: bool = False
    model: type[models.Model] | None = None
    many: bool = False
    field: models.Field[Any, Any] | None = None
    relations: tuple[str, ...] = ()
    single: bool = True
    reads: frozenset[str] | None = frozenset()

    @property
    def foreign_key(self) -> models.ForeignKey[Any, Any] | None:
        """The foreign key at the end of the path when its column holds the primary key of the other object."""
        field = self.field
        if self.model is None or not isinstance(field, models.ForeignKey):
            return None
        return field if field.target_field.primary_key else None


def walk(obj: Any, path: str, *, where: str) -> Any:
    """The value at the end of ``path``; ``None`` when something on the way is empty.

    Methods on the way are called; a manager at the end is returned as it is. ``where`` names the adapter and
    the attribute in the ``ConfigurationError`` for a name that does not exist or must not be called.
    """
    value = obj
    for name in path.split("."):
        value = _step(value, name, path=path, where=where)
        if value is None:
            return None
    return value


def _step(obj: Any, name: str, *, path: str, where: str) -> Any:
    if isinstance(obj, Mapping):
        return obj.get(name)
    try:
        value = getattr(obj, name)
    except ObjectDoesNotExist:
        return None  # a reverse one-to-one without an object
    except AttributeError as error:
        raise ConfigurationError(f"{where}: the path {path!r} cannot be followed: {error}.") from error
    if isinstance(value, FieldFile):
        return value or None
    if isinstance(value, float | str) and isinstance(obj, models.Model):
        return _as_stored(obj, name, value)
    # The managers of related objects are callable, and carry Django's mark against being called.
    if not callable(value) or getattr(value, "do_not_call_in_templates", False):
        return value
    if getattr(value, "alters_data", False):
        raise ConfigurationError(f"{where}: the path {path!r} calls {name}(), which changes data.")
    return value()


def _as_stored(obj: models.Model, name: str, value: float | str) -> Any:
    """What the column will hold of a number or time that was assigned as text or float and not yet read back."""
    try:
        field = obj._meta.get_field(name)
    except FieldDoesNotExist:
        return value
    if not isinstance(field, models.DecimalField | models.DateTimeField):
        return value
    try:
        stored = field.to_python(value)
        if isinstance(field, models.DecimalField) and isinstance(stored, Decimal):
            return stored.quantize(Decimal(1).scaleb(-(field.decimal_places or 0)), context=field.context)
    except (ValidationError, InvalidOperation):
        return value  # the host's own save will refuse it
    return stored


@lru_cache(maxsize=2048)
def trace(model: type[models.Model], path: str) -> Trace:
    """Follow ``path`` on ``model`` as far as the types are known, without touching the database."""
    names = path.split(".")
    if not all(name.isidentifier() for name in names):
        return Trace(problem=f"{path!r} is not a dotted path", hint="For a literal write Value(…).")
    done = Trace(model=model)
    for position, name in enumerate(names):
        if done.model is None:
            return _below_a_value(done, name)
        if done.many:
            return Trace(
                problem=f"{names[position - 1]!r} in {path!r} leads to many objects, so {name!r} cannot follow",
                hint="Use a callable or a get_ method to choose one of them.",
            )
        step = _look(done.model, name)
        done = Trace(
            problem=step.problem,
            hint=step.hint,
            missing=step.missing,
            model=step.model,
            many=step.many,
            field=step.field,
            relations=(*done.relations, *step.relations),
            single=done.single and step.single,
            reads=done.reads if position else step.reads,
        )
        if done.problem or (done.model is None and done.field is None):
            return done  # broken, or a property or method whose result is unknown
    return done


def _below_a_value(done: Trace, name: str) -> Trace:
    """The rest of a path behind a concrete field: checked only where the type of its value is certain."""
    field = done.field
    known = field.attr_class if isinstance(field, models.FileField) else PYTHON_TYPES.get(type(field))
    unknown = Trace(relations=done.relations, single=done.single, reads=done.reads)
    if field is None or known is None or hasattr(known, name):
        return unknown
    return Trace(
        problem=f"the value of {field.name!r} has no attribute {name!r}", hint=_near(name, dir(known)), missing=True
    )


def _look(model: type[models.Model], name: str) -> Trace:
    """One step from ``model``."""
    relation = _relations(model).get(name)
    if relation is not None:
        return relation
    fields = {field.attname: field for field in model._meta.concrete_fields}
    field = model._meta.pk if name == "pk" else fields.get(name)
    if field is not None:
        return Trace(field=field, reads=frozenset({field.name, field.attname}))
    found = inspect.getattr_static(model, name, MISSING)
    if found is MISSING:
        if hasattr(model, "__getattr__"):
            return Trace(reads=None)
        return Trace(
            problem=f"{model._meta.label} has no attribute {name!r}", hint=_near(name, _names(model)), missing=True
        )
    problem = _uncallable(model, name, found)
    return Trace(problem=problem, hint="Use a callable or a get_ method." if problem else None, reads=None)


def _relations(model: type[models.Model]) -> dict[str, Trace]:
    """What leads from ``model`` to other models, by the name of its accessor."""
    found: dict[str, Trace] = {}
    options = model._meta
    for field in options.concrete_fields:
        if field.is_relation and isinstance(field.related_model, type):
            reads = frozenset({field.name, field.attname})
            found[field.name] = Trace(model=field.related_model, field=field, relations=(field.name,), reads=reads)
    for private in options.private_fields:
        # Told by its attributes: importing the class asks for django.contrib.contenttypes to be installed.
        if hasattr(private, "ct_field") and hasattr(private, "fk_field"):
            reads = frozenset({private.ct_field, private.fk_field})
            found[private.name] = Trace(relations=(private.name,), single=False, reads=reads)
        elif isinstance(private.related_model, type):
            found[private.name] = Trace(model=private.related_model, many=True, relations=(private.name,), single=False)
    for forward in options.many_to_many:
        if isinstance(forward.related_model, type):
            found[forward.name] = Trace(model=forward.related_model, many=True, relations=(forward.name,), single=False)
    for reverse in options.related_objects:
        name = reverse.get_accessor_name()
        if name and isinstance(reverse.related_model, type):
            many = not reverse.one_to_one
            found[name] = Trace(model=reverse.related_model, many=many, relations=(name,), single=False)
    return found


def concrete(model: type[models.Model]) -> type[models.Model]:
    """``model`` itself, or the model behind a proxy."""
    return model._meta.concrete_model or model


def _uncallable(model: type[models.Model], name: str, found: Any) -> str | None:
    """Why the class attribute ``found`` cannot be read from an object and called without arguments."""
    if isinstance(found, ManagerDescriptor):
        return f"{name!r} is a manager of {model._meta.label}, which objects do not have"
    value = getattr(model, name, None)
    if isinstance(value, type) or not callable(value):
        return None
    if getattr(value, "alters_data", False):
        return f"{model._meta.label}.{name}() changes data"
    bound = isinstance(found, classmethod | staticmethod)
    if accepts(value, 0 if bound else 1):
        return None
    return f"{model._meta.label}.{name}() needs arguments"


def accepts(function: Any, count: int) -> bool:
    """Whether ``function`` can be called with ``count`` positional arguments."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some builtins have no signature: only the call itself can tell
        return True
    try:
        signature.bind(*[None] * count)
    except TypeError:
        return False
    return True


def _names(model: type[models.Model]) -> list[str]:
    return [name for name in {*dir(model), *_relations(model)} if not name.startswith("_")]


def _near(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, sorted(names), n=3)
    if near:
        return f"Did you mean {' or '.join(near)}?"
    if len(name) == 3 and name.isupper():
        return f"For a fixed currency write Value({name!r})."
    return "Check the spelling, or use a callable or a get_ method."
