"""Guests in the host's save: one receiver for each signal, connected to the models that matter only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db import models
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete

from ..adapters import Adapter, registry
from ..adapters.paths import concrete
from ..conf import hellotext_settings
from ..models import Change
from . import related
from .changes import PURCHASES, change_of, overtaken_by, record_changes
from .faults import report
from .handover import hand_over
from .ledger import alias_for
from .lines import cart_data
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


def on_save(
    sender: type[models.Model],
    instance: models.Model,
    *,
    created: bool,
    raw: bool,
    using: str,
    update_fields: frozenset[str] | None,
    **kwargs: Any,
) -> None:
    """An object was saved: one Change for whatever it is or belongs to.

    None while fixtures load, in a paused block, and where ``update_fields`` names no field that is read (E2, E6, E7).
    """
    if raw or _paused.get() or not hellotext_settings.active:
        return
    adapter = registry.for_model(sender)
    alias = alias_for(using)
    try:
        changes = _own_changes(instance, adapter, created=created, update_fields=update_fields) if adapter else []
        changes += related.changes_of_save(sender, instance, update_fields)
    except Exception as error:
        report(error, "on_save", using=alias)
        return
    if changes:
        record_changes(changes, using=alias)


def before_deletion(sender: type[models.Model], instance: models.Model, *, using: str, **kwargs: Any) -> None:
    """An object that many depend on is about to be deleted, and takes with it who they were."""
    if _paused.get() or not hellotext_settings.active:
        return
    alias = alias_for(using)
    try:
        changes = related.changes_before_delete(sender, instance, using=using)
    except Exception as error:
        report(error, "before_deletion", using=alias)
        return
    if changes:
        record_changes(changes, using=alias)


def on_delete(
    sender: type[models.Model], instance: models.Model, *, using: str, origin: Any = None, **kwargs: Any
) -> None:
    """An object was deleted: a Change that outlives it (demand E5).

    ``origin`` is what the host asked to delete, an object or a queryset; whatever is not of its model goes along.
    """
    if _paused.get() or not hellotext_settings.active:
        return
    adapter = registry.for_model(sender)
    alias = alias_for(using)
    try:
        changes = [_own_deletion(sender, instance, adapter)] if adapter is not None else []
        asked_for = getattr(origin, "model", type(origin))
        is_cascade = origin is not None and not issubclass(sender, asked_for)
        changes += related.changes_of_delete(sender, instance, is_cascade=is_cascade)
    except Exception as error:
        report(error, "on_delete", using=alias)
        return
    if changes:
        record_changes(changes, using=alias)


def on_membership(
    sender: type[models.Model],
    instance: models.Model,
    *,
    action: str,
    reverse: bool,
    pk_set: set[Any] | None,
    using: str,
    **kwargs: Any,
) -> None:
    """A many-to-many field that a payload reads has changed (demand E4)."""
    if action not in ("post_add", "post_remove", "pre_clear", "post_clear"):
        return
    if _paused.get() or not hellotext_settings.active:
        return
    alias = alias_for(using)
    try:
        changes = related.changes_of_membership(
            sender, instance, action=action, reverse=reverse, pk_set=pk_set, using=using
        )
    except Exception as error:
        report(error, "on_membership", using=alias)
        return
    if changes:
        record_changes(changes, using=alias)


def on_login(sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
    """The visitor has proven who they are."""
    if request is not None:
        hand_over(request, user)


def on_logout(sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
    """The visitor has left: the middleware tells the next page to forget them (demand G6)."""
    if request is not None and user is not None and hellotext_settings.active:
        visit_of(request).forgets = True


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
    changes = [change_of(instance, adapter, created=created, with_status=with_status)]
    changes[0].data.update(cart_data(instance, adapter))
    if adapter.action_for(changes[0].status or "") in PURCHASES:
        changes += overtaken_by(instance, adapter)
    return changes


def _own_deletion(sender: type[models.Model], instance: models.Model, adapter: Adapter) -> Change:
    # Of an object with tables above it, the registered one may stay; its own deletion has a signal of its own.
    is_own = concrete(sender) is concrete(adapter.model)
    return change_of(instance, adapter, deleted=is_own, with_status=False)


def _family(model: type[models.Model]) -> Iterator[type[models.Model]]:
    """``model`` with its proxies and every model that inherits its table: Django names the sender, not its parents."""
    if not model._meta.abstract:
        yield model
    for subclass in model.__subclasses__():
        yield from _family(subclass)
