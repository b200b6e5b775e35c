"""The template tags as functions for Jinja2.

``TEMPLATES = [{"BACKEND": "django.template.backends.jinja2.Jinja2", "OPTIONS": {"extensions":
["django_hellotext.jinja2.HellotextExtension"]}}]``, then ``{{ hellotext() }}``. Needs the library Jinja2.
"""

from __future__ import annotations

from typing import Any

from django.utils.safestring import SafeString
from jinja2 import Environment, pass_context
from jinja2.ext import Extension
from jinja2.runtime import Context

from . import snippet


@pass_context
def hellotext(context: Context, **options: Any) -> SafeString:
    """``{{ hellotext(webchat={"placement": "top-left"}) }}``: load Hellotext.js and initialise it."""
    return snippet.snippet(request=context.get("request"), nonce=context.get("csp_nonce"), options=options)


@pass_context
def hellotext_track(context: Context, action: str, object: Any = None, metadata: Any = None) -> SafeString:
    """``{{ hellotext_track("product.viewed", object=product) }}``: an event that the visitor's browser sends."""
    return snippet.event(action, object, request=context.get("request"), metadata=metadata)


@pass_context
def hellotext_form(context: Context, form_id: Any) -> SafeString:
    """``{{ hellotext_form("ID") }}``: the place for a form of Hellotext."""
    return snippet.form(form_id, request=context.get("request"))


@pass_context
def hellotext_webchat(context: Context, on: bool = True, **options: Any) -> SafeString:
    """``{{ hellotext_webchat(False) }}``: options of the webchat for this page alone."""
    return snippet.widget("webchat", request=context.get("request"), on=on, options=options)


@pass_context
def hellotext_whatsapp(context: Context, on: bool = True, **options: Any) -> SafeString:
    """``{{ hellotext_whatsapp(False) }}``: options of the WhatsApp widget for this page alone."""
    return snippet.widget("whatsappWidget", request=context.get("request"), on=on, options=options)


FUNCTIONS = {
    function.__name__: function
    for function in (hellotext, hellotext_track, hellotext_form, hellotext_webchat, hellotext_whatsapp)
}


class HellotextExtension(Extension):
    """Adds the functions to an environment."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.globals.update(FUNCTIONS)
