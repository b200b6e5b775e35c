"""Forms that customers fill in, such as a newsletter's or a contact form."""

from __future__ import annotations

from typing import ClassVar

from .base import Adapter
from .fields import Shape, Spec


class FormAdapter(Adapter):
    """Mirrors forms, the objects of ``form.completed``.

    ``name``: text, required and unique; Hellotext tells forms apart by it. The reference stands for an empty
    one. ``metadata``: a mapping.
    """

    kind = "form"
    natural_key = "name"
    attributes: ClassVar = {"reference": Shape.TEXT, "name": Shape.TEXT, "metadata": Shape.MAPPING}
    sent = ("name", "metadata")
    required = ("name",)
    fallbacks: ClassVar = {"name": ("reference",)}
    sends_reference = False

    name: Spec = "name"
    metadata: Spec = None
