"""Does an adapter keep its promises? Tried on the shop's own objects, without our tables and without the network.

Hellotext is stood in for by the emulator in this process, which judges by the contract.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from django.core.checks import ERROR
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model
from django.test.utils import CaptureQueriesContext

from ..adapters import Adapter, Link, links, registry
from ..adapters.checking import check_links
from ..adapters.placeholders import fallback_for
from ..adapters.reading import strict
from ..adjustments import FLAGS, collecting
from ..api import HellotextClient
from ..api.types import encode_json
from ..delivery.definitions import bring_into_being
from ..delivery.mirrors import hosts_of, payload_hash, plain
from ..delivery.send import OPERATIONS, values_of
from ..emulator import Emulator, MemoryBackend
from ..exceptions import HellotextError

TOKEN = "conformance"  # noqa: S105 - the emulator in this process is all that knows it


@dataclass
class Trial:
    """One adapter with objects of its model; all that the checks below need."""

    adapter: Adapter
    objects: Sequence[Model]
    emulator: Emulator = field(default_factory=lambda: Emulator(token=TOKEN, business_id=TOKEN))

    def load(self, count: int | None = None) -> list[Model]:
        """The first ``count`` objects as delivery loads them: prepared by the adapter's ``queryset()``."""
        wanted = [obj.pk for obj in self.objects[:count]]
        rows = self.adapter.queryset(self.adapter.model._base_manager.filter(pk__in=wanted))
        return sorted(rows, key=lambda obj: wanted.index(obj.pk))

    def synced(self) -> list[Model]:
        """Those objects that the adapter wants at Hellotext."""
        return [obj for obj in self.load() if self.adapter.should_sync(obj)]


def configured_right(trial: Trial) -> Iterator[str]:
    """The system checks find no error in the adapter."""
    for message in [*trial.adapter.check(), *check_links(trial.adapter, registry.registry)]:
        if message.level >= ERROR:
            yield f"{message.id}: {message.msg}"


def renders(trial: Trial) -> Iterator[str]:
    """Every attribute of every object can be read, and the payload can be written as JSON."""
    for obj in trial.synced():
        try:
            with strict():
                encode_json(plain(trial.adapter.payload(obj)))
                if trial.adapter.has_guests:
                    trial.adapter.guest_payload(obj)
            trial.adapter.status(obj)
        except Exception as error:
            # The adapter under test may raise anything; this is what it is tried for.
            yield f"{_name(obj)}: {type(error).__name__}: {error}"


def totals_agree_with_lines(trial: Trial) -> Iterator[str]:
    """No object is flagged because its total and its lines differ."""
    for obj in trial.synced():
        with collecting() as found:
            trial.adapter.payload(obj)
        yield from (f"{_name(obj)}: {one}" for one in found if one.kind in FLAGS)


def renders_the_same_twice(trial: Trial) -> Iterator[str]:
    """An object that did not change gives the same payload; another one would be sent again and again."""
    twice = zip(trial.synced(), trial.synced(), strict=True)
    for first, second in twice:
        one, two = trial.adapter.payload(first), trial.adapter.payload(second)
        if payload_hash(one) != payload_hash(two):
            differing = sorted(name for name in {*one, *two} if one.get(name) != two.get(name))
            yield f"{_name(first)}: rendered twice, and {', '.join(differing)} differed"


def references_are_its_own(trial: Trial) -> Iterator[str]:
    """Each object has a reference (a coupon a code, a form a name) that no other one has."""
    key = trial.adapter.natural_key
    holders: dict[Any, list[Model]] = defaultdict(list)
    for obj in trial.synced() if key else ():
        holders[trial.adapter.payload(obj).get(key)].append(obj)
    for value, objs in holders.items():
        if value in (None, ""):
            yield f"{_name(objs[0])}: the {key} is empty"
        elif len(objs) > 1:
            yield f"{' and '.join(map(_name, objs))} share the {key} {value!r}"


