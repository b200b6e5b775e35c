"""``{% load hellotext %}{% hellotext %}``: Hellotext.js and what a page tells it."""

from __future__ import annotations

from typing import Any

from django import template
from django.template.context import Context
from django.utils.safestring import SafeString

from django_hellotext import snippet

register = template.Library()


@register.simple_tag(takes_context=True)
def hellotext(context: Context, **options: Any) -> SafeString:
    """Load Hellotext.js and initialise it with the public Business ID; nothing while none is configured.

    ``{% hellotext locale="es" webchat=False %}``: options of the library for this page; two underscores lead inside,
    as in ``webchat__placement="top-left"``. Under a Content Security Policy the scripts carry the nonce.
    """
    return snippet.snippet(request=context.get("request"), nonce=context.get("csp_nonce"), options=options)


@register.simple_tag(takes_context=True)
def hellotext_track(context: Context, action: str, object: Any = None, metadata: Any = None) -> SafeString:
    """``{% hellotext_track "product.viewed" object=product %}``: an event that the visitor's browser sends, once."""
    return snippet.event(action, object, request=context.get("request"), metadata=metadata)


@register.simple_tag(takes_context=True)
def hellotext_form(context: Context, form_id: Any) -> SafeString:
    """``{% hellotext_form "ID" %}``: the place for a form of Hellotext."""
    return snippet.form(form_id, request=context.get("request"))


@register.simple_tag(takes_context=True)
def hellotext_webchat(context: Context, on: bool = True, **options: Any) -> SafeString:
    """``{% hellotext_webchat placement="top-left" %}``, ``{% hellotext_webchat False %}``: for this page alone."""
    return snippet.widget("webchat", request=context.get("request"), on=on, options=options)


@register.simple_tag(takes_context=True)
def hellotext_whatsapp(context: Context, on: bool = True, **options: Any) -> SafeString:
    """``{% hellotext_whatsapp number="+4930123456" %}``, ``{% hellotext_whatsapp False %}``: for this page alone."""
    return snippet.widget("whatsappWidget", request=context.get("request"), on=on, options=options)
