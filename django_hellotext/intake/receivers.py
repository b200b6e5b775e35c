"""Guests in the host's save: one receiver for each signal, connected to the models that matter only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db import DEFAULT_DB_ALIAS, models
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete

from ..adapters import Adapter, registry
from ..adapters.paths import concrete
from ..conf import hellotext_settings
from ..models import Change
from ..savepoints import HostCode
from . import related
from .changes import PURCHASES, change_of, overtaken_by, record_changes
from .faults import contained
from .handover import hand_over
from .ledger import alias_for
from .lines import cart_data
from .merges import merge_data
from .visits import visit_of

_paused: ContextVar[bool] = ContextVar("django_hellotext_paused", default=False)


@contextmanager
def paused() -> Iterator[None]:
    """Within this block saves and deletions record no change (demand E7). Nests; ``sync()`` still works.

    Kept in a context variable: another thread or task is not affected.
    """
    before = _paused.set(True)
    try:
        yield
    finally:
        _paused.reset(before)


def is_paused() -> bool:
    """Whether the code that runs is inside ``paused()``."""
    return _paused.get()


def connect() -> None:
    """Connect the receivers to every registered model and to what it depends on.

    May be called again after a further registration.
    """
    for adapter in registry.all():
        for model in _family(adapter.model):
            _connect(model)
        for dependency in adapter.dependencies.related:
            for model in _family(dependency.model):
                _connect(model, before_delete=dependency.column is None)
        for membership in adapter.dependencies.memberships:
            m2m_changed.connect(on_membership, sender=membership.through, dispatch_uid=_uid(membership.through))
    user_logged_in.connect(on_login, dispatch_uid="django_hellotext")
    user_logged_out.connect(on_logout, dispatch_uid="django_hellotext")


def _connect(model: type[models.Model], *, before_delete: bool = False) -> None:
    post_save.connect(on_save, sender=model, dispatch_uid=_uid(model))
    post_delete.connect(on_delete, sender=model, dispatch_uid=_uid(model))
    if before_delete:
        pre_delete.connect(before_deletion, sender=model, dispatch_uid=_uid(model))


def _uid(model: type[models.Model]) -> str:
    return f"django_hellotext:{model._meta.label_lower}"


@contained
def on_save(
    sender: Any = None,
    instance: Any = None,
    *,
    created: bool = False,
    raw: bool = False,
    using: str | None = None,
    update_fields: Iterable[str] | None = None,
    **kwargs: Any,
) -> None:
    """Record the save of an object: one Change for each registered object that it is or belongs to.

    Records nothing while fixtures load, in a paused block, and where ``update_fields`` names no field that is read.
    Without ``update_fields`` the object counts as saved in full.
    """
    if raw or not _is_recording():
        return
    model = _model_of(sender, instance)
    if model is None:
        return
    fields, adapter = _names_of(update_fields), registry.for_model(model)
    with HostCode(_database_of(instance, using)):
        changes = _own_changes(instance, adapter, created=bool(created), update_fields=fields) if adapter else []
        changes += related.changes_of_save(model, instance, fields)
    _record(changes, instance, using)


@contained
def before_deletion(sender: Any = None, instance: Any = None, *, using: str | None = None, **kwargs: Any) -> None:
    """Read which objects depend on one that is about to be deleted; afterwards they cannot be found."""
    model = _model_of(sender, instance) if _is_recording() else None
    if model is None:
        return
    database = _database_of(instance, using)
    with HostCode(database):
        changes = related.changes_before_delete(model, instance, using=database)
    _record(changes, instance, using)


@contained
def on_delete(
    sender: Any = None, instance: Any = None, *, using: str | None = None, origin: Any = None, **kwargs: Any
) -> None:
    """Record the deletion of an object.

    ``origin`` is the object or queryset that the host deletes; an object of another model is deleted by a cascade.
    """
    model = _model_of(sender, instance) if _is_recording() else None
    if model is None:
        return
    adapter = registry.for_model(model)
    with HostCode(_database_of(instance, using)):
        changes = [_own_deletion(model, instance, adapter)] if adapter is not None else []
        changes += related.changes_of_delete(model, instance, is_cascade=_is_cascade(model, origin))
    _record(changes, instance, using)


@contained
def on_membership(
    sender: Any = None,
    instance: Any = None,
    *,
    action: str = "",
    reverse: bool | None = None,
    pk_set: Iterable[Any] | None = None,
    using: str | None = None,
    **kwargs: Any,
) -> None:
    """Record the change of a many-to-many field that a payload reads."""
    if action not in ("post_add", "post_remove", "pre_clear", "post_clear") or not _is_recording():
        return
    if not isinstance(sender, type) or _model_of(None, instance) is None:
        return
    database = _database_of(instance, using)
    with HostCode(database):
        changes = related.changes_of_membership(
            sender, instance, action=action, reverse=reverse, pk_set=_keys_of(pk_set), using=database
        )
    _record(changes, instance, using)


@contained
def on_login(sender: Any = None, request: Any = None, user: Any = None, **kwargs: Any) -> None:
    """Attach the visitor's session to the customer who has logged in."""
    if request is not None:
        hand_over(request, user)


