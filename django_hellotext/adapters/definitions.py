"""Definitions that a shop keeps in its own tables: properties, lists and actions.

What the shop knows when it is written belongs into ``HELLOTEXT["PROPERTIES"]``, ``["LISTS"]`` and ``["ACTIONS"]``;
these adapters are for what its staff make. None of them is ever deleted by us: others may use them.
"""

from __future__ import annotations

from typing import ClassVar

from .base import Adapter
from .fields import Shape, Spec


class PropertyAdapter(Adapter):
    """Mirrors definitions of what is known of a profile, such as the shop's own attributes of customers.

    ``name``: text, required and unique; does not begin with a digit and holds no curly bracket. ``value_kind``:
    ``checkbox``, ``date``, ``number``, ``tags``, ``text``, ``url``, ``address``, ``email`` or ``phone``, required, and
    stays as it was first sent. ``profile``: leads to the customer who alone has the property, needed for the last
    three. ``unique``: a bool, whether a value belongs to one profile only. ``position``: an int from 1, the last by
    default.
    """

    kind = "property"
    natural_key = "name"
    attributes: ClassVar = {
        "reference": Shape.TEXT,
        "name": Shape.TEXT,
        "value_kind": Shape.TEXT,
        "profile": Shape.LINK,
        "unique": Shape.FLAG,
        "position": Shape.COUNT,
    }
    sent = ("name", "value_kind", "profile", "unique", "position")
    required = ("name", "value_kind")
    sent_as: ClassVar = {"value_kind": "kind"}
    sends_reference = False

    name: Spec = "name"
    value_kind: Spec = None
    profile: Spec = None
    unique: Spec = None
    position: Spec = None


class ListAdapter(Adapter):
    """Mirrors lists of profiles, such as the shop's customer groups or tags. Being on a list is not consent.

    ``name``: text, required and unique. Who is on a list is said by ``ProfileAdapter.lists``.
    """

    kind = "list"
    natural_key = "name"
    attributes: ClassVar = {"reference": Shape.TEXT, "name": Shape.TEXT}
    sent = ("name",)
    required = ("name",)
    sends_reference = False

    name: Spec = "name"


class ActionAdapter(Adapter):
    """Mirrors custom actions, which events about something of the shop's own name.

    ``name``: text, required and unique, what events send (``appointment.booked``), not a built-in one. ``title``: text
    for people. ``goal``: a bool, whether it counts as a conversion (no by default). ``passive``: a bool, whether it
    leaves the order of the inbox as it is (yes by default).
    """

    kind = "action"
    natural_key = "name"
    attributes: ClassVar = {
        "reference": Shape.TEXT,
        "name": Shape.TEXT,
        "title": Shape.TEXT,
        "goal": Shape.FLAG,
        "passive": Shape.FLAG,
    }
    sent = ("name", "title", "goal", "passive")
    required = ("name",)
    sends_reference = False

    name: Spec = "name"
    title: Spec = None
    goal: Spec = None
    passive: Spec = None
