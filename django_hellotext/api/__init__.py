"""The whole Hellotext API as typed methods, usable without Django's models.

::

    from django_hellotext.api import HellotextClient, Money

    client = HellotextClient(token="…")
    profile = client.profiles.create(email="will.e@acme.com")
"""

from __future__ import annotations

from .client import HellotextClient
from .pages import Page
from .response import ApiResponse
from .types import UNSET, Address, LineItem, Money, Unset, Variant

__all__ = ["UNSET", "Address", "ApiResponse", "HellotextClient", "LineItem", "Money", "Page", "Unset", "Variant"]