def links_lead_somewhere(trial: Trial) -> Iterator[str]:
    """What a payload refers to is registered as what it is taken for, and exists."""
    for obj in trial.synced():
        for link in links(trial.adapter.payload(obj)):
            adapter = registry.for_label(link.label)
            if adapter is None:
                yield f"{_name(obj)}: refers to {link.label} {link.pk}, for which no adapter is registered"
            elif link.kind not in (adapter.kind, "profile") or (link.kind != adapter.kind and not _is_guest(obj, link)):
                yield f"{_name(obj)}: takes {link.label} {link.pk} for a {link.kind}; it is a {adapter.kind}"
            elif not hosts_of([link], using=obj._state.db or DEFAULT_DB_ALIAS):
                yield f"{_name(obj)}: refers to {link.label} {link.pk}, which does not exist"


def takes_a_constant_number_of_queries(trial: Trial) -> Iterator[str]:
    """Rendering many objects takes as many queries as rendering two: their relations are loaded beforehand."""
    if len(trial.objects) < 3:
        return
    few, many = (_statements(trial, count) for count in (2, len(trial.objects)))
    if len(many) > len(few):
        more = next((sql for sql in many if many.count(sql) > few.count(sql)), many[-1])
        yield (
            f"{len(few)} queries for 2 objects and {len(many)} for {len(trial.objects)}; extend queryset() to load "
            f"what the adapter reads. One that is repeated: {more[:200]}"
        )


def writes_nothing(trial: Trial) -> Iterator[str]:
    """Rendering only reads."""
    for sql in _statements(trial, len(trial.objects)):
        if not sql.lstrip("( ").upper().startswith(("SELECT", "WITH", "SAVEPOINT", "RELEASE")):
            yield f"rendering wrote to the database: {sql[:200]}"


def is_accepted(trial: Trial) -> Iterator[str]:
    """Hellotext, as far as its contract is known, takes the payload: as a new object and as an update."""
    client = HellotextClient(token=TOKEN, backend=MemoryBackend(emulator=trial.emulator))
    bring_into_being(client)
    ids: dict[Link, str] = {}
    for obj in trial.synced():
        link = Link(trial.adapter.kind, trial.adapter.label, str(obj.pk))
        try:
            _send(client, link, trial.adapter, obj, ids)
            _update(client, link, trial.adapter.payload(obj), ids)
        except (HellotextError, TypeError, ValueError, KeyError) as error:
            yield f"{_name(obj)}: {type(error).__name__}: {error}"
    client.close()


CHECKS: tuple[Callable[[Trial], Iterator[str]], ...] = (
    configured_right,
    renders,
    totals_agree_with_lines,
    renders_the_same_twice,
    references_are_its_own,
    links_lead_somewhere,
    takes_a_constant_number_of_queries,
    writes_nothing,
    is_accepted,
)


def problems_of(*objects: Model) -> list[str]:
    """What is wrong with the adapters of ``objects``; empty when nothing is. Each is named with its check.

    Give three or more saved objects of each model, so that the number of queries can be judged, and what they refer to.
    Raises ``TypeError`` for an object without an adapter.
    """
    found: list[str] = []
    for adapter, of_adapter in _by_adapter(objects).items():
        for check in CHECKS:
            problems = _problems(check, Trial(adapter, of_adapter))
            found += [f"{type(adapter).__name__} {check.__name__}: {problem}" for problem in problems]
            if problems and check is renders:
                break  # every further check would only say the same again
    return found


def assert_conforms(*objects: Model) -> None:
    """Raise ``AssertionError`` naming everything that is wrong with the adapters of ``objects``."""
    problems = problems_of(*objects)
    if problems:
        raise AssertionError("\n".join(problems))


class AdapterConformance:
    """A mixin for ``TestCase`` or a pytest class: one test for every adapter of the project.

    Say in ``conformance_objects()`` on which objects they are tried::

        class TestAdapters(AdapterConformance, TestCase):
            def conformance_objects(self):
                return [*Book.objects.all(), *Order.objects.all()]
    """

    def conformance_objects(self) -> Iterable[Model]:
        """Saved objects of every registered model, three or more of each."""
        raise NotImplementedError("conformance_objects() must answer objects of the registered models.")

    def test_adapters_conform(self) -> None:
        """Every adapter keeps its promises."""
        assert_conforms(*self.conformance_objects())

    def test_every_adapter_is_tried(self) -> None:
        """There is an object for every adapter."""
        tried = _by_adapter(self.conformance_objects())
        missing = [repr(adapter) for adapter in registry.all() if adapter not in tried]
        if missing:
            raise AssertionError(f"No object was given for {', '.join(missing)}.")


