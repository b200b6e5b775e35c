"""Which adapter mirrors which model.

Registering never raises: mistakes are collected for the system checks, and the model is then not mirrored.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, TypeVar

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.db.models import Model
from django.utils.module_loading import autodiscover_modules

from .base import Adapter
from .checking import check_circles, check_links, check_variants
from .dependencies import Dependency, Membership
from .fields import OnChange
from .paths import concrete
from .placeholder_adapter import PlaceholderAdapter
from .placeholders import PLACEHOLDERS
from .profile import UserProfileAdapter
from .reference_checks import check_references
from .session_cart import SESSION_CARTS, SessionCartAdapter
from .unknown_customer import UNKNOWN_CUSTOMERS, UnknownCustomerAdapter

A = TypeVar("A")

OWN_LABELS = frozenset({PLACEHOLDERS, SESSION_CARTS, UNKNOWN_CUSTOMERS})
"""The labels of what no model of the shop stands behind."""


class Registry:
    """Adapters by concrete model. ``mistakes`` holds what went wrong while registering."""

    def __init__(self) -> None:
        self.mistakes: list[CheckMessage] = []
        self._adapters: dict[type[Model], Adapter] = {}
        self._dependents: dict[type[Model], tuple[Dependency, ...]] = {}
        self._memberships: dict[type[Model], tuple[Membership, ...]] = {}

    def register(self, *models: type[Model]) -> Callable[[type[A]], type[A]]:
        """Class decorator: mirror ``models`` with the decorated adapter."""

        def decorate(adapter_class: type[A]) -> type[A]:
            if not models:
                self._mistake("hellotext.E110", adapter_class, "registers no model", "Write @register(Model).")
            for model in models:
                self.add(adapter_class, model)
            return adapter_class

        return decorate

    def add(self, adapter_class: Any, model: Any) -> Adapter | None:
        """Mirror ``model``, for a proxy its concrete model; ``None`` when a mistake was noted instead."""
        complaint = _not_an_adapter(adapter_class)
        if complaint is not None:
            self._mistake("hellotext.E108", adapter_class, *complaint)
            return None
        complaint = _not_a_host_model(model)
        if complaint is not None:
            self._mistake("hellotext.E109", adapter_class, *complaint)
            return None
        earlier = self._adapters.get(concrete(model))
        if earlier is not None:
            self._mistake(
                "hellotext.E111",
                adapter_class,
                f"registers {model._meta.label}, which {type(earlier).__name__} already mirrors",
                "A model has one adapter, its proxies included; remove one of the two.",
            )
            return None
        adapter: Adapter = adapter_class(concrete(model), registry=self)
        self._adapters[concrete(model)] = adapter
        self._forget_dependents()
        return adapter

    def unregister(self, model: type[Model]) -> None:
        """Forget the adapter of ``model``. For tests; raises ``KeyError`` when there is none."""
        del self._adapters[concrete(model)]
        self._forget_dependents()

    def for_model(self, model: type[Model]) -> Adapter | None:
        """The adapter of ``model``: of its concrete model, else of the nearest parent with a table of its own."""
        for ancestor in concrete(model).__mro__:
            if ancestor in self._adapters:
                return self._adapters[ancestor]
        return None

    def for_label(self, label: str) -> Adapter | None:
        """The adapter of the model with ``label`` ("shop.book", in any case); ``None`` for an unknown model."""
        if label in OWN_LABELS:
            return self._own[label]
        try:
            return self.for_model(apps.get_model(label))
        except (LookupError, ValueError):
            return None

    def sender_of(self, action: str) -> Adapter | None:
        """The adapter that sends ``action`` by itself when a status changes, or ``None``."""
        for adapter in self.all():
            declared = adapter.spec("events")
            if isinstance(declared, OnChange) and action in declared.actions.values():
                return adapter
        return None

    def all(self) -> tuple[Adapter, ...]:
        """Every adapter, in the order of registration."""
        return tuple(self._adapters.values())

    def dependents_of(self, model: type[Model]) -> tuple[Dependency, ...]:
        """What depends on objects of ``model``, which may be a proxy or a subclass of the model that is named."""
        found = self._dependents.get(model)
        if found is None:
            own = concrete(model)
            found = self._dependents[model] = tuple(
                dependency
                for adapter in self.all()
                for dependency in adapter.dependencies.related
                if (own is dependency.model if dependency.exactly else issubclass(own, dependency.model))
            )
        return found

    def members_of(self, through: type[Model]) -> tuple[Membership, ...]:
        """Which adapters read the many-to-many field with the table ``through``."""
        found = self._memberships.get(through)
        if found is None:
            found = self._memberships[through] = tuple(
                membership
                for adapter in self.all()
                for membership in adapter.dependencies.memberships
                if membership.through is through
            )
        return found

    def check(self) -> list[CheckMessage]:
        """Every mistake: of registering, of each adapter, and between adapters. Makes no query."""
        found = list(self.mistakes)
        for adapter in self.all():
            found += adapter.check()
            found += [*check_links(adapter, self), *check_variants(adapter, self)]
        return [*found, *check_circles(self.all(), self), *check_references(self.all())]

    def autodiscover(self) -> None:
        """Import ``hellotext.py`` of every installed app, then mirror the user model if nothing mirrors customers.

        An error in such a module is raised as it is: hiding it would hide the shop's adapters.
        """
        autodiscover_modules("hellotext")
        if any(adapter.kind == "profile" for adapter in self.all()):
            return
        try:
            user_model = apps.get_model(settings.AUTH_USER_MODEL)
        except (LookupError, ValueError):
            return  # a project without users
        if self.for_model(user_model) is None:
            self.add(UserProfileAdapter, user_model)

    @cached_property
    def _own(self) -> Mapping[str, Adapter]:
        """Return the adapters of what no row of the host stands behind."""
        from django_hellotext.models import (  # this module is imported before the models are there
            Cart,
            Product,
            Profile,
        )

        return {
            PLACEHOLDERS: PlaceholderAdapter(Product, registry=self),
            SESSION_CARTS: SessionCartAdapter(Cart, registry=self),
            UNKNOWN_CUSTOMERS: UnknownCustomerAdapter(Profile, registry=self),
        }

    def _forget_dependents(self) -> None:
        self._dependents, self._memberships = {}, {}

    def _mistake(self, id: str, adapter_class: Any, message: str, hint: str) -> None:
        name = getattr(adapter_class, "__name__", repr(adapter_class))
        self.mistakes.append(Error(f"{name} {message}.", hint=hint, obj=adapter_class, id=id))


def _not_an_adapter(adapter_class: Any) -> tuple[str, str] | None:
    if not (inspect.isclass(adapter_class) and issubclass(adapter_class, Adapter) and adapter_class.kind):
        return "is not an adapter of a kind", "Subclass the adapter of a kind, such as ProductAdapter."
    for name in ("payload", "guest_payload"):
        if getattr(adapter_class, name) is not getattr(Adapter, name):
            # Both keep subscription states out of profiles; that must not depend on a subclass (demand A1).
            return f"overrides {name}()", "Override build(), or write a method get_<attribute>(self, obj)."
    return None


def _not_a_host_model(model: Any) -> tuple[str, str] | None:
    if not (inspect.isclass(model) and issubclass(model, Model)):
        return f"registers {model!r}, which is not a model class", "Import the model and register the class itself."
    label = model._meta.label
    if model._meta.abstract:
        return f"registers {label}, which is abstract", "Register the models that inherit from it."
    if model._meta.swapped:
        return f"registers {label}, which is swapped for {model._meta.swapped}", "Register the model in use."
    if len(getattr(model._meta, "pk_fields", ())) > 1:  # Django 5.2 and later
        return f"registers {label}, which has a composite primary key", "Mirror a model with a key of one column."
    return None


registry = Registry()
register = registry.register
unregister = registry.unregister
for_model = registry.for_model
for_label = registry.for_label
dependents_of = registry.dependents_of
members_of = registry.members_of
sender_of = registry.sender_of
all = registry.all
check = registry.check
autodiscover = registry.autodiscover
mistakes = registry.mistakes
