"""Whether Hellotext answers, accepts the token, knows the Business ID, and has the same time."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from urllib.parse import quote, urlsplit

from requests.utils import get_environ_proxies, select_proxy

from .. import clock
from ..api import HellotextClient
from ..api.response import ApiResponse
from ..conf import hellotext_settings
from ..delivery.reconcile import CLOCK_SKEW
from ..exceptions import (
    ApiError,
    AuthenticationError,
    ConnectionFailed,
    InvalidResponse,
    NotFound,
    OutcomeUnknown,
    PermissionDenied,
    RateLimited,
    ServerError,
)
from .findings import Finding, error, ok, skipped, warning

PATIENCE = 10.0  # seconds for one question
SLOW = 3.0  # seconds; each of the worker's requests takes as long
SKEW = 30.0  # seconds


def examine_credentials(using: str, client: HellotextClient | None) -> Iterator[Finding]:
    """Ask Hellotext the cheapest question there is, then what it knows of the business."""
    if client is None:
        return
    asking = client.with_options(deadline=min(PATIENCE, hellotext_settings.DEADLINE))
    try:
        answer = asking.request("GET", "/v1/profiles", params={"limit": 1})
    except ApiError as failure:
        yield trouble(failure)
        return
    yield _accepted(answer)
    yield clock_skew(answer)
    yield business(asking)


def _accepted(answer: ApiResponse) -> Finding:
    if answer.duration > SLOW:
        return warning(
            "credentials.slow",
            f"Hellotext accepts the token, after {answer.duration:.1f} seconds",
            "Every request of the worker takes as long; a backlog shrinks slowly.",
            "Look at the network and a proxy between here and Hellotext. More CONCURRENCY helps a little.",
        )
    return ok("credentials.accepted", f"Hellotext accepts the token, in {answer.duration:.1f} seconds")


def trouble(failure: ApiError) -> Finding:
    """What it means that Hellotext could not be asked."""
    host = urlsplit(hellotext_settings.BASE_URL).hostname or ""
    if isinstance(failure, AuthenticationError):
        return error(
            "credentials.refused",
            "Hellotext does not accept the token (401)",
            "HELLOTEXT['API_TOKEN'] is unknown or revoked. Everything waits, and nothing is lost.",
            "Copy the token from the settings of your Hellotext account; workers notice a new one when restarted.",
        )
    if isinstance(failure, PermissionDenied):
        return error(
            "credentials.forbidden",
            "Hellotext knows the token and does not let it in (403)",
            "The token has no right to this, or the plan does not include the API.",
            "Ask Hellotext what the plan and this token allow; then resume the account in the admin.",
        )
    if isinstance(failure, RateLimited):
        return warning(
            "credentials.rate_limited",
            "Hellotext asks for fewer requests (429)",
            "The worker pauses and goes on by itself; the token was not judged.",
            "If it lasts, set HELLOTEXT['RATE'] to fewer requests a second.",
        )
    if isinstance(failure, ServerError):
        return error(
            "credentials.hellotext_fails",
            f"Hellotext answers with an error of its own ({failure.status})",
            "It is down or overloaded. The worker pauses and goes on by itself; nothing is lost.",
            "Wait. If it lasts, ask Hellotext, with the time.",
        )
    if isinstance(failure, ConnectionFailed):
        return _unconnected(failure, host)
    if isinstance(failure, OutcomeUnknown):
        return error(
            "credentials.no_answer",
            f"{host} was reached, and did not answer in time",
            "The connection was made, and then came silence. Something in between may swallow the request.",
            "Try again in a minute. If it lasts, look at proxies and firewalls between here and Hellotext.",
        )
    if isinstance(failure, NotFound | InvalidResponse):
        return error(
            "credentials.not_hellotext",
            f"What answers at {host} does not speak as Hellotext does",
            "A page that is missing, a redirect, or something that is no JSON: perhaps a proxy, or another site.",
            "Compare HELLOTEXT['BASE_URL'] with https://api.hellotext.com, and leave /v1 out of it.",
        )
    return error(
        "credentials.unexpected",
        f"Hellotext refused the question ({failure.status})",
        "It should answer this one for every token.",
        "Compare HELLOTEXT['BASE_URL']; then ask Hellotext, with the time.",
    )


def _unconnected(failure: ConnectionFailed, host: str) -> Finding:
    reason = str(failure.args[0] if failure.args else "").lower()
    if "ssl" in reason or "certificate" in reason or "tls" in reason:
        return error(
            "credentials.tls",
            f"No trusted connection to {host} (TLS)",
            "Its certificate was not accepted, or it does not speak TLS. The token was not sent.",
            "Update the CA certificates; behind an inspecting proxy name its CA in REQUESTS_CA_BUNDLE.",
        )
    if "proxy" in reason or _goes_by_proxy():
        return error(
            "credentials.proxy",
            f"The proxy to {host} does not let us through",
            "The environment names a proxy (HTTPS_PROXY), and it refused or could not be reached.",
            "Correct HTTPS_PROXY, or name the host in NO_PROXY.",
        )
    if "gaierror" in reason or "nameresolution" in reason or "resolve" in reason:
        return error(
            "credentials.unknown_host",
            f"The name {host} cannot be looked up",
            "The name server of this machine does not know it, or does not answer.",
            "Check HELLOTEXT['BASE_URL'] for a misspelling, and the DNS of this machine or container.",
        )
    if "timed out" in reason or "timeout" in reason or "too long" in reason:
        return error(
            "credentials.connect_timeout",
            f"{host} does not take a connection in time",
            "Packets disappear, as a firewall makes them do.",
            "Allow outgoing HTTPS (port 443) from this machine to Hellotext.",
        )
    return error(
        "credentials.unreachable",
        f"{host} refuses the connection",
        "Nothing listens there, or a firewall says no.",
        "Check HELLOTEXT['BASE_URL'], and that this machine may reach it.",
    )


def _goes_by_proxy() -> bool:
    """Whether the carrier, which asks ``requests``, goes by a proxy of the environment."""
    address = hellotext_settings.BASE_URL
    return bool(select_proxy(address, get_environ_proxies(address)))


def clock_skew(answer: ApiResponse) -> Finding:
    """Our clock beside Hellotext's. Events carry the time of our clock; a second look for one goes by it, too."""
    try:
        theirs = parsedate_to_datetime(answer.headers.get("date", ""))
        ahead = (clock.now() - theirs).total_seconds() - answer.duration / 2
    except (TypeError, ValueError):
        return skipped(
            "clock.unknown",
            "the clock of this machine beside Hellotext's",
            "The answer of Hellotext did not say the time.",
        )
    if abs(ahead) <= SKEW:
        return ok("clock.in_step", "The clocks of this machine and of Hellotext agree")
    direction = "ahead" if ahead > 0 else "behind"
    title = f"The clock of this machine is {abs(ahead):.0f} seconds {direction}"
    meaning = "Each event says by this clock when it happened. Playbooks that wait for a time go by it."
    advice = "Let the machine set its clock by NTP (timedatectl set-ntp true)."
    if abs(ahead) <= CLOCK_SKEW.total_seconds():
        return warning("clock.skewed", title, meaning, advice)
    meaning += " " + "So far off, an event whose answer was lost may not be found again, and be sent twice."
    return error("clock.wrong", title, meaning, advice)


def business(client: HellotextClient) -> Finding:
    """Whether there is such a business. Whether the token is of it no answer of the API tells."""
    id = hellotext_settings.BUSINESS_ID
    try:
        # Public, as the page asks it: the Business ID itself is the bearer.
        asking = HellotextClient(
            token=id,
            base_url=client.base_url,
            backend=client.backend,
            deadline=min(PATIENCE, hellotext_settings.DEADLINE),
            allow_http=hellotext_settings.ALLOW_HTTP,
        )
        asking.request("GET", f"/v1/public/businesses/{quote(id, safe='')}")
    except (AuthenticationError, NotFound):
        return error(
            "business.unknown",
            f"Hellotext knows no business {id!r}",
            "Pages that load Hellotext.js with this Business ID collect nothing.",
            "Copy the Business ID from the settings of the Hellotext account that the token is of.",
        )
    except ApiError as failure:
        return skipped(
            "business.not_asked",
            f"The Business ID could not be looked up ({type(failure).__name__})",
            "The public part of the API did not answer; the rest is not affected.",
        )
    return ok(
        "business.known",
        f"Hellotext knows the business {id!r}",
        "Whether the token belongs to it the API does not say: compare both with the settings of one account.",
    )
