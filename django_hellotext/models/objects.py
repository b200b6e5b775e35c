"""The mirror: one row for each host object that Hellotext knows, or is to know. One table serves every kind."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.utils.translation import gettext_lazy as _

from .. import clock
from .deliverable import (
    _LET_GO,
    NO_ERROR,
    UNCOUNTED,
    WRITTEN_AHEAD,
    Deliverable,
    DeliverableQuerySet,
    error_fields,
    waits_again,
)
from .fields import UtcDateTimeField, UtcNow
from .identity import fingerprint
from .states import Lane, Removal, SkipReason, State, sources_of

# In ``RemoteObject.data``, beside what Hellotext answered: a fingerprint of each value that was sent last.
LAST_PAYLOAD = "_payload"
# The identities of the objects without which the row was sent last.
MISSING = "_missing"
# A fingerprint of each value that Hellotext has rejected, by its place in the payload.
REJECTED = "_rejected"
# The products of an order's lines, by the keys of the lines: they may be deleted in the shop later.
LINES = "_lines"
# The IDs of profiles that the row has left: they may have to be cleared with the one that it has now.
FORMER = "_former"

REMOTE_ID_LENGTH = 64


class Kind(models.TextChoices):
    PROFILE = "profile", _("profile")
    PROPERTY = "property", _("property")
    LIST = "list", _("list")
    PRODUCT = "product", _("product")
    VARIANT = "product_variant", _("product variant")
    COUPON = "coupon", _("coupon")
    CART = "cart", _("cart")
    ORDER = "order", _("order")
    REFUND = "refund", _("refund")
    APP = "app", _("app")
    FORM = "form", _("form")
    ACTION = "action", _("action")


def identity_of(account: str, kind: str, label: str, pk: str) -> str:
    """The unique fingerprint of a mirror row."""
    return fingerprint(account, kind, label, pk)


class RemoteObjectQuerySet(DeliverableQuerySet):
    def identified(self, identities: Iterable[str]) -> Self:
        """The rows with these fingerprints."""
        return self.filter(identity__in=list(identities))

    def finish_synced(self, row: RemoteObject, *, token: str, version: int, payload_hash: str, **columns: Any) -> int:
        """Record that ``version`` of ``row`` is what Hellotext has; an edit meanwhile leaves it waiting (demand C9)."""
        return (
            self.held(token)
            .filter(pk=row.pk)
            .update(
                state=Case(When(version=version, then=Value(State.SYNCED)), default=Value(State.PENDING)),
                synced_version=version,
                # ``repeat`` has emptied it meanwhile: it stays empty, so that the row is sent once more.
                payload_hash=Case(
                    When(~Q(version=version), payload_hash="", then=Value("")), default=Value(payload_hash)
                ),
                recreated=0,
                attempts=0,
                next_attempt_at=None,
                finished_at=UtcNow(),
                **_LET_GO,
                **NO_ERROR,
                **columns,
            )
        )

    def finish_attributed(self, row: RemoteObject, *, token: str, version: int, **columns: Any) -> int:
        """Record that the profile of ``row`` is another account's, as of ``version``; nothing was sent."""
        return self.finish_synced(row, token=token, version=version, attributed=True, **columns)

    def finish_unchanged(self, ids: Iterable[int], *, token: str, version: int, **columns: Any) -> int:
        """Hellotext has ``version`` of these rows already; nothing was sent."""
        return (
            self.held(token)
            .filter(pk__in=list(ids))
            .update(
                state=Case(When(version=version, then=Value(State.SYNCED)), default=Value(State.PENDING)),
                synced_version=version,
                attempts=0,
                next_attempt_at=None,
                finished_at=UtcNow(),
                **_LET_GO,
                **NO_ERROR,
                **columns,
            )
        )

    def requeue(self) -> int:
        """As for any row. What was created anew once may be so once more: a person has looked."""
        self.filter(state=State.FAILED).update(recreated=0)
        return super().requeue()

    def finish_found(self, row: RemoteObject, *, token: str, remote_id: str, **columns: Any) -> int:
        """``row`` is at Hellotext under ``remote_id``, but not as the shop has it: it waits to be updated."""
        return (
            self.held(token)
            .filter(pk=row.pk)
            .update(
                state=State.PENDING,
                remote_id=remote_id,
                payload_hash="",
                attempts=UNCOUNTED,
                next_attempt_at=None,
                **_LET_GO,
                **columns,
            )
        )

    def finish_gone(self, row: RemoteObject, *, token: str, version: int) -> int:
        """The shop does not have the object of ``row`` any more; a deletion or save since then leaves it waiting."""
        rows = self.held(token).filter(pk=row.pk)
        written = rows.filter(version=version).update(
            state=State.DELETED,
            tombstone_at=row.tombstone_at or UtcNow(),
            attempts=UNCOUNTED,
            finished_at=UtcNow(),
            **_LET_GO,
        )
        return written or self.give_back([row.pk], token=token)

    def finish_removed(self, row: RemoteObject, *, token: str, version: int, state: State, **columns: Any) -> int:
        """Hellotext has ``row`` no more; an edit meanwhile leaves it waiting, to be created anew."""
        return (
            self.held(token)
            .filter(pk=row.pk)
            .update(
                state=Case(When(version=version, then=Value(state)), default=Value(State.PENDING)),
                synced_version=version,
                payload_hash="",
                data={},
                recreated=0,
                attempts=0,
                next_attempt_at=None,
                finished_at=UtcNow(),
                **_LET_GO,
                **NO_ERROR,
                **columns,
            )
        )

    def entomb(self, ids: Iterable[int], *, at: datetime, how: Removal) -> int:
        """Have these deleted objects removed at Hellotext as well; return how many rows wait for that.

        ``how`` stays on the row: a later change of the adapter's setting does not change it. A row that never reached
        Hellotext, and is not on its way, is ``deleted`` at once.
        """
        rows = self.filter(pk__in=list(ids))
        rows.update(tombstone_at=at, removal=how)
        open_states = [State.PENDING, State.SENDING, State.UNCERTAIN]
        rows.exclude(state__in=open_states).filter(state__in=sources_of(State.PENDING)).exclude(remote_id="").update(
            state=State.PENDING, attempts=0, next_attempt_at=None, skip_reason="", updated_at=UtcNow()
        )
        rows.filter(remote_id="").exclude(state__in=[State.SENDING, State.UNCERTAIN]).filter(
            state__in=sources_of(State.DELETED)
        ).update(state=State.DELETED, **_LET_GO)
        return rows.filter(state__in=open_states).count()

    def disown(self, row: RemoteObject, *, token: str) -> int:
        """What was taken for the object at Hellotext is somebody else's."""
        return self.held(token).filter(pk=row.pk).update(remote_id="", payload_hash="", data={}, updated_at=UtcNow())

    def repeat(self, ids: Iterable[int]) -> int:
        """Send these rows once more although nothing has changed here."""
        wanted = list(ids)
        self.filter(pk__in=wanted).update(payload_hash="")
        return self.touch(wanted, lane=Lane.LIVE)

    def erase(self, ids: Iterable[int], *, at: datetime) -> int:
        """Nothing personal stays in these profiles, and they are cleared at Hellotext; answers how many wait for that.

        They remember that they were erased: no later change brings them back (demand I3).
        """
        wanted = list(ids)
        # The profile of another account is not theirs to be cleared.
        self.filter(pk__in=wanted, attributed=True).update(remote_id="", attributed=False)
        self.filter(pk__in=wanted).update(
            reference="",
            session="",
            data={},
            seen={},
            payload_hash="",
            version=F("version") + 1,
            adjustments=None,
            **NO_ERROR,
        )
        waiting = self.entomb(wanted, at=at, how=Removal.CLEAR)
        self.filter(pk__in=wanted).update(skip_reason=SkipReason.ERASED)
        return waiting

    def start_anew(self, row: RemoteObject, *, token: str) -> int:
        """Forget a remote ID that Hellotext no longer knows, so that the object is created again, once."""
        return (
            self.held(token)
            .filter(pk=row.pk)
            .update(
                state=State.PENDING,
                remote_id="",
                payload_hash="",
                data={},
                recreated=F("recreated") + 1,
                next_attempt_at=None,
                **_LET_GO,
                **error_fields(status=404, type="not_found", message="Deleted at Hellotext; created anew."),
            )
        )

    def touch(self, ids: Iterable[int], *, lane: int) -> int:
        """A newer version is to be sent, in ``lane``. A row in hand stays in hand and waits again afterwards."""
        rows = self.filter(pk__in=list(ids)).exclude(skip_reason=SkipReason.ERASED)
        open_states = [State.PENDING, State.SENDING, State.UNCERTAIN]
        newer: dict[str, Any] = {"version": F("version") + 1, "updated_at": UtcNow()}
        # ``updated_at`` must not hide that the clock was set back since. First, because MariaDB assigns in order.
        later = Case(When(WRITTEN_AHEAD, then=None), default=F("next_attempt_at"))
        waiting = rows.filter(state__in=open_states).update(next_attempt_at=later, **newer)
        return waiting + rows.exclude(state__in=open_states).filter(state__in=sources_of(State.PENDING)).update(
            state=waits_again(), **newer, lane=lane, attempts=0, next_attempt_at=None, skip_reason=""
        )

    def renew(self) -> int:
        """Look at these objects again at once, and send what differs; rows in hand are left alone (demand J3)."""
        rows = self.filter(state__in=[State.PENDING, State.SYNCED, State.FAILED, State.SKIPPED])
        return rows.exclude(state=State.SKIPPED, skip_reason=SkipReason.ERASED).update(
            version=Case(When(state=State.PENDING, then=F("version")), default=F("version") + 1),
            state=waits_again(),
            attempts=0,
            next_attempt_at=None,
            skip_reason="",
            updated_at=UtcNow(),
            **NO_ERROR,
        )

    def doubt(self, ids: Iterable[int]) -> int:
        """What Hellotext holds of these rows may not be what was sent last: the next drain sends it anew."""
        return self.filter(pk__in=list(ids)).exclude(payload_hash="").update(payload_hash="", updated_at=UtcNow())

    def lose(self, ids: Iterable[int]) -> int:
        """Hellotext has these objects no more, although it had: they are created anew by the next drain that looks."""
        rows = self.filter(pk__in=list(ids), state__in=[State.SYNCED, State.FAILED])
        return rows.update(remote_id="", payload_hash="", data={}, recreated=0, updated_at=UtcNow())

    def adopt(self, pk: int, **columns: Any) -> int:
        """The row turns out to be at Hellotext already, with the remote ID in ``columns``; one in hand is left alone.

        It stays in its state: what waits is sent as an update. An earlier deletion is over, because the shop has the
        object.
        """
        rows = self.filter(pk=pk, remote_id="").exclude(state__in=[State.SENDING, State.UNCERTAIN])
        return rows.update(updated_at=UtcNow(), tombstone_at=None, removal="", **columns)

    def create_adopted(self, row: RemoteObject, **columns: Any) -> None:
        """Insert ``row`` as one that Hellotext has. Raises ``IntegrityError`` when it is there already."""
        for name, value in columns.items():
            setattr(row, name, value)
        row.state, row.synced_version = State.SYNCED, row.version
        row.finished_at = clock.now()
        row.save(using=self.db, force_insert=True)

    def give_up(self, ids: Iterable[int]) -> int:
        """Stop waiting for an adapter of these objects: one that is registered again sends them when they are saved."""
        return self.filter(pk__in=list(ids), state__in=[State.PENDING, State.UNCERTAIN]).update(
            state=State.SKIPPED, skip_reason=SkipReason.UNREGISTERED, next_attempt_at=None, **_LET_GO
        )

    def bury(self, ids: Iterable[int], *, at: datetime) -> int:
        """Keep these deleted objects at Hellotext: send nothing more for them; return how many rows are ``deleted``.

        A row that a worker holds, or that is uncertain, becomes ``deleted`` when its remote ID is known.
        """
        rows = self.filter(pk__in=list(ids))
        rows.update(tombstone_at=at, removal=Removal.KEEP)
        return (
            rows.exclude(state=State.SENDING)
            .filter(state__in=sources_of(State.DELETED))
            .update(state=State.DELETED, **_LET_GO)
        )

    def revive(self, ids: Iterable[int]) -> int:
        """Mirror these objects again: the shop has them back. Erased customers stay erased."""
        rows = self.filter(pk__in=list(ids)).exclude(skip_reason=SkipReason.ERASED)
        # A guest may have got the profile meanwhile: it is looked for.
        rows.filter(kind=Kind.PROFILE).update(payload_hash="", data={})
        return rows.update(tombstone_at=None, removal="")


