"""Options, nonces, Jinja2: what the tags make of what they are given."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

import django
import pytest
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.template import Context, Template, engines
from django.template.backends.jinja2 import Jinja2
from django.test import Client, RequestFactory
from django.urls import path
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy, override
from django.views.decorators.cache import cache_page
from django.views.decorators.vary import vary_on_headers
from markupsafe import Markup

from django_hellotext import js, snippet
from django_hellotext.conf import HELLOTEXT_JS_URL, hellotext_settings
from django_hellotext.intake.sessions import valid_session
from tests.needs import needed_module

TAG = "{% load hellotext %}{% hellotext %}"


def private(request: HttpRequest) -> HttpResponse:
    """A checkout on another domain, which hands the session on."""
    tag = "{% load hellotext %}{% hellotext session=session %}"
    return HttpResponse(engines["django"].from_string(tag).render({"session": request.GET["session"]}, request))


def public(request: HttpRequest) -> HttpResponse:
    """A page like any other."""
    return HttpResponse(engines["django"].from_string(TAG).render({}, request))


urlpatterns = [
    path("private/", cache_page(600)(private)),
    path("public/", public),
    path("catalogue/", cache_page(600)(vary_on_headers("Sec-GPC")(public))),
]


@pytest.fixture(autouse=True)
def pages(settings: Any, own_cache: None) -> Any:
    settings.ROOT_URLCONF = __name__
    settings.HELLOTEXT = {"BUSINESS_ID": "shop-1", "RAISE_ERRORS": True}
    return settings


def rendered(template: str, **context: Any) -> str:
    context.setdefault("request", RequestFactory().get("/"))
    return Template("{% load hellotext %}" + template).render(Context(context))


def data(html: str, kind: str) -> Any:
    [found] = re.findall(rf'<script id="hellotext-{kind}[-0-9a-f]*" type="application/json">(.*?)</script>', html)
    return json.loads(found)


def options(html: str) -> Any:
    return data(html, "config")["options"]


# Options


def test_options_of_the_settings_reach_the_library_and_those_of_loading_do_not(pages: Any) -> None:
    pages.HELLOTEXT["JS"] = {
        "inline": True,
        "integrity": "sha384-abc",
        "autoGenerateSession": False,
        "forms": {"successMessage": "Thank you"},
        "webchat": {"placement": "top-left"},
        "whatsappWidget": False,
    }
    html = rendered("{% hellotext %}")
    assert options(html) == {
        "autoGenerateSession": False,
        "forms": {"successMessage": "Thank you"},
        "webchat": {"placement": "top-left"},
        "whatsappWidget": False,
    }
    assert 'integrity="sha384-abc" crossorigin="anonymous"' in html


def test_what_a_page_says_wins_and_the_rest_of_a_group_stays(pages: Any) -> None:
    pages.HELLOTEXT["JS"] = {"webchat": {"placement": "top-left", "mode": "modal"}, "locale": "en"}
    html = rendered('{% hellotext webchat__placement="top-right" webchat__appearance__header__name="Hi" locale="es" %}')
    assert options(html) == {
        "webchat": {"placement": "top-right", "mode": "modal", "appearance": {"header": {"name": "Hi"}}},
        "locale": "es",
    }
    assert options(rendered("{% hellotext webchat=False %}"))["webchat"] is False


def test_an_api_root_of_the_settings_wins_over_the_base_url(pages: Any) -> None:
    pages.HELLOTEXT |= {"BASE_URL": "http://127.0.0.1:4010", "JS": {"apiRoot": "https://api.example/v1"}}
    assert options(rendered("{% hellotext %}")) == {"apiRoot": "https://api.example/v1"}


@pytest.mark.parametrize("rule", js.LIBRARY)
def test_every_option_is_in_the_reference(rule: str) -> None:
    from tests.docs.pages import read

    page = read("reference/tags.md")

    def named(rules: js.Rules, inside: str) -> list[str]:
        found = []
        for name, inner in rules.items():
            found += named(inner.rules, f"{inside}{name}.") if isinstance(inner, js.Group) else [f"{inside}{name}"]
        return found

    for option in named({rule: js.LIBRARY[rule]}, ""):
        assert f"`{option}`" in page or f"`.{option.rpartition('.')[2]}`" in page


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ('{% hellotext webchat__placement="middle" %}', "webchat.placement must be one of top-left"),
        ("{% hellotext webchat=True %}", "webchat must be False or a dict of options"),
        ('{% hellotext locael="es" %}', "locael: did you mean locale?"),
        ("{% hellotext session='no session!' %}", "session must be a session"),
        ('{% hellotext inline="x" %}', "unknown option inline"),
        ('{% hellotext_webchat mode="window" %}', "webchat.mode must be one of modal, popover"),
        ('{% hellotext_webchat webchat="x" %}', "unknown option webchat.webchat"),
        ("{% hellotext_whatsapp number=49 %}", "whatsappWidget.number must be text"),
        ('{% hellotext webchat=False webchat__mode="modal" %}', "and webchat as well"),
        ('{% hellotext webchat__mode="modal" webchat=False %}', "webchat is given twice"),
    ],
)
def test_a_wrong_option_of_a_tag_is_named_and_left_out(
    pages: Any, caplog: pytest.LogCaptureFixture, tag: str, words: str
) -> None:
    with pytest.raises(TypeError, match=re.escape(words)):
        rendered(tag)
    pages.HELLOTEXT["RAISE_ERRORS"] = False
    with caplog.at_level(logging.ERROR, "django_hellotext"):
        html = rendered(tag)
    assert {record.message for record in caplog.records} == {"snippet.wrong_option"}
    assert words in caplog.text
    assert options(html) == {} if tag.startswith("{% hellotext ") else html == ""


def test_a_right_option_beside_a_wrong_one_is_used(pages: Any) -> None:
    pages.HELLOTEXT["RAISE_ERRORS"] = False
    assert options(rendered('{% hellotext locale="es" webchat=7 %}')) == {"locale": "es"}


def test_a_variable_that_is_not_there_is_no_option() -> None:
    assert options(rendered("{% hellotext locale=None %}")) == {}


@pytest.mark.parametrize("translated", ['_("Yes")', "yes"])
def test_a_text_may_be_a_translation(translated: str) -> None:
    """A constant in ``_()`` reaches a tag as a promise."""
    with override("es"):
        html = rendered(f"{{% hellotext webchat__appearance__header__name={translated} %}}", yes=gettext_lazy("Yes"))
    assert options(html) == {"webchat": {"appearance": {"header": {"name": "Sí"}}}}


def test_a_text_of_the_settings_may_be_a_translation_and_speaks_the_pages_language(pages: Any) -> None:
    pages.HELLOTEXT["JS"] = {"forms": {"successMessage": gettext_lazy("Yes")}}
    assert hellotext_settings.problems() == []
    for language, text in {"en": "Yes", "es": "Sí"}.items():
        with override(language):
            assert options(rendered("{% hellotext %}")) == {"forms": {"successMessage": text}}


def test_a_dict_of_options_that_pages_share_is_left_as_it_is() -> None:
    shared = {"style": {"primaryColor": "#000000"}}
    tag = '{% hellotext webchat=shared webchat__style__secondaryColor="#ffffff" %}'
    both = {"webchat": {"style": {"primaryColor": "#000000", "secondaryColor": "#ffffff"}}}
    assert [options(rendered(tag, shared=shared)) for _ in range(2)] == [both, both]
    assert shared == {"style": {"primaryColor": "#000000"}}


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("<img src=x onerror=hack()>", "&lt;img src=x onerror=hack()&gt;"),
        (gettext_lazy("<b>x</b>"), "&lt;b&gt;x&lt;/b&gt;"),
        (mark_safe("<b>Thank you</b>"), "<b>Thank you</b>"),
        (True, True),
    ],
)
def test_a_message_of_a_form_is_text_unless_it_is_marked_safe(message: Any, told: Any) -> None:
    """H3: the library sets ``innerHTML`` to it"""
    assert options(rendered("{% hellotext forms__successMessage=it %}", it=message)) == {
        "forms": {"successMessage": told}
    }


def test_the_widgets_of_a_page_are_told_beside_the_library() -> None:
    assert data(rendered("{% hellotext_webchat False %}"), "options") == {"webchat": False}
    html = rendered(
        '{% hellotext_whatsapp number="+4930123" appearance__launcher__iconUrl="https://x.example/i.png" %}'
    )
    assert data(html, "options") == {
        "whatsappWidget": {"number": "+4930123", "appearance": {"launcher": {"iconUrl": "https://x.example/i.png"}}}
    }
    assert rendered("{% hellotext_webchat %}") == ""


def test_only_the_two_widgets_have_options_of_their_own() -> None:
    with pytest.raises(ValueError, match="none of webchat, whatsappWidget"):
        snippet.widget("forms", options={})


@pytest.mark.parametrize("form_id", ["", None, "   "])
def test_a_form_without_an_id_is_no_form(form_id: Any) -> None:
    assert rendered("{% hellotext_form it %}", it=form_id) == ""
    assert rendered("{% hellotext_form it %}", it="f1") == '<form data-hello-form="f1"></form>'


# A session in the page


@pytest.mark.django_db
def test_a_page_with_somebodys_session_is_nobody_elses() -> None:
    """H2"""
    answers = [Client().get(f"/private/?session={name}") for name in ("first", "first")]
    for answer in answers:
        assert options(answer.content.decode()) == {"session": "first"}
        assert "private" in answer.headers["Cache-Control"]
        assert "Cookie" in answer.headers["Vary"]
    assert not [key for key in cache._cache if "cache_page" in key]  # type: ignore[attr-defined]  # of this back end
    assert "Vary" not in Client().get("/public/").headers


# Without any script in the page


def test_without_inline_scripts_the_page_holds_data_and_names_two_files(pages: Any) -> None:
    """H1"""
    pages.HELLOTEXT["JS"] = {"inline": False}
    html = rendered("{% hellotext %}")
    scripts = re.findall(r"<script([^>]*)>([^<]*)</script>", html)
    assert [attributes for attributes, _ in scripts] == [
        ' id="hellotext-config" type="application/json"',
        f' src="{HELLOTEXT_JS_URL}" async data-hellotext-library',
        ' src="/static/django_hellotext/hellotext.js" async',
    ]
    assert [text for _, text in scripts[1:]] == ["", ""]


def test_a_script_that_was_not_collected_costs_the_library_and_not_the_page(
    pages: Any, caplog: pytest.LogCaptureFixture
) -> None:
    pages.HELLOTEXT |= {"JS": {"inline": False}, "RAISE_ERRORS": False}
    pages.STORAGES = {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
    }
    pages.STATIC_ROOT = "/nowhere"
    with caplog.at_level(logging.ERROR, "django_hellotext"):
        assert rendered("{% hellotext %}|page") == "|page"
    assert [record.message for record in caplog.records] == ["snippet.static_failed"]


def test_both_modes_run_the_same_text() -> None:
    """H3"""
    from django.contrib.staticfiles import finders

    found = finders.find("django_hellotext/hellotext.js")
    assert isinstance(found, str)
    with open(found, encoding="utf-8") as file:
        text = file.read()
    [(_, inline)] = re.findall(r"<script(>)(.*?)</script>", rendered("{% hellotext %}"), re.DOTALL)
    assert inline.strip()
    assert text.endswith(inline + "\n")
    assert "</" not in inline
    assert "<!--" not in inline


# Nonces


class Failing:
    """A nonce that cannot be made."""

    def __str__(self) -> str:
        raise LookupError("no entropy")


def test_a_nonce_that_fails_costs_the_nonce_and_not_the_page(pages: Any, caplog: pytest.LogCaptureFixture) -> None:
    pages.HELLOTEXT["RAISE_ERRORS"] = False
    with caplog.at_level(logging.ERROR, "django_hellotext"):
        html = rendered("{% hellotext %}", csp_nonce=Failing())
    assert "nonce=" not in html
    assert options(html) == {}
    assert [record.message for record in caplog.records] == ["snippet.nonce_failed"]


@pytest.mark.django_db
@pytest.mark.parametrize("inline", [True, False])
def test_the_nonce_of_django_csp_is_found_by_itself(pages: Any, inline: bool) -> None:
    """H1"""
    csp = needed_module("csp.constants")
    pages.HELLOTEXT["JS"] = {"inline": inline}
    pages.MIDDLEWARE = ["csp.middleware.CSPMiddleware", *pages.MIDDLEWARE]
    pages.CONTENT_SECURITY_POLICY = {"DIRECTIVES": {"script-src": [csp.NONCE]}}
    response = Client().get("/public/")
    found = re.search(r"'nonce-([^']+)'", response.headers["Content-Security-Policy"])
    assert found
    assert re.findall(r'nonce="([^"]+)"', response.content.decode()) == [found[1], found[1]]


@pytest.mark.django_db
@pytest.mark.skipif(django.VERSION < (6, 0), reason="Content Security Policy came with Django 6.0")
def test_the_nonce_of_django_is_found_without_a_context_processor(pages: Any) -> None:
    """H1"""
    pages.MIDDLEWARE = ["django.middleware.csp.ContentSecurityPolicyMiddleware", *pages.MIDDLEWARE]
    pages.SECURE_CSP = {"script-src": ["<CSP_NONCE_SENTINEL>"]}
    response = Client().get("/public/")
    found = re.search(r"'nonce-([^']+)'", response.headers["Content-Security-Policy"])
    assert found
    assert re.findall(r'nonce="([^"]+)"', response.content.decode()) == [found[1], found[1]]


# Jinja2


@pytest.fixture
def jinja() -> Jinja2:
    extensions = {"extensions": ["django_hellotext.jinja2.HellotextExtension"], "autoescape": True}
    return Jinja2({"NAME": "jinja2", "DIRS": [], "APP_DIRS": False, "OPTIONS": extensions})


@pytest.mark.parametrize(
    ("for_jinja", "for_django"),
    [
        ("{{ hellotext() }}", "{% hellotext %}"),
        (
            '{{ hellotext(webchat={"placement": "top-left"}, locale="es") }}',
            '{% hellotext webchat__placement="top-left" locale="es" %}',
        ),
        ('{{ hellotext_track("page.viewed") }}', '{% hellotext_track "page.viewed" %}'),
        ('{{ hellotext_form("<f1>") }}', '{% hellotext_form "<f1>" %}'),
        ("{{ hellotext_webchat(False) }}", "{% hellotext_webchat False %}"),
        ('{{ hellotext_whatsapp(number="+49") }}', '{% hellotext_whatsapp number="+49" %}'),
    ],
)
def test_jinja2_has_the_same_functions(jinja: Jinja2, for_jinja: str, for_django: str) -> None:
    request = RequestFactory().get("/")
    request.csp_nonce = "n0nce"  # type: ignore[attr-defined]  # as django-csp sets it
    html = jinja.from_string(for_jinja).render({}, request)
    assert html == rendered(for_django, request=request)
    assert html


def test_jinja2_escapes_the_message_of_a_form_too(jinja: Jinja2) -> None:
    """H3"""
    tag = jinja.from_string("{{ hellotext(forms={'successMessage': it}) }}")
    for message, told in [("<b>x</b>", "&lt;b&gt;x&lt;/b&gt;"), (Markup("<b>x</b>"), "<b>x</b>")]:
        html = tag.render({"it": message}, RequestFactory().get("/"))
        assert options(html) == {"forms": {"successMessage": told}}


def test_jinja2_asks_for_consent_too(jinja: Jinja2, pages: Any) -> None:
    """H4"""
    pages.HELLOTEXT["CONSENT"] = lambda request, purpose, subject: False
    assert jinja.from_string("{{ hellotext() }}|page").render({}, RequestFactory().get("/")) == "|page"


# Pages of errors


def test_a_page_without_a_request_asks_the_hook_without_one(pages: Any) -> None:
    """H4: as the page of a server error is rendered"""
    assert options(Template(TAG).render(Context())) == {}
    pages.HELLOTEXT["CONSENT"] = lambda request, purpose, subject: request.COOKIES["cookies"] == "yes"
    pages.HELLOTEXT["RAISE_ERRORS"] = False
    assert Template(TAG + "|page").render(Context()) == "|page"


@pytest.mark.parametrize("nothing", ["undefined", "null"])
def test_what_the_library_writes_for_no_session_is_none(nothing: str) -> None:
    """G1: it would make all visitors one"""
    assert valid_session(nothing) == ""


@pytest.mark.parametrize("first", ["", "1"])
def test_a_cached_page_follows_who_signals_a_refusal(first: str) -> None:
    """Demand I2: as ``how-to/browser-events.md`` says it; the cache keeps one page with the tag and one without."""

    def seen(signal: str) -> bool:
        response = Client().get("/catalogue/", headers={"Sec-GPC": signal} if signal else {})
        return b"<script" in response.content

    for signal in (first, "1", "", "1"):
        assert seen(signal) is (signal == "")
