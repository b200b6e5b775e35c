"""Addresses on the web, written as Hellotext takes them: absolute, with a host in A-form, percent-encoded once."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, quote, urljoin, urlsplit, urlunsplit

import idna

from django_hellotext.conf import hellotext_settings

LONGEST = 2048  # characters of an address
# What stands in an address as it is: reserved and unreserved characters of RFC 3986, and escapes.
_IN_PATH = "/:@!$&'()*+,;=~-._"
_IN_QUERY = f"{_IN_PATH}?"
_CLEAN = re.compile(r"https?://[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?:/[A-Za-z0-9/:@!$&'()*+,;=~._-]*)?")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?\.?")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_AMPERSAND = re.compile(r"&(?:amp|#0*38|#[xX]0*26);")
# A path, a folder, or the name of a file: not "n/a" or "none".
_RELATIVE = re.compile(r"[/.?#]|[^\s/]{2,}/|.*\.[A-Za-z0-9]{2,5}(?:[?#].*)?$")
_BREAKS = re.compile(r"[\t\n\r]")  # browsers drop them
_LOCAL = (".localhost", ".local", ".internal")


class AddressError(ValueError):
    """A text that is no address on the web; its text says why, as a short sentence."""


class NoSiteError(AddressError):
    """A relative address, and ``HELLOTEXT["SITE_URL"]`` is not set."""


def clean(text: str) -> str:
    """Return ``text`` as an absolute http(s) address.

    A relative address is completed with ``HELLOTEXT["SITE_URL"]``. Path, query and fragment are percent-encoded where
    they hold what no address may; existing escapes and the bytes of decomposed accents stay. ``&amp;`` and ``&#038;``
    are decoded once. The host becomes ASCII (UTS 46, non-transitional).

    Raises ``AddressError`` for anything else, which Hellotext could not reach.
    """
    if _CLEAN.fullmatch(text) and "&" not in text:
        return _short_enough(text)
    address = _AMPERSAND.sub("&", _BREAKS.sub("", text.strip()))
    try:
        parts = urlsplit(f"https://{address}" if address.startswith("www.") else address)
        if not parts.scheme and _RELATIVE.match(address):
            if not hellotext_settings.SITE_URL:
                raise NoSiteError("It is relative, and HELLOTEXT['SITE_URL'] is not set.")
            parts = urlsplit(urljoin(hellotext_settings.SITE_URL, address))
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise AddressError("It is no http or https address.")
        return _short_enough(urlunsplit(_encoded(parts)))
    except AddressError:
        raise
    except ValueError:  # a port or an IPv6 host that is none, or half a character
        raise AddressError("It is no http or https address.") from None


def is_private(address: str) -> bool:
    """Return whether ``address`` names a host that only this network knows."""
    host = (urlsplit(address).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(_LOCAL):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host


def is_own(address: str) -> bool:
    """Return whether ``address`` is on the host of ``HELLOTEXT["SITE_URL"]``, such as a developer's machine."""
    site = hellotext_settings.SITE_URL
    return bool(site) and urlsplit(address).hostname == urlsplit(site).hostname


def _encoded(parts: SplitResult) -> SplitResult:
    if parts.username is not None or parts.password is not None:
        raise AddressError("It holds a user name or a password.")
    return SplitResult(
        scheme=parts.scheme,
        netloc=_netloc(parts),
        # Browsers read a backslash in a path as a slash.
        path=_escaped(parts.path.replace("\\", "/"), _IN_PATH),
        query=_escaped(parts.query, _IN_QUERY),
        fragment=_escaped(parts.fragment, _IN_QUERY),
    )


def _netloc(parts: SplitResult) -> str:
    host, port = parts.hostname or "", parts.port
    if ":" in host:
        ipaddress.IPv6Address(host)
        host = f"[{host}]"
    elif not host.isascii():
        host = idna.encode(host, uts46=True, transitional=False).decode("ascii")
    elif not _HOST.fullmatch(host):
        raise AddressError("It has no valid host.")
    return host if port is None else f"{host}:{port}"


def _escaped(text: str, safe: str) -> str:
    # A name of a file that is no UTF-8 reaches Python as surrogates that stand for its bytes.
    return quote(_STRAY_PERCENT.sub("%25", text), safe=f"{safe}%", errors="surrogateescape")


def _short_enough(address: str) -> str:
    if len(address) > LONGEST:
        raise AddressError(f"It is longer than {LONGEST} characters.")
    return address
