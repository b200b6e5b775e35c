"""Admin pages: what waits, what arrived, and why something did not. Read-only: the rows are the truth."""

from __future__ import annotations

from .dashboard import DashboardAdmin
from .mixin import HellotextAdminMixin
from .pages import AccountAdmin, ChangeAdmin, EventAdmin, RemoteObjectAdmin, SessionAdmin
from .people import ProfileAdmin

__all__ = [
    "AccountAdmin",
    "ChangeAdmin",
    "DashboardAdmin",
    "EventAdmin",
    "HellotextAdminMixin",
    "ProfileAdmin",
    "RemoteObjectAdmin",
    "SessionAdmin",
]
