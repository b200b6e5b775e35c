"""The shop's adapters: their mistakes, and how the newest objects of each model stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from django.db import DatabaseError, transaction

from ..adapters import Adapter, registry
from ..adapters.rendering import neutral
from ..api import HellotextClient
from ..conf import hellotext_settings
from ..delivery.drift import Seen, Standing, look_at
from ..delivery.unknown_models import TEST_PROFILE
from ..intake import backfill
from ..models import Change, RemoteObject, State
from ..redaction import mask
from .checked import from_checks
from .findings import Finding, error, ok, warning

SAMPLE = 20  # newest objects of each model that are rendered


def examine_adapters(using: str, client: HellotextClient | None) -> Iterator[Finding]:
    """What ``manage.py check`` says of the adapters, then a sample of each model's objects."""
    yield from _checks()
    every = registry.all()
    if not any(adapter.kind == "order" for adapter in every):
        yield warning(
            "adapters.no_orders",
            "No model is registered as an order",
            "Hellotext hears of no purchase, unless your code tracks product.purchased.",
            "Register the shop's order model in a hellotext.py; see tutorial/connect-your-models.",
        )
    for adapter in every:
        try:
            # A savepoint, where there is a transaction: one that failed would fail all that comes after.
            with transaction.atomic(using=using):
                found = _model(adapter, using)
            yield found
        except DatabaseError as failure:
            name = adapter.model._meta.label
            yield error(
                "adapters.unreadable",
                f"{adapter.kind} {name}: its objects cannot be read",
                mask(f"{type(failure).__name__}: {failure}"),
                "Run manage.py migrate for the shop's own apps, or correct the adapter's queryset().",
            )
    yield from _unregistered(using)


def _checks() -> Iterator[Finding]:
    """The checks E1xx and W1xx, and the library that the adapters' phone numbers need."""
    yield from from_checks(lambda id: (id[11:12] == "1" and id != "hellotext.E121") or id == "hellotext.W004")


def _model(adapter: Adapter, using: str) -> Finding:
    name = f"{adapter.kind} {adapter.model._meta.label}"
    # Not ``read_objects()``, which would hide that the adapter's queryset() fails.
    with neutral():
        hosts = list(backfill.objects_of(adapter, using=using).order_by("-pk")[:SAMPLE])
    if not hosts:
        return ok("adapters.empty", f"{name}: there are no objects yet")
    seen = look_at(adapter, hosts, using=using)
    faulty = [one for one in seen if one.work.fault]
    counts = Counter(one.standing for one in seen)
    told = ", ".join(f"{count} {standing.value.replace('_', ' ')}" for standing, count in counts.most_common())
    if faulty:
        return _fault(adapter, name, faulty, of=len(seen))
    if counts[Standing.NEW] and not _was_any_sent(adapter, using):
        return warning(
            "adapters.never_sent",
            f"{name}: none of its objects was ever sent",
            f"Of the {len(seen)} newest: {told}. What was there before the installation is sent by a sync only.",
            f"Run manage.py hellotext_sync {adapter.model._meta.label}.",
        )
    return ok("adapters.model", f"{name}: of the {len(seen)} newest {told}")


def _unregistered(using: str) -> Iterator[Finding]:
    """Models of which Hellotext has objects, and which no adapter mirrors any more."""
    rows = RemoteObject.objects.using(using).filter(account=hellotext_settings.account)
    there = rows.exclude(remote_id="").exclude(state=State.DELETED)
    for label in _labels(using):
        if label == TEST_PROFILE:
            continue  # the doctor's own, which no model stands for
        if registry.for_label(label) is None and there.filter(host_label=label).exists():
            yield warning(
                "adapters.unregistered",
                f"No adapter is registered for {label} any more",
                "What Hellotext has of it stays as it is: nothing of it is sent, and no check looks at it.",
                "Register its adapter again, in a hellotext.py of an installed app. If you took it out on purpose, "
                "there is nothing to do.",
            )


def _labels(using: str) -> Iterator[str]:
    """The models of all mirrors: a step along an index for each, however many rows there are."""
    labels = RemoteObject.objects.using(using).order_by("host_label").values_list("host_label", flat=True)
    label = labels.first()
    while label is not None:
        yield label
        label = labels.filter(host_label__gt=label).first()


def _fault(adapter: Adapter, name: str, faulty: list[Seen], *, of: int) -> Finding:
    first = faulty[0]
    fault = first.work.fault or {}
    # What an adapter raised may name a customer; its first words are its class and the error's.
    raised = (
        str(fault.get("error_message", "")).partition(":")[0] if fault.get("error_type") == "adapter_failed" else ""
    )
    parameter = f" ({fault['error_parameter']})" if fault.get("error_parameter") else ""
    named = raised or f"{fault.get('error_type', '')}{parameter}"
    # A few objects with wrong data keep back themselves alone; a fault of the adapter's code keeps back whatever comes.
    is_of_code = len(faulty) == of or any(
        (one.work.fault or {}).get("error_type") == "adapter_failed" for one in faulty
    )
    return (error if is_of_code else warning)(
        "adapters.fault",
        f"{name}: {len(faulty)} of the {of} newest objects cannot be sent",
        f"For example {first.link.pk}: {mask(named)}.",
        f"Correct {type(adapter).__name__} or the object. manage.py hellotext_explain {adapter.label} {first.link.pk} "
        "says more.",
    )


def _was_any_sent(adapter: Adapter, using: str) -> bool:
    """Whether Hellotext has any object of the model, or what happened to one waits to be sent."""
    account = hellotext_settings.account
    rows = RemoteObject.objects.using(using).filter(account=account, host_label=adapter.label)
    if rows.exclude(remote_id="").exists():
        return True
    return bool(Change.objects.using(using).filter(account=account, object_label=adapter.label).exists())
