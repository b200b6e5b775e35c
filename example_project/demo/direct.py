"""HTTP to this very machine goes straight there, whatever proxies the environment names."""

from __future__ import annotations

import requests

from django_hellotext.conf import is_loopback


def session_for(url: str) -> requests.Session:
    """Return a session with no cookies; it asks no proxy for a ``url`` on loopback."""
    session = requests.Session()
    session.trust_env = not is_loopback(url)
    return session
