"""Who may call the emulator: programs and pages that name it by a host of its own.

The emulator asks for no password, and a web page can reach every server on this machine. Its browser then names the
page's origin in ``Origin``, or, after the page has pointed its own domain to this machine (DNS rebinding), that domain
in ``Host``. Neither header can be set by a page.
"""

from __future__ import annotations

import re
from collections.abc import Container
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from . import control, wire

_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::[0-9]*)?", re.ASCII | re.IGNORECASE)
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


@lru_cache(maxsize=64)
def host_name(host: str) -> str:
    """Return the name or address in the value of a ``Host`` header; raises ``ValueError`` when there is none."""
    match = _HOST.fullmatch(host)
    if match is None:
        raise ValueError("a host is a name or an address, such as hellotext or 192.0.2.1, without a scheme")
    name = (match[1] or match[2]).lower().removesuffix(".")
    try:
        return str(ip_address(name))
    except ValueError:
        return name


def complaint(request: wire.Request, *, allowed: Container[str], url: str) -> str:
    """Return why ``request`` is not answered, and what to do about it; nothing when it is welcome.

    ``allowed`` are the names beside those of the loopback interface; ``url`` is where the emulator listens. A request
    without ``Host`` does not come from a browser.
    """
    host = request.headers.get("host")
    try:
        name = None if host is None else host_name(host)
    except ValueError as error:
        return f"The Host header cannot be read: {error}. Use {url}."
    if name is not None and not _is_loopback(name) and name not in allowed:
        return (
            f"The emulator is not known as {name[:100]}. Use {url}, or allow the name: start the emulator with "
            f"--allowed-host {name[:100]}."
        )
    origin = request.headers.get("origin")
    is_control = control.owns(request.path) and request.method not in _READING
    if origin is not None and is_control and not _is_origin_of(origin, host):
        return f"Only the emulator's own page and programs may control it, no page of another origin. Use {url}."
    return ""


@lru_cache(maxsize=64)
def _is_loopback(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def _is_origin_of(origin: str, host: str | None) -> bool:
    try:
        return urlsplit(origin).netloc == host
    except ValueError:  # the brackets hold no address
        return False
