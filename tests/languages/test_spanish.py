"""Everything that a person reads in the admin, in an explanation or in an answer is there in Spanish."""

from __future__ import annotations

import gettext
import html
import re
from collections import Counter
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import django
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import models
from django.test import Client
from django.utils import translation

import django_hellotext
from django_hellotext.delivery import Report
from django_hellotext.delivery.advice import error_types, for_error, for_skip
from django_hellotext.delivery.explain import explain
from django_hellotext.models import (
    CHANGES,
    PROXIES,
    Account,
    Change,
    Dashboard,
    Event,
    RemoteObject,
    Session,
    SkipReason,
    State,
)
from tests.factories import make_customer, make_order, placed_order

from .texts import PACKAGE, Entry, catalogue, marked

SPANISH = PACKAGE / "locale" / "es" / "LC_MESSAGES"
HEADER, *ENTRIES = catalogue(SPANISH / "django.po")
MARKED = marked()
SAME = {"Hellotext", "URL", "UUID", "Worker"}  # in both languages
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[sdf%]|\{\w*\}")
REMEDY = "run `make messages`, translate what is new, and run it again"

Deliver = Callable[..., Report]


def placeholders(text: str) -> Counter[str]:
    return Counter(PLACEHOLDER.findall(text))


# The catalogue


def test_the_marks_are_found() -> None:
    assert len(MARKED) > 250
    assert {"Yes, do it", "Home"} <= {mark.text for mark in MARKED if "confirm.html" in mark.place}


def test_every_marked_text_is_a_literal() -> None:
    """A text that is put together cannot be collected."""
    assert [mark.place for mark in MARKED if mark.text is None] == []


def test_what_is_marked_at_import_is_translated_when_it_is_shown() -> None:
    assert [mark.place for mark in MARKED if mark.at_import and not mark.lazy] == []


def test_every_text_of_the_source_is_in_the_catalogue() -> None:
    known = {(entry.id, entry.plural) for entry in ENTRIES}
    missing = {f"{mark.place} {mark.text!r}" for mark in MARKED if (mark.text, mark.plural) not in known}
    assert not missing, REMEDY


def test_the_catalogue_holds_nothing_else() -> None:
    wanted = {(mark.text, mark.plural) for mark in MARKED}
    assert {entry.id for entry in ENTRIES if (entry.id, entry.plural) not in wanted} == set(), REMEDY


def test_every_text_is_translated() -> None:
    assert [entry.id for entry in ENTRIES if not entry.texts or not all(entry.texts)] == []
    assert [entry.id for entry in ENTRIES if "fuzzy" in entry.flags] == []
    assert {re.sub(r"CSV<.*", "", entry.id) for entry in ENTRIES if entry.id in entry.texts} <= {*SAME, ""}


def test_the_placeholders_are_those_of_the_source() -> None:
    for entry in ENTRIES:
        for text in entry.texts:
            assert placeholders(text) == placeholders(entry.plural or entry.id), entry.id


def test_spaces_and_the_last_sign_are_those_of_the_source() -> None:
    for entry in ENTRIES:
        for text in entry.texts:
            assert text == text.strip() or entry.id != entry.id.strip(), entry.id
            assert (text[-1] in ".:?!…") == (entry.id[-1] in ".:?!…"), entry.id


def test_counted_texts_have_every_form_of_spanish() -> None:
    of_django = catalogue(Path(django.__file__).parent / "conf" / "locale" / "es" / "LC_MESSAGES" / "django.po")[0]
    rule = re.compile(r"Plural-Forms: (.*?)\n")
    ours, theirs = rule.search(HEADER.texts[0]), rule.search(of_django.texts[0])
    assert ours is not None
    assert theirs is not None
    assert ours[1] == theirs[1]
    assert {len(entry.texts) for entry in ENTRIES if entry.plural} == {3}


def test_what_is_compiled_is_what_is_written() -> None:
    with (SPANISH / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]  # typeshed leaves it out
    compiled.pop("")  # its dates are left out
    written: dict[Any, str] = {}
    for entry in ENTRIES:
        if entry.plural:
            written |= {(entry.id, number): text for number, text in enumerate(entry.texts)}
        else:
            written[entry.id] = entry.texts[0]
    assert compiled == written, REMEDY


def test_a_word_that_django_has_too_keeps_djangos_translation() -> None:
    """Catalogues are merged: another word here would change the admin's own pages."""
    root = Path(django.__file__).parent
    paths = [root / "conf/locale/es/LC_MESSAGES/django.mo", *root.glob("contrib/*/locale/es/LC_MESSAGES/django.mo")]
    theirs: dict[Any, set[str]] = {}
    for path in paths:
        with path.open("rb") as file:
            for key, text in gettext.GNUTranslations(file)._catalog.items():  # type: ignore[attr-defined]  # as above
                theirs.setdefault(key, set()).add(text)
    shared = [entry for entry in ENTRIES if entry.id in theirs]
    assert shared
    assert [entry.id for entry in shared if entry.texts[0] not in theirs[entry.id]] == []


# The pages


@pytest.fixture
def in_spanish(settings: Any) -> Iterator[None]:
    settings.LANGUAGE_CODE = "es"
    with translation.override("es"):
        yield


@pytest.fixture
def operator(client: Client, in_spanish: None) -> Client:
    with django_hellotext.paused():
        client.force_login(User.objects.create_superuser("operator"))
    return client


