"""The demo from its beginning to its end, once Django is set up."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from http import HTTPStatus
from io import StringIO
from pathlib import Path

import requests
from django.core.management import call_command
from django.core.management.base import CommandError, SystemCheckError

from demo import terminal
from demo.browser import HellotextJs
from demo.children import Children
from demo.direct import session_for
from demo.failures import Failure
from demo.folder import Folder, open_private
from demo.hellotext_side import HellotextSide
from demo.journey import travel
from demo.messy_orders import MessyOrders
from demo.options import Options
from demo.pages import PageError
from demo.places import Places
from demo.report import kinds, messy_orders, side_by_side
from demo.shop_side import (
    STAFF_NAME,
    STAFF_PASSWORD,
    ShopSide,
    a_mirrored_product,
    forget_mirrors,
    make_staff,
)
from demo.story import Story
from demo.verification import verify
from django_hellotext.adapters import KIND_ORDER
from django_hellotext.tasks.work import abandoned_all

HOME = Path(__file__).resolve().parent.parent  # of the shop's code
PAUSE_SECONDS = 45.0  # until what has happened so far must have arrived
HEALTH_SECONDS = 2.0  # for one question whether a server is up
WATCH_SECONDS = 0.5


def run(options: Options, places: Places, folder: Folder) -> str:
    """Run the demo; answers the line to end with. Without ``EXIT`` it serves until Ctrl-C first.

    Raises ``Failure`` with what is missing, and ``KeyboardInterrupt`` when it is interrupted before it serves.
    """
    terminal.say("Setting up", terminal.BOLD)
    for note in [*folder.notes(), *places.notes()]:
        terminal.note(note)
    _prepare(folder.path)
    environment = options.environment(shop_url=places.shop.page, hellotext_url=places.hellotext_url)
    with Children(folder=HOME, logs=folder.path, environment=environment) as children:
        _start_all(children, options, places, folder.path)
        line = _play(children, options, places)
        if not options.exits:
            terminal.say(f"\n{line}\n", terminal.BOLD)
            _serve(children, options, places)
            terminal.say("\nClosing the shop; the worker finishes what is in hand.", terminal.DIM)
            line = "Everything has ended."
    return line


def _prepare(var: Path) -> None:
    # As the logs of the other processes, not between the lines of the story.
    log = var / "demo.log"
    open_private(log).close()
    logging.getLogger("django_hellotext").addHandler(logging.FileHandler(log, encoding="utf-8"))
    try:
        call_command("check", fail_level="ERROR", stdout=StringIO())
        call_command("migrate", verbosity=0)
        call_command("load_catalogue", verbosity=0)
        make_staff()
    except SystemCheckError as error:
        raise Failure(f"The settings are not right.\n{error}") from error
    terminal.done("The database is migrated, the catalogue is on the shelves.")


def _start_all(children: Children, options: Options, places: Places, var: Path) -> None:
    side = HellotextSide(places.hellotext_url, token=options.token)
    if places.hellotext is not None:
        place = ["--port", str(places.hellotext.number), "--state", str(var / "hellotext.json")]
        credentials = ["--token", options.token, "--business-id", options.business_id]
        emulator = children.start("hellotext", "django_hellotext.emulator", *place, *credentials)
        children.wait_until(emulator, side.is_emulator)
        terminal.done(f"The emulated Hellotext listens at {places.hellotext_url}.")
    complaint = side.complaint()
    if complaint:
        raise Failure(complaint)
    _begin_anew_with_a_new_hellotext(side)
    _sync()
    shop = ShopSide()
    server = children.start("shop", "manage.py", "runserver", "--noreload", places.shop.url.removeprefix("http://"))
    worker = children.start("worker", "manage.py", "hellotext_worker")
    children.wait_until(server, _answers(places.shop.url))
    terminal.done(f"The shop is open at {places.shop.url}.")
    children.wait_until(worker, shop.has_been_drained)
    # What an interrupted run has left behind goes first, so that it is not taken for this one's.
    abandoned_all()
    if not shop.wait_for(0, seconds=PAUSE_SECONDS, meanwhile=children.check):
        terminal.note("Something of an earlier run still waits.")
    terminal.done("The worker is at work.")


def _begin_anew_with_a_new_hellotext(side: HellotextSide) -> None:
    """An emulator that lost its memory knows none of the IDs that this database has from the last time."""
    mirrored = a_mirrored_product()
    if mirrored and not side.knows_product(mirrored):
        terminal.note(f"This Hellotext has nothing of last time: {forget_mirrors()} objects are mirrored anew.")


def _sync() -> None:
    """Bring Hellotext level with the shop: what the settings define, then the catalogue."""
    try:
        call_command("hellotext_sync", "--quiet", stdout=StringIO())
    except CommandError as error:
        raise Failure(f"hellotext_sync: {error}") from error
    terminal.done("Hellotext is level with the shop: its definitions and its catalogue are there.")


def _answers(url: str) -> Callable[[], bool]:
    def ready() -> bool:
        try:
            return session_for(url).get(url, timeout=HEALTH_SECONDS).status_code == HTTPStatus.OK
        except requests.RequestException:
            return False

    return ready


def _play(children: Children, options: Options, places: Places) -> str:
    """Play the journey, show both sides, and answer the line of figures. Raises ``Failure`` with what is missing."""
    terminal.say("\nA day in the shop", terminal.BOLD)
    story, shop = Story(), ShopSide()
    side = HellotextSide(places.hellotext_url, token=options.token)

    def pause() -> None:
        wanted = len(story.recorded)
        if not shop.wait_for(wanted, seconds=PAUSE_SECONDS, meanwhile=children.check):
            raise PageError(f"What had happened so far, {wanted} events, had not arrived in time.")

    strangers: list[str] = []
    stopped = ""
    try:
        script = HellotextJs(places.hellotext_url, options.business_id)
        strangers = travel(story, shop_url=places.shop.url, script=script, shop=shop, hellotext=side, pause=pause)
        pause()
    except (PageError, requests.RequestException) as error:
        stopped = f"The journey stopped. {error}"
    try:
        verdict = verify(story.expected, shop=shop, hellotext=side, strangers=strangers)
    except requests.RequestException as error:
        raise Failure(f"{stopped} Hellotext does not say what has arrived: {error}".strip()) from error
    terminal.out(side_by_side(story, verdict))
    if not stopped:
        messy = MessyOrders(hellotext=side)
        if not messy.arrive(seconds=PAUSE_SECONDS, meanwhile=children.check):
            verdict.complaints.append("The messy orders had not arrived in time.")
        terminal.out(messy_orders(messy.verify()))
        verdict.add(messy.verdict)
    defined, mirrored = shop.defined(), shop.mirrored()
    held = {kind: len(names & side.defines(kind)) for kind, names in defined.items()}
    held |= {kind: side.holds(kind, ids) for kind, ids in mirrored.items()}
    sent = {**defined, **mirrored}
    terminal.out(kinds(sent, held))
    missing = [kind for kind, ids in sent.items() if held[kind] != len(ids)]
    verdict.complaints += [
        f"Hellotext has {held[kind]} of {len(sent[kind])} objects of the kind {kind}." for kind in missing
    ]
    if missing:
        verdict.complaints.append(
            "If an earlier demo was killed, the emulator remembers less than the shop: "
            "remove example_project/var, begin anew."
        )
    verdict.complaints += [f"The shop has sent nothing of the kind {kind}." for kind in KIND_ORDER if kind not in sent]
    complaints = [stopped, *verdict.complaints] if stopped else verdict.complaints
    if complaints:
        raise Failure("\n".join([verdict.line, *(f"    - {complaint}" for complaint in complaints)]))
    return verdict.line


def _serve(children: Children, options: Options, places: Places) -> None:
    """Show the addresses, and keep everything running until Ctrl-C."""
    addresses = {
        "The shop": places.shop.page,
        "Its admin": f"{places.shop.page}/admin/   (name {STAFF_NAME}, password {STAFF_PASSWORD})",
        "Hellotext": places.hellotext_url + ("" if options.emulates else "   (not started by this demo)"),
    }
    for name, address in addresses.items():
        terminal.say(f"  {name:<12}{address}")
    terminal.say("\nLook around. Ctrl-C ends everything.", terminal.DIM)
    try:
        while True:
            children.check()
            time.sleep(WATCH_SECONDS)
    except KeyboardInterrupt:
        return
