"""One event through the whole way: recorded, delivered, and found again at Hellotext.

It goes to a profile that is plainly a test, by an action of its own, so that no playbook listens to it. What stays at
Hellotext: that profile and that action, made once, and one event for each test.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from .. import clock, dispatch
from ..adapters import Link
from ..api import HellotextClient
from ..conf import hellotext_settings
from ..delivery import drain
from ..delivery.advice import for_error, for_skip
from ..delivery.mirrors import identity_for, new_mirror
from ..delivery.reconcile import arrived_events
from ..delivery.remote_ids import checked
from ..delivery.syncing import what_holds
from ..delivery.unknown_models import TEST_PROFILE
from ..exceptions import ApiError, NotFound, ValidationError
from ..intake.facts import Fact
from ..intake.tracking import insert_fact
from ..models import Event, Kind, Lane, RemoteObject, SkipReason, State
from .dispatcher import drained_within
from .findings import Finding, error, ok, skipped, warning

ACTION = "django_hellotext.test"
TITLE = "Test of django-hellotext"
RECENT = 60.0  # seconds since a worker looked: then it is the worker's to send
DRAIN = 10.0  # seconds at least that a drain of our own may take, however short the waits
LOOK = 0.25  # seconds between two looks at the row
ASK = 1.0  # seconds between two looks at Hellotext's list
OPEN = (State.PENDING, State.SENDING)


class SendTest:
    """The examination. ``seconds`` bounds each of its two waits: for a worker, and for Hellotext's list."""

    def __init__(self, *, seconds: float) -> None:
        self._seconds = seconds
        self._pause = threading.Event()

    def __call__(self, using: str, client: HellotextClient | None) -> Iterator[Finding]:
        if client is None:
            return
        held = what_holds(using)
        if held:
            yield skipped("send_test.held", "the whole way, by a test event", f"Nothing is sent now: {held}.")
            return
        try:
            profile = self._profile(client, using)
            self._action(client)
        except ApiError as failure:
            yield error(
                "send_test.not_prepared",
                "The test profile or the test action could not be made at Hellotext",
                str(failure),
                "Ask Hellotext whether the token may write profiles and actions.",
            )
            return
        event = self._record(profile, using)
        by_worker = self._delivered(event, client, using)
        yield self._judge(event, client, by_worker=by_worker)

    def _profile(self, client: HellotextClient, using: str) -> Link:
        """The test profile, made once for this database and account; made anew where Hellotext has it no more."""
        link = Link(Kind.PROFILE.value, TEST_PROFILE, "test")
        identity = identity_for(link, hellotext_settings.account)
        rows = RemoteObject.objects.using(using)
        mirror = rows.identified([identity]).first()
        if mirror is not None:
            try:
                client.profiles.retrieve(mirror.remote_id)
            except NotFound:
                mirror.delete(using=using)
            else:
                return link
        made = client.profiles.create(first_name="django-hellotext", last_name="(a test, nobody)")
        mirror = new_mirror(link, lane=Lane.LIVE)
        mirror.remote_id, mirror.state = checked(made.id), State.SYNCED
        mirror.finished_at = clock.now()
        mirror.save(using=using, force_insert=True)
        return link

    def _action(self, client: HellotextClient) -> None:
        """The action of the test, made once; its name is unique."""
        try:
            client.actions.create(name=ACTION, title=TITLE)
        except ValidationError as refused:
            if refused.type != "parameter_not_unique":
                raise

    def _record(self, profile: Link, using: str) -> Event:
        before = clock.now()
        fact = Fact(action=ACTION, profile=profile, metadata={"test": True}, tracked_at=before)
        insert_fact(fact, using=using)
        dispatch.wake(using)
        events = Event.objects.using(using).filter(action=ACTION, account=hellotext_settings.account)
        found: Event = events.filter(tracked_at=before).latest("pk")
        return found

    def _delivered(self, event: Event, client: HellotextClient, using: str) -> bool:
        """Wait for a worker where one runs; drain here otherwise. Answers whether a worker did it."""
        if drained_within(using, RECENT) and self._until_done(event):
            return True
        drain(using, seconds=max(self._seconds, DRAIN), client=client)
        self._until_done(event)
        return False

    def _until_done(self, event: Event) -> bool:
        ends = time.monotonic() + self._seconds
        while True:
            event.refresh_from_db()
            if event.state not in OPEN:
                return True
            if time.monotonic() >= ends:
                return False
            self._pause.wait(LOOK)

    def _judge(self, event: Event, client: HellotextClient, *, by_worker: bool) -> Finding:
        if event.state == State.DELIVERED:
            return self._found(event, client, by_worker=by_worker)
        number = f"event {event.pk}"
        if event.state == State.FAILED:
            return error(
                "send_test.refused",
                f"Hellotext refused the test event ({event.error_status or ''} {event.error_type})".replace("( ", "("),
                event.why,
                for_error(event.error_type, event.error_status),
            )
        if event.state == State.SKIPPED:
            return warning(
                "send_test.kept_back",
                f"The test event was kept back: {event.get_skip_reason_display()}",
                "A hook of the shop, such as CONSENT, decides so for a customer whom it does not know.",
                for_skip(SkipReason(event.skip_reason)),
            )
        if event.state == State.UNCERTAIN:
            return error(
                "send_test.no_answer",
                "The test event was sent, and no answer came",
                "It is looked for by itself before it is sent again.",
                f"Look at {number} in the admin in a few minutes.",
            )
        return error(
            "send_test.waiting",
            f"The test event still waits after {self._seconds:g} seconds",
            "Others are before it, or Hellotext does not take it now.",
            f"Run manage.py hellotext_explain event {event.pk}.",
        )

    def _found(self, event: Event, client: HellotextClient, *, by_worker: bool) -> Finding:
        sender = "the worker" if by_worker else "this process, because no worker did"
        ends = time.monotonic() + self._seconds
        while True:
            try:
                arrived, _ = arrived_events(client, [event])
            except ApiError as failure:
                return error(
                    "send_test.not_listed",
                    "The test event was accepted, and Hellotext's list cannot be read",
                    str(failure),
                    "Ask Hellotext whether the token may read events.",
                )
            if arrived:
                break
            if time.monotonic() >= ends:
                return error(
                    "send_test.lost",
                    f"Hellotext accepted the test event, and does not list it after {self._seconds:g} seconds",
                    f"It takes events in first and shows them later. Its UUID is {event.uuid}.",
                    "Look again with a larger --wait. If it never comes, ask Hellotext, with the time.",
                )
            self._pause.wait(ASK)
        title = f"A test event was recorded, sent by {sender}, and found again at Hellotext"
        left = f"It stays there with the test profile and the action {ACTION}."
        if by_worker:
            return ok("send_test.arrived", title, left)
        return warning(
            "send_test.sent_here", title, left, "See the line about the worker: rows do not send themselves."
        )
