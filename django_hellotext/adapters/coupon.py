"""Codes that the shop honours and Hellotext may put into messages."""

from __future__ import annotations

from typing import ClassVar

from django_hellotext.conf import hellotext_settings

from .base import Adapter
from .fields import IfPresent, Shape, Spec


class CouponAdapter(Adapter):
    """Mirrors coupons. Hellotext does not enforce the discount: the code has to work in the shop.

    ``code``: text, required, case-sensitive and unique. ``description``: text of at most 140 characters, required; it
    may be shown to customers. ``destination_url``: the public http(s) page on which the code is redeemed, required; a
    relative one is completed with ``HELLOTEXT["SITE_URL"]``. The code stands for an empty description, and the site's
    own address for a page that is empty or no address.
    """

    kind = "coupon"
    natural_key = "code"
    attributes: ClassVar = {
        "reference": Shape.TEXT,
        "code": Shape.TEXT,
        "description": Shape.TEXT,
        "destination_url": Shape.URL,
    }
    sent = ("code", "description", "destination_url")
    required = sent
    fallbacks: ClassVar = {"description": ("code",), "destination_url": (lambda obj: hellotext_settings.SITE_URL,)}
    sends_source = False
    on_delete = "delete"

    code: Spec = "code"
    description: Spec = "description"
    destination_url: Spec = IfPresent("get_absolute_url")
