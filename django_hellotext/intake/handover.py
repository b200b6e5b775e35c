"""Hand a visitor's session over to the customer who has just become known (``hellotext-facts`` §2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

from .. import dispatch
from ..adapters import Link
from ..conf import hellotext_settings
from ..models import Session
from ..models.identity import ordering_key
from ..models.sessions import attachment_of
from ..savepoints import HostCode
from . import ledger
from .faults import report
from .impersonation import changes_account
from .ledger import alias_for
from .sessions import keep, session_of, user_of
from .subjects import is_customer, is_visitor, profile_link, refuses_to_be_seen

if TYPE_CHECKING:
    from django.http import HttpRequest


def hand_over(request: HttpRequest, user: Any, *, session: str = "") -> None:
    """Note that the visitor of ``request`` is ``user``: the server attaches the session to the profile, once.

    Called at login, which registration passes through; an order that a customer makes hands over as well (see
    ``tracking.change_of``). A staff member has no profile and keeps no session, and whoever acts as a customer, or
    goes straight from one account into another, has a browser that is somebody else's (demands G5, G6). A visitor
    who refuses to be seen browsing hands nothing over. ``session`` is one that the page has named; by default it is
    that of ``request``.
    """
    if not hellotext_settings.active:
        return
    if not isinstance(user, models.Model) or not is_customer(user):
        return
    alias = alias_for(None, user)
    try:
        with HostCode(alias):
            session, link = session or session_of(request), profile_link(user)
            if not session or link is None or changes_account(request, user):
                return
            if not is_visitor(request) or refuses_to_be_seen(request):
                return
        ledger.insert(attachment(hellotext_settings.account, session, link), using=alias, unique="identity")
    except Exception as error:
        report(error, "hand_over", using=alias)
    else:
        dispatch.wake(alias)


def accept(request: HttpRequest, session: str) -> None:
    """Take a valid ``session`` that the page has named.

    It is kept in the Django session, and attached to the customer who is logged in, never to anybody whom the page
    names. Does nothing for staff, for somebody who acts as a customer (demand G5), and for a visitor who refuses to
    be seen browsing.
    """
    if not hellotext_settings.active:
        return
    user = user_of(request)
    alias = alias_for(None, user)
    try:
        with HostCode(alias):
            if not is_visitor(request) or refuses_to_be_seen(request):
                return
        keep(request, session)
    except Exception as error:
        report(error, "accept", using=alias)
        return
    if user is not None:
        hand_over(request, user, session=session)


def attachment(account: str, session: str, link: Link) -> Session:
    """The row that asks for ``session`` to be attached to the profile that ``link`` names."""
    return Session(
        account=account,
        identity=attachment_of(account, session, link.label, link.pk),
        session=session,
        profile_label=link.label,
        profile_pk=link.pk,
        ordering_key=ordering_key(session=session),
    )
