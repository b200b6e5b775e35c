"""The shop's own database, read by the demo: which events it has recorded, and how far they are."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from bookshop.models import App, Book, Cart, Coupon, Order, Refund, Survey
from django.contrib.auth.models import User
from django.db.models import Max, QuerySet

from demo.sightings import Sighting
from django_hellotext.adapters import KIND_ORDER
from django_hellotext.conf import hellotext_settings
from django_hellotext.delivery.definitions import declared
from django_hellotext.models import Account, Change, Event, RemoteObject, Session, State
from django_hellotext.tasks.work import abandoned_all

POLL_SECONDS = 0.2
UNDER_WAY = (State.PENDING, State.SENDING, State.UNCERTAIN)
STAFF_NAME = STAFF_PASSWORD = "demo"


class ShopSide:
    """Looks at what has been recorded since this object was made."""

    def __init__(self) -> None:
        self._before: int = Event.objects.aggregate(last=Max("pk"))["last"] or 0
        self._drained_before = self._drained_at()

    def recorded(self) -> list[Sighting]:
        """Return the events recorded since, in the order of their recording."""
        return [_sighting(event) for event in self._events().order_by("pk")]

    def wait_for(self, number: int, *, seconds: float, meanwhile: Callable[[], None]) -> bool:
        """Wait until ``number`` events are recorded and all have come to an end; False when the time is up.

        ``meanwhile`` is called now and then, and may raise to give up.
        """
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at:
            meanwhile()
            if self.why_nothing_is_sent():
                return False
            if self._is_quiet() and self._events().count() >= number:
                return True
            time.sleep(POLL_SECONDS)
        return False

    def why_nothing_is_sent(self) -> str:
        """Return why the account is halted, or nothing."""
        account = Account.objects.filter(key=hellotext_settings.account).first()
        return account.halted_reason if account else ""

    def sessions(self) -> set[str]:
        """Return every session that the shop has written down, ever."""
        models = (Event, RemoteObject, Session)
        return {value for model in models for value in model.objects.values_list("session", flat=True) if value}

    def conflicts(self) -> set[str]:
        """Return the e-mail addresses of customers whose session belongs to somebody else."""
        found = Session.objects.filter(state=State.FAILED, error_type=Session.CONFLICT)
        customers = User.objects.filter(pk__in=[row.profile_pk for row in found])
        return set(customers.values_list("email", flat=True))

    def has_been_drained(self) -> bool:
        """Say whether the worker has been at work since."""
        return self._drained_at() != self._drained_before

    def cart_of(self, order_number: str) -> str:
        """Return the reference of the cart that has become the order."""
        return str(Cart.objects.get(order__number=order_number).token)

    def percent_of(self, code: str) -> int:
        """Return what the coupon takes off, in percent."""
        percent: int = Coupon.objects.values_list("percent", flat=True).get(code=code)
        return percent

    def refund_of(self, order_number: str) -> tuple[str, int]:
        """Return the number of the newest refund of an order, and the key under which the admin shows it."""
        refund = Refund.objects.filter(order__number=order_number).latest("requested_at")
        return refund.number, refund.pk

    def mirrored(self) -> dict[str, set[str]]:
        """Return the IDs that Hellotext gave to this shop's objects, by kind."""
        found: dict[str, set[str]] = {kind: set() for kind in KIND_ORDER}
        rows = RemoteObject.objects.filter(account=hellotext_settings.account).exclude(remote_id="")
        for kind, remote_id in rows.values_list("kind", "remote_id"):
            found[kind].add(remote_id)
        return {kind: ids for kind, ids in found.items() if ids}

    def defined(self) -> dict[str, set[str]]:
        """Return the names of the properties, lists and actions that the settings define, by kind."""
        names = {kind: {one.name for one in declared() if one.kind == kind} for kind in ("property", "list", "action")}
        return {kind: found for kind, found in names.items() if found}

    def profile_of(self, email: str) -> str:
        """Return the ID that Hellotext gave to a customer."""
        customer = User.objects.get(email=email)
        remote_id: str = RemoteObject.objects.get(host_label="auth.user", host_pk=str(customer.pk)).remote_id
        return remote_id

    def has_abandoned_carts(self, *, seconds: float) -> bool:
        """Run the periodic job until it finds a cart that was left for ``CART_ABANDONED_AFTER``; False without one."""
        ends_at = time.monotonic() + seconds
        while not abandoned_all():
            if time.monotonic() > ends_at:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def order_id(self, order_number: str) -> int:
        """Return the key under which the admin shows the order."""
        order: int = Order.objects.values_list("pk", flat=True).get(number=order_number)
        return order

    def _events(self) -> QuerySet[Event]:
        return Event.objects.filter(pk__gt=self._before)

    def _drained_at(self) -> datetime | None:
        return Account.objects.filter(key=hellotext_settings.account).values_list("drained_at", flat=True).first()

    def _is_quiet(self) -> bool:
        if Change.objects.filter(account=hellotext_settings.account).exists():
            return False
        if RemoteObject.objects.filter(account=hellotext_settings.account, state__in=UNDER_WAY).exists():
            return False
        return not self._events().filter(state__in=UNDER_WAY).exists()


def make_staff() -> None:
    """Make the demo's login behind the counter, if it is not there or has another password."""
    user, _ = User.objects.get_or_create(username=STAFF_NAME, defaults={"email": "counter@example.com"})
    if user.check_password(STAFF_PASSWORD) and user.is_superuser and user.is_staff and user.is_active:
        return
    user.set_password(STAFF_PASSWORD)
    user.is_staff = user.is_superuser = user.is_active = True
    user.save()


def a_mirrored_product() -> str:
    """Return the ID that some Hellotext gave to a book of this shop, or nothing."""
    mirrored = RemoteObject.objects.filter(account=hellotext_settings.account, kind="product").exclude(remote_id="")
    newest = mirrored.order_by("-pk").first()
    return newest.remote_id if newest else ""


def forget_mirrors() -> int:
    """Forget what an earlier Hellotext, which is no more, had; answers how many objects. It is all mirrored anew."""
    Session.objects.filter(account=hellotext_settings.account).delete()
    forgotten: int = RemoteObject.objects.filter(account=hellotext_settings.account).delete()[0]
    return forgotten


def _sighting(event: Event) -> Sighting:
    return Sighting(
        uuid=str(event.uuid),
        action=event.action,
        email=_email(event.profile_label, event.profile_pk),
        session=event.session,
        kind=event.object_kind,
        reference=_reference(event.object_label, event.object_pk),
        amount=event.amount,
        currency=event.currency,
        at=event.tracked_at,
        state=event.state,
        error=" ".join(part for part in (event.error_type, event.error_message, event.skip_reason) if part),
    )


def _email(label: str, pk: str) -> str:
    if label == "auth.user":
        return User.objects.get(pk=pk).email
    return Order.objects.get(pk=pk).email if label == "bookshop.order" else ""


def _reference(label: str, pk: str) -> str:
    match label:
        case "bookshop.book":
            return Book.objects.get(pk=pk).sku
        case "bookshop.cart":
            return str(Cart.objects.get(pk=pk).token)
        case "bookshop.order":
            return Order.objects.get(pk=pk).number
        case "bookshop.refund":
            return Refund.objects.get(pk=pk).number
        case "bookshop.coupon":
            return Coupon.objects.get(pk=pk).code
        case "bookshop.app":
            return App.objects.get(pk=pk).name
        case "bookshop.survey":
            return Survey.objects.get(pk=pk).name
    return ""