class RemoteObjectManager(models.Manager.from_queryset(RemoteObjectQuerySet)):  # type: ignore[misc]  # a class made at run time
    """All rows; through a proxy, those of its own kind."""

    def get_queryset(self) -> RemoteObjectQuerySet:
        rows = RemoteObjectQuerySet(self.model, using=self._db)
        kind = self.model.KIND
        return rows if kind is None else rows.filter(kind=kind)


class RemoteObject(Deliverable):
    """What Hellotext knows of one host object.

    The host object is named by model label and primary key as text. ``data`` is the last remote JSON known;
    ``baseline`` the last status seen; ``version`` counts changes, ``synced_version`` is the newest that arrived.
    ``seen`` is what else was last seen of the host object (the quantities in a cart, how its buyer came to the shop),
    ``changed_at`` when it last changed in the shop. ``tombstone_at`` and ``removal`` say when it was deleted there, and
    what becomes of the remote object; ``removal`` is decided once, when the deletion is folded. ``attributed``: the
    profile is another account's with the same e-mail; events go there, and nothing else of this row. ``may_be_there``:
    an event may have made the object at Hellotext; it is looked for by its reference before it is created.
    """

    KIND: ClassVar[Kind | None] = None

    identity = models.CharField(max_length=64, unique=True, editable=False)
    kind = models.CharField(_("kind"), max_length=32, choices=Kind)
    host_label = models.CharField(_("host model"), max_length=128)
    host_pk = models.CharField(_("host object"), max_length=255)
    source = models.CharField(_("source"), max_length=60)
    reference = models.CharField(_("reference"), max_length=255, blank=True, default="")
    remote_id = models.CharField(_("Hellotext ID"), max_length=REMOTE_ID_LENGTH, blank=True, default="", db_index=True)
    payload_hash = models.CharField(max_length=64, blank=True, default="", editable=False)
    version = models.PositiveIntegerField(_("version"), default=1)
    synced_version = models.PositiveIntegerField(_("version at Hellotext"), default=0)
    baseline = models.CharField(_("last status seen"), max_length=100, null=True)
    session = models.CharField(_("session"), max_length=64, blank=True, default="")
    overtaken_at = UtcDateTimeField(_("overtaken"), null=True)
    data = models.JSONField(_("remote data"), default=dict)
    seen = models.JSONField(_("last seen in the shop"), default=dict)
    changed_at = UtcDateTimeField(_("changed in the shop"), null=True)
    recreated = models.PositiveSmallIntegerField(_("created anew"), default=0)
    tombstone_at = UtcDateTimeField(_("deleted in the shop"), null=True)
    attributed = models.BooleanField(default=False, editable=False)
    may_be_there = models.BooleanField(default=False, editable=False)
    removal = models.CharField(max_length=6, choices=Removal, blank=True, default="", editable=False)

    objects = RemoteObjectManager()

    class Meta:
        verbose_name = _("remote object")
        verbose_name_plural = _("remote objects")
        indexes = [
            models.Index(fields=["account", "state", "lane", "id"], name="hellotext_object_claim"),
            models.Index(fields=["kind", "state"], name="hellotext_object_kind"),
            models.Index(fields=["host_label", "host_pk"], name="hellotext_object_host"),
            models.Index(fields=["reference"], name="hellotext_object_reference"),
            models.Index(fields=["account", "kind", "changed_at"], name="hellotext_object_changed"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.reference or f'{self.host_label} {self.host_pk}'}"

    @property
    def is_kept(self) -> bool:
        """Return whether the object was deleted in the shop and stays at Hellotext."""
        return self.tombstone_at is not None and self.removal == Removal.KEEP

    @property
    def is_synced(self) -> bool:
        """Return whether Hellotext has the newest version that we know."""
        return self.state == State.SYNCED and self.version == self.synced_version
