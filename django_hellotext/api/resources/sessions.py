"""Joining an anonymous browser session to a profile."""

from __future__ import annotations

from django_hellotext.api.arguments import Arguments, segment
from django_hellotext.api.types.people import Session

from .base import Resource


class Sessions(Resource):
    """The one operation on sessions."""

    def attach(self, session: str, *, profile: str) -> Session:
        """Attach a session (a UUID made by Hellotext.js, or the ID of a short link) to a profile (``attach_session``).

        Only on an identity the customer has proven, and never to move a session. Success cannot be read off the
        status: ``attached`` False means that it belongs to nobody; True does not prove that it belongs to ``profile``.
        Raises NotFound until the browser has sent something with this session.
        """
        body = Arguments()
        body.identifier("profile", profile)
        return self._call("PATCH", f"/v1/sessions/{segment('session', session)}", Session.from_json, json=body.values)
