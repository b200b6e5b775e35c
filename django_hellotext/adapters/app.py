"""Applications that customers install and spend money in."""

from __future__ import annotations

from typing import ClassVar

from .base import Adapter
from .fields import Shape, Spec


class AppAdapter(Adapter):
    """Mirrors apps, the objects of ``app.installed``, ``app.removed`` and ``app.spent``.

    ``name``: text, required and unique; Hellotext tells apps apart by it. ``image_url``: a public http(s) address of
    the icon, of which Hellotext keeps a copy.
    """

    kind = "app"
    natural_key = "name"
    attributes: ClassVar = {"reference": Shape.TEXT, "name": Shape.TEXT, "image_url": Shape.IMAGE}
    sent = ("name", "image_url")
    required = ("name",)
    fallbacks: ClassVar = {"name": ("reference",)}
    sends_reference = False

    name: Spec = "name"
    image_url: Spec = None
