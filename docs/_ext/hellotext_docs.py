"""What the documentation reads from the code: settings, check IDs, operations.

Directives: ``setting``, ``check`` and ``error-type`` describe one thing and give it an anchor; ``settings-table`` lists
every setting with its default, ``operations-table`` every operation of one family or of all. A setting, a check or an
error type that the code has and the pages have not, or the other way round, is a warning, which ends the build.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.domains.std import GenericObject
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from django_hellotext.api.operations import OPERATIONS
from django_hellotext.api.resources import (
    actions,
    apps,
    carts,
    coupons,
    events,
    forms,
    lists,
    orders,
    products,
    profiles,
    properties,
    refunds,
    sessions,
)
from django_hellotext.api.resources.base import Resource
from django_hellotext.conf import SETTINGS, Setting
from django_hellotext.exceptions import Outcome

logger = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = ROOT / "tests" / "contract" / "hellotext-openapi.yaml"
CHECK_ID = re.compile(r"hellotext\.[EW]\d{3}")
FINDING = re.compile(r'"([a-z_]+\.[a-z_]+)",')
VERBS = ("get", "post", "put", "patch", "delete")
CLASSES: dict[str, type] = {
    "profiles": profiles.Profiles,
    "properties": properties.Properties,
    "lists": lists.Lists,
    "coupons": coupons.Coupons,
    "events": events.Events,
    "actions": actions.Actions,
    "apps": apps.Apps,
    "carts": carts.Carts,
    "forms": forms.Forms,
    "orders": orders.Orders,
    "order_items": orders.OrderItems,
    "products": products.Products,
    "variants": products.Variants,
    "refunds": refunds.Refunds,
    "sessions": sessions.Sessions,
}


def known_settings() -> dict[str, Setting[Any]]:
    """Every setting that the code reads."""
    return dict(SETTINGS)


def known_checks() -> set[str]:
    """Every check ID that the code can report."""
    sources = (ROOT / "django_hellotext").rglob("*.py")
    return {found for source in sources for found in CHECK_ID.findall(source.read_text(encoding="utf-8"))}


def known_findings() -> set[str]:
    """Every code that the doctor can report, the system checks left out."""
    sources = (ROOT / "django_hellotext" / "doctor").glob("*.py")
    return {found for source in sources for found in FINDING.findall(source.read_text(encoding="utf-8"))}


def contract() -> dict[str, Any]:
    """The contract as data."""
    loaded: dict[str, Any] = yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))
    return loaded


def known_error_types() -> set[str]:
    """Every error type that the contract lists."""
    branches = contract()["components"]["schemas"]["ErrorType"]["anyOf"]
    return {value for branch in branches for value in branch.get("enum", ())}


def server_operations() -> dict[str, tuple[str, str]]:
    """Method and path of each server operation, by its ID."""
    found = {}
    for path, item in contract()["paths"].items():
        for verb in VERBS:
            operation = item.get(verb)
            if operation and "browser" not in operation.get("tags", ()):
                found[operation["operationId"]] = (verb.upper(), path)
    return found


def shown_default(setting: Setting[Any]) -> str:
    """The default as it would be written in the settings; never that of a secret that had one."""
    return "not set" if setting.default in (None, "") else repr(setting.default)


def shown_type(setting: Setting[Any]) -> str:
    """The types that a value may have, in words."""
    names = [kind.__name__ for kind in setting.types]
    return " or ".join({"Mapping": "dict"}.get(name, name) for name in names) or "callable or dotted path"


class Described(GenericObject):
    """One documented thing with an anchor of its own."""

    source: Any

    def add_target_and_index(self, name: str, sig: str, signode: addnodes.desc_signature) -> None:
        """Add the anchor, and note that the thing is documented."""
        super().add_target_and_index(name, sig, signode)
        documented(self.env).setdefault(self.objtype, {}).setdefault(self.env.docname, []).append(name)


class SettingDirective(Described):
    """One setting: its type and default come from the code."""

    def transform_content(self, content_node: addnodes.desc_content) -> None:
        """Put type and default before the text."""
        setting = SETTINGS.get(self.arguments[0])
        if setting is None:
            return
        facts = nodes.paragraph(classes=["facts"])
        facts += nodes.Text(f"{shown_type(setting)}, default ")
        default = shown_default(setting)
        facts += nodes.Text(default) if default == "not set" else nodes.literal(default, default)
        if setting.secret:
            facts += nodes.Text(", never shown")
        content_node.insert(0, facts)


class SettingsTable(SphinxDirective):
    """Every setting with its type and default, linked to its description."""

    def run(self) -> list[nodes.Node]:
        """Build the table."""
        rows: list[list[nodes.Node]] = []
        for name, setting in known_settings().items():
            default = shown_default(setting)
            shown: nodes.Node = nodes.Text(default) if default == "not set" else nodes.literal(default, default)
            rows.append([xref(name, kind="setting"), nodes.Text(shown_type(setting)), shown])
        return [table(["Setting", "Type", "Default"], rows, classes=["settings"])]


class OperationsTable(SphinxDirective):
    """Every operation of the contract with the method of the client."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Build the table; an operation without a method is a warning."""
        self.env.note_dependency(str(CONTRACT))
        described = server_operations()
        for missing in sorted(described.keys() ^ OPERATIONS.keys()):
            logger.warning("operation %s is not both in the contract and in the client", missing)
        family = self.arguments[0] if self.arguments else None
        rows: list[list[nodes.Node]] = []
        for name, (attribute, method) in OPERATIONS.items():
            if name not in described or family not in (None, attribute):
                continue
            verb, path = described[name]
            rows.append(
                [
                    method_reference(attribute, method),
                    nodes.literal(verb, verb),
                    nodes.literal(path, path),
                    nodes.literal(name, name),
                ]
            )
        return [table(["Client", "Method", "Path", "operationId"], rows, classes=["operations"])]


