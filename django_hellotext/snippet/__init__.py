"""What stands in a page: Hellotext.js, the page's events, forms. The same bytes for every visitor (demand H2).

Plain functions; the template tags and the functions for Jinja2 are thin shells over them.
"""

from __future__ import annotations

from .elements import form, widget
from .events import event
from .library import ELEMENT_ID, snippet

__all__ = ["ELEMENT_ID", "event", "form", "snippet", "widget"]