def english_in(page: str) -> list[str]:
    """Texts of ours that stand in the page as they stand in the source."""
    shown = html.unescape(re.sub(r"<script.*?</script>|<style.*?</style>", "", page, flags=re.DOTALL))
    sentences = [entry for entry in ENTRIES if entry.id not in entry.texts and " " in entry.id]
    return [entry.id for entry in sentences if any(part in shown for part in _literal_parts(entry))]


def _literal_parts(entry: Entry) -> list[str]:
    """What stands between the placeholders, where it is long enough to be telling."""
    return [part for part in PLACEHOLDER.split(entry.id) if len(part.split()) > 1 and len(part) > 9]


def read(client: Client, address: str, data: dict[str, Any] | None = None) -> str:
    answer = client.get(address) if data is None else client.post(address, data)
    assert answer.status_code == 200, address
    return answer.content.decode()


def page_of(model: type[models.Model], page: str = "") -> str:
    return f"/admin/django_hellotext/{model._meta.model_name}/{page}"


def refused_order() -> Any:
    return make_order(number="", status="placed", customer=make_customer())


@pytest.mark.django_db
def test_the_finder_of_english_finds_english(deliver: Deliver, client: Client) -> None:
    refused_order()
    deliver()
    client.force_login(User.objects.create_superuser("operator"))
    found = english_in(read(client, page_of(Event, f"{Event.objects.get().pk}/change/")))
    assert "It was refused, and waits for a person." in found
    assert "needs attention" in english_in(read(client, page_of(Event)))


@pytest.mark.django_db
def test_no_page_holds_an_english_text_of_ours(deliver: Deliver, operator: Client) -> None:
    placed_order(customer=make_customer())
    deliver()
    refused_order()
    django_hellotext.track("page.viewed", session="of-a-visitor", url="https://shop.example/")
    deliver()
    shown: list[Any] = [Event, *PROXIES, Session, Change, Account]
    for model in shown:
        pages = [page_of(model)]
        pages += [page_of(model, f"{row.pk}/change/") for row in model._default_manager.all()]
        for address in pages:
            assert english_in(read(operator, address)) == [], address


@pytest.mark.django_db
@pytest.mark.parametrize("busy", [False, True])
def test_the_dashboard_holds_no_english_text_of_ours(deliver: Deliver, operator: Client, busy: bool) -> None:
    if busy:
        refused_order()
        placed_order(customer=make_customer())
        deliver()
        with pytest.raises(CommandError, match="not in step"):
            call_command("hellotext_sync", check=True, stdout=StringIO(), stderr=StringIO())
    assert english_in(read(operator, page_of(Dashboard))) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("model", "action"),
    [
        *((Event, name) for name in ("send_again", "send_now", "do_not_send", "replay_alike", "look_now")),
        (PROXIES[0], "sync_now"),
        (Session, "release"),
        (Account, "resume"),
    ],
)
def test_a_question_is_asked_in_spanish(deliver: Deliver, operator: Client, model: Any, action: str) -> None:
    placed_order(customer=make_customer())
    django_hellotext.track("page.viewed", profile=make_customer(), session="of-a-visitor", url="https://a.example/")
    deliver()
    rows = model._default_manager.all()
    assert rows
    data = {"action": action, "_selected_action": [row.pk for row in rows]}
    assert english_in(read(operator, page_of(model), data)) == []
    answer = operator.post(page_of(model), {**data, "confirmed": "1", "note": "x"}, follow=True)
    said = " ".join(str(message) for message in answer.context["messages"])
    assert said
    assert english_in(said) == []


@pytest.mark.django_db
def test_an_explanation_is_in_spanish_in_every_state(deliver: Deliver, in_spanish: None) -> None:
    order = refused_order()
    deliver()
    mirror = RemoteObject.objects.get(kind="order")
    for state in [state for state in State if state not in CHANGES]:
        RemoteObject.objects.filter(pk=mirror.pk).update(state=state)
        mirror.refresh_from_db()
        for what in (mirror, order, Event.objects.get()):
            text = str(explain(what))
            assert english_in(text) == [], text
    assert "Fue rechazado y espera a que alguien lo atienda." in str(explain(Event.objects.get()))


def test_every_advice_is_in_spanish(in_spanish: None) -> None:
    said = [for_error(name, 422) for name in error_types()] + [for_skip(reason) for reason in SkipReason]
    assert english_in("\n".join(said)) == []
    assert len(said) > 30


@pytest.mark.parametrize(
    ("count", "said"), [(1, "1 registro."), (2, "2 registros."), (1_000_000, "1000000 de registros.")]
)
def test_numbers_have_their_form(in_spanish: None, count: int, said: str) -> None:
    text = translation.ngettext("%(action)s: %(count)d row.", "%(action)s: %(count)d rows.", count)
    assert text % {"action": "x", "count": count} == f"x: {said}"


@pytest.mark.parametrize("region", ["es-ar", "es-co", "es-mx", "es-ni", "es-ve", "es-cl", "es-us"])
def test_every_region_speaks_spanish(region: str) -> None:
    with translation.override(region):
        assert str(State.PENDING.label) == "en espera"
        text = translation.ngettext("%d row waits to be sent again.", "%d rows wait to be sent again.", 2)
        assert text % 2 == "2 registros quedan a la espera de enviarse de nuevo."