def method_reference(attribute: str, method: str) -> nodes.Node:
    """A link to the description of ``client.<attribute>.<method>``."""
    cls = CLASSES[attribute]
    target = f"{cls.__module__}.{cls.__qualname__}.{method}"
    node = addnodes.pending_xref(
        "",
        refdomain="py",
        reftype="meth",
        reftarget=target,
        refexplicit=True,
        refwarn=True,
    )
    text = f"{attribute}.{method}"
    node += nodes.literal(text, text)
    return node


def xref(name: str, *, kind: str) -> nodes.Node:
    """A link to one of our own anchors."""
    node = addnodes.pending_xref("", refdomain="std", reftype=kind, reftarget=name, refexplicit=True, refwarn=True)
    node += nodes.literal(name, name)
    return node


def table(head: Sequence[str], rows: Iterable[Sequence[nodes.Node]], *, classes: Sequence[str]) -> nodes.Node:
    """A table that may be scrolled sideways on a narrow screen."""
    group = nodes.tgroup(cols=len(head))
    group += [nodes.colspec(colwidth=1) for _ in head]
    top = nodes.thead()
    top += _row([nodes.Text(title) for title in head])
    body = nodes.tbody()
    body += [_row(cells) for cells in rows]
    group += [top, body]
    whole = nodes.table(classes=list(classes))
    whole += group
    return whole


def _row(cells: Sequence[nodes.Node]) -> nodes.row:
    row = nodes.row()
    for cell in cells:
        entry, paragraph = nodes.entry(), nodes.paragraph()
        paragraph += cell
        entry += paragraph
        row += entry
    return row


def documented(env: BuildEnvironment) -> dict[str, dict[str, list[str]]]:
    """What has been described so far: kind of thing, page, names."""
    if not hasattr(env, "hellotext_documented"):
        env.hellotext_documented = {}  # type: ignore[attr-defined]
    found: dict[str, dict[str, list[str]]] = env.hellotext_documented  # type: ignore[attr-defined]
    return found


def forget(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """A page is read again: what it described counts no more."""
    for pages in documented(env).values():
        pages.pop(docname, None)


def compare(app: Sphinx, env: BuildEnvironment) -> None:
    """Warn of what the code has and the pages have not, and the other way round."""
    wanted = {
        "setting": set(known_settings()),
        "check": known_checks(),
        "error-type": known_error_types(),
        "finding": known_findings(),
    }
    for kind, names in wanted.items():
        described = {name for found in documented(env).get(kind, {}).values() for name in found}
        for name in sorted(names - described):
            logger.warning("%s %s is in the code and not in the documentation", kind, name)
        for name in sorted(described - names):
            logger.warning("%s %s is in the documentation and not in the code", kind, name)


_FIELDS = (":param", ":ivar", ":raises", ":returns")
_FIELD = re.compile(r"(?<=\S) +(:(?:param|ivar|raises|returns) ?[^:`]*:)")


# Where a rule comes from matters to those who change the code, and is left out for those who use it.
_ORIGIN = re.compile(r" \((?:promises? \d+|demands? [A-Z]\d+)[^()]*\)")


def edit_docstring(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Docstrings may hold several ``:param x:`` on one line; reStructuredText wants each on its own."""
    result: list[str] = []
    in_field = False
    plain = _ORIGIN.sub("", "\n".join(lines))
    for line in _FIELD.sub(r"\n\1", plain).split("\n"):
        if line.startswith(_FIELDS):
            if result and result[-1].strip() and not in_field:
                result.append("")
            in_field = True
            result.append(line)
            continue
        in_field = in_field and bool(line.strip())
        result.append(f"    {line.strip()}" if in_field else line)
    lines[:] = result


def hide_constructor(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str, str | None] | None:
    """Errors and families of operations are made by the package, not by its users."""
    if signature and isinstance(obj, type) and issubclass(obj, (Exception, Resource, Outcome)):
        return "", None
    return None


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    for kind, directive in (
        ("setting", SettingDirective),
        ("check", Described),
        ("error-type", Described),
        ("finding", Described),
    ):
        app.add_object_type(kind, kind, objname=kind)
        app.add_directive_to_domain("std", kind, directive, override=True)
    app.add_directive("settings-table", SettingsTable)
    app.add_directive("operations-table", OperationsTable)
    app.connect("env-purge-doc", forget)
    app.connect("env-updated", compare)
    app.connect("autodoc-process-docstring", edit_docstring)
    app.connect("autodoc-process-signature", hide_constructor)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
