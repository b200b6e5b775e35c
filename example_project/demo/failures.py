"""How the demo fails."""

from __future__ import annotations


class Failure(Exception):
    """The demo did not do what it should; the message says what is missing."""


class ChildTrouble(Failure):
    """A process ended by itself, or was not ready in time; the message has the last lines of its log."""
