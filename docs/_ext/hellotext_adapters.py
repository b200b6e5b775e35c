"""The fields of each adapter, read from its class: ``adapter-table`` names the class."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from hellotext_docs import table
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from django_hellotext import adapters
from django_hellotext.adapters import Adapter, IfPresent, Value
from django_hellotext.adapters.fields import Shape

SHAPES: dict[Shape, str] = {
    Shape.TEXT: "text",
    Shape.URL: "http(s) address",
    Shape.IMAGE: "public http(s) address of an image",
    Shape.FLAG: "bool",
    Shape.COUNT: "int",
    Shape.MONEY: "Decimal in major units, or Money(…)",
    Shape.NAMES: "list of text",
    Shape.MAPPING: "mapping",
    Shape.LINK: "object of the host that is mirrored",
    Shape.ITEMS: "Items(…)",
    Shape.VARIANTS: "Variants(…)",
    Shape.GUEST: "Guest(…)",
    Shape.ON_CHANGE: "OnChange(…)",
}


def shown_default(adapter_class: type[Adapter], name: str) -> str:
    """What the class says of ``name`` by itself, as a reader would write it."""
    match getattr(adapter_class, name, None):
        case None:
            return "-"
        case IfPresent(path):
            return f"{path!r}, where the model has it"
        case Value(literal):
            return f"Value({literal!r})"
        case found:
            return repr(found)


class AdapterTable(SphinxDirective):
    """Each attribute of one adapter: what it becomes, its default, and whether it has to be there."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Build the table."""
        adapter_class: type[Adapter] = getattr(adapters, self.arguments[0])
        rows: list[list[nodes.Node]] = []
        for name, shape in adapter_class.attributes.items():
            needed = name in adapter_class.required or (name == "reference" and adapter_class.sends_reference)
            default = shown_default(adapter_class, name)
            rows.append(
                [
                    nodes.literal(name, name),
                    nodes.Text(SHAPES[shape]),
                    nodes.Text(default) if default == "-" else nodes.literal(default, default),
                    nodes.Text("yes" if needed else ""),
                ]
            )
        choices = ("on_delete", "on_unsyncable", "keeps_former")
        for name in (name for name in choices if hasattr(adapter_class, name)):
            default = repr(getattr(adapter_class, name))
            rows.append(
                [nodes.literal(name, name), nodes.Text("choice"), nodes.literal(default, default), nodes.Text("")]
            )
        return [table(["Attribute", "Becomes", "Default", "Required"], rows, classes=["adapter"])]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("adapter-table", AdapterTable)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