def _problems(check: Callable[[Trial], Iterator[str]], trial: Trial) -> list[str]:
    try:
        return list(check(trial))
    except Exception as error:
        # As in renders(): queryset(), should_sync() and the like are the shop's own code, too.
        return [f"{type(error).__name__}: {error}"]


def _by_adapter(objects: Iterable[Model]) -> Mapping[Adapter, list[Model]]:
    found: dict[Adapter, list[Model]] = defaultdict(list)
    for obj in objects:
        adapter = registry.for_model(obj.__class__)
        if adapter is None:
            raise TypeError(f"No adapter is registered for {type(obj).__name__}.")
        found[adapter].append(obj)
    return found


def _statements(trial: Trial, count: int) -> list[str]:
    with ExitStack() as stack:
        aliases = sorted({obj._state.db or DEFAULT_DB_ALIAS for obj in trial.objects})
        captured = [stack.enter_context(CaptureQueriesContext(connections[alias])) for alias in aliases]
        for obj in trial.load(count):
            if trial.adapter.should_sync(obj):
                trial.adapter.payload(obj)
    return [query["sql"] for queries in captured for query in queries.captured_queries]


def _send(client: HellotextClient, link: Link, adapter: Adapter, obj: Model, ids: dict[Link, str]) -> None:
    """Create ``obj`` at the emulator, after what it refers to."""
    if link in ids:
        return
    payload = adapter.payload(obj) if adapter.kind == link.kind else adapter.guest_payload(obj)
    if payload is None:
        raise ValueError(f"{_name(obj)} names no guest.")
    for needed in links(payload):
        _send_needed(client, needed, obj, ids)
    values = values_of({name: value for name, value in payload.items() if not _is_unsynced(value, ids)}, ids)
    if link.kind == "cart" and "profile" not in values:
        values["session"] = TOKEN
    ids[link] = OPERATIONS[link.kind].create(client, values).id


def _send_needed(client: HellotextClient, needed: Link, obj: Model, ids: dict[Link, str]) -> None:
    """Create what ``obj`` refers to; for a product that the shop does not want at Hellotext, its placeholder."""
    other = registry.for_label(needed.label)
    if other is None:
        return
    for host in hosts_of([needed], using=obj._state.db or DEFAULT_DB_ALIAS).values():
        if other.should_sync(host):
            _send(client, needed, other, host, ids)
        elif needed.kind == "product":
            stand_in = fallback_for(needed)
            _send_needed(client, stand_in, obj, ids)
            ids[needed] = ids[stand_in]


def _update(client: HellotextClient, link: Link, payload: Mapping[str, Any], ids: Mapping[Link, str]) -> None:
    operation = OPERATIONS[link.kind]
    kept = {name: value for name, value in payload.items() if name not in operation.fixed}
    values = values_of({name: value for name, value in kept.items() if not _is_unsynced(value, ids)}, ids)
    operation.update(client, ids[link], values)


def _is_unsynced(value: Any, ids: Mapping[Link, str]) -> bool:
    """Whether ``value`` is a customer whom the shop does not want at Hellotext, such as a member of staff."""
    return isinstance(value, Link) and value.kind == "profile" and value not in ids


def _is_guest(obj: Model, link: Link) -> bool:
    """Whether ``link`` is the guest of an order or cart, under its key."""
    adapter = registry.for_label(link.label)
    hosts = hosts_of([link], using=obj._state.db or DEFAULT_DB_ALIAS).values()
    return adapter is not None and any(adapter.guest_payload(host) for host in hosts)


def _name(obj: Model) -> str:
    return f"{obj._meta.label} {obj.pk}"
