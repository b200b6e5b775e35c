"""What the tasks do, whoever runs them."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from .. import dispatch
from ..conf import hellotext_settings
from ..delivery import drain, runs
from ..delivery.abandonment import record_abandoned
from ..delivery.clients import client_from_settings
from ..delivery.crowd import drains_at_work
from ..delivery.prune import Pruned, prune
from ..delivery.syncing import Sync

logger = logging.getLogger("django_hellotext.tasks")

SLICE = 5.0  # seconds between two looks at whether others are at work, too


def drain_in_turn(aliases: Sequence[str] = ()) -> None:
    """Drain ``aliases`` (all of ``HELLOTEXT["DATABASES"]`` by default) for ``DRAIN_SECONDS`` in all.

    It never sleeps. No more than ``DRAINS`` tasks drain one database at a time, so that a backlog does not take
    all workers of the project: one that finds enough others leaves, because each of them looks for new rows again
    before it ends. One that runs out of time asks for the next.
    """
    if not hellotext_settings.active:
        return
    ends = time.monotonic() + hellotext_settings.DRAIN_SECONDS
    client = client_from_settings()
    try:
        for alias in aliases or hellotext_settings.DATABASES:
            while drains_at_work(alias) < hellotext_settings.DRAINS:
                left = ends - time.monotonic()
                if left <= 0:
                    dispatch.ask(alias)
                    break
                slice_ends = time.monotonic() + min(left, SLICE)
                drain(alias, seconds=min(left, SLICE), client=client)
                if time.monotonic() < slice_ends:
                    break  # nothing was left to do
    finally:
        client.close()


def look_after_runs() -> None:
    """End the sync runs that are done, and ask again for those whose message was lost; the table is the truth."""
    if not hellotext_settings.active:
        return
    runs.conclude()
    for pk in runs.stalled():
        _ask_for(pk)


def _ask_for(pk: int) -> None:
    try:
        dispatch.ask_for_sync(pk)
    except Exception as error:
        # The drain that runs every few seconds asks again.
        logger.warning("sync.not_asked", extra={"run": pk, "error": type(error).__name__})


def sync_next(pk: int) -> None:
    """Note the next page of the sync run ``pk``, ask for the one after it, and drain (demand D6).

    The message for the next page goes out before the drain begins, so that another worker may take it meanwhile.
    Coming twice does no harm: a page is noted once.
    """
    run = runs.running(pk) if hellotext_settings.active else None
    if run is None:
        return
    sync = Sync(run)
    more = sync.take_pages(SLICE)
    if more:
        _ask_for(pk)
    drain_in_turn()
    # The last page may have been another worker's, who could not end the run while this one was sending.
    sync.conclude()


def prune_all() -> Pruned:
    """Prune every database, for ``DRAIN_SECONDS`` in all."""
    ends = time.monotonic() + hellotext_settings.DRAIN_SECONDS
    done = Pruned()
    for alias in hellotext_settings.DATABASES:
        done += prune(alias, days=hellotext_settings.RETENTION, seconds=max(0.0, ends - time.monotonic()))
    return done


def abandoned_all() -> int:
    """Look for abandoned carts in every database, and ask for a drain where there are any; answers how many."""
    count = 0
    for alias in hellotext_settings.DATABASES:
        found = record_abandoned(alias)
        if found:
            dispatch.ask(alias)
        count += found
    return count
