"""How the admin names and links an object of the shop, without reading it."""

from __future__ import annotations

from django.apps import apps
from django.contrib.admin import AdminSite
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from django_hellotext.adapters.placeholders import PLACEHOLDERS
from django_hellotext.adapters.session_cart import SESSION_CARTS
from django_hellotext.adapters.unknown_customer import UNKNOWN_CUSTOMERS

EMPTY = "-"  # as the admin itself shows it

# What the package itself mirrors under a label that is no model's.
OWN: dict[str, str | Promise] = {
    PLACEHOLDERS: _("placeholder"),
    UNKNOWN_CUSTOMERS: _("unknown customer"),
    SESSION_CARTS: _("session cart"),
}


def plain(label: str) -> str:
    """Return ``label``, or the words for one that is no model's."""
    return str(OWN.get(label, label))


def shown(label: str, pk: str, *, site: AdminSite) -> str:
    """``order 17``, linked to its page in the admin where there is one; ``EMPTY`` for nothing."""
    if not label:
        return EMPTY
    if label in OWN:
        return f"{OWN[label]} {pk}"
    try:
        model = apps.get_model(label)
    except (LookupError, ValueError):  # the shop has removed the model since
        return f"{label} {pk}"
    name = f"{model._meta.verbose_name} {pk}"
    if not site.is_registered(model):
        return name
    try:
        url = reverse(f"{site.name}:{model._meta.app_label}_{model._meta.model_name}_change", args=[pk])
    except NoReverseMatch:
        return name
    return format_html('<a href="{}">{}</a>', url, name)