@contained
def on_logout(sender: Any = None, request: Any = None, user: Any = None, **kwargs: Any) -> None:
    """Have the next page forget the visitor who has logged out."""
    if request is not None and user is not None and hellotext_settings.active:
        visit_of(request).forgets = True


def _is_recording() -> bool:
    return not _paused.get() and hellotext_settings.active


def _model_of(sender: Any, instance: Any) -> type[models.Model] | None:
    """Return the model that the signal is about; ``None`` where ``instance`` is no saved object."""
    if not isinstance(instance, models.Model) or instance.pk is None:
        return None
    if isinstance(sender, type) and issubclass(sender, models.Model) and isinstance(instance, sender):
        return sender
    # The class of a lazy object is that of the object behind it.
    return instance.__class__


def _database_of(instance: models.Model, using: Any) -> str:
    return using if using and isinstance(using, str) else instance._state.db or DEFAULT_DB_ALIAS


def _record(changes: list[Change], instance: models.Model, using: Any) -> None:
    if changes:
        record_changes(changes, using=alias_for(_database_of(instance, using)))


def _names_of(update_fields: Any) -> frozenset[str] | None:
    """Return ``update_fields`` as a set; ``None``, a save of all fields, for what names no fields."""
    if isinstance(update_fields, str):
        return frozenset({update_fields})
    try:
        return None if update_fields is None else frozenset(update_fields)
    except TypeError:
        return None


def _keys_of(pk_set: Any) -> list[Any]:
    if isinstance(pk_set, str | bytes) or not isinstance(pk_set, Iterable):
        return []
    return [key for key in pk_set if key is not None]


def _is_cascade(model: type[models.Model], origin: Any) -> bool:
    # Not by the attribute alone: a model may have a field of that name.
    asked_for = origin.model if isinstance(origin, models.QuerySet) else origin.__class__
    return origin is not None and not issubclass(model, asked_for)


def _own_changes(
    instance: models.Model, adapter: Adapter, *, created: bool, update_fields: frozenset[str] | None
) -> list[Change]:
    with_status = True
    if update_fields is not None:
        written = frozenset(update_fields)
        watched, status = adapter.watched_fields(), adapter.status_fields
        if watched is not None and not watched & written:
            return []
        # The instance may hold a status that this save does not write.
        with_status = status is None or bool(status & written)
    changes = [change_of(instance, adapter, created=created, with_status=with_status, update_fields=update_fields)]
    changes[0].data.update(cart_data(instance, adapter))
    if adapter.action_for(changes[0].status or "") in PURCHASES:
        changes += overtaken_by(instance, adapter)
    return changes


def _own_deletion(sender: type[models.Model], instance: models.Model, adapter: Adapter) -> Change:
    # Of an object with tables above it, the registered one may stay; its own deletion has a signal of its own.
    is_own = concrete(sender) is concrete(adapter.model)
    change = change_of(instance, adapter, deleted=is_own, with_status=False)
    change.data.update(merge_data(adapter))
    return change


def _family(model: type[models.Model]) -> Iterator[type[models.Model]]:
    """``model`` with its proxies and every model that inherits its table: Django names the sender, not its parents."""
    if not model._meta.abstract:
        yield model
    for subclass in model.__subclasses__():
        yield from _family(subclass)
