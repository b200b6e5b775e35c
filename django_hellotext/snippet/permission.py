"""Whether anything of ours may stand in a page."""

from __future__ import annotations

from typing import Any

from .. import consent
from ..actions import Purpose
from ..conf import hellotext_settings

MEMORY = "_hellotext_page_consent"


def is_allowed(request: Any | None) -> bool:
    """Whether a Business ID is configured and the visitor does not refuse to be seen browsing (demand H4).

    Asks the same consent as the server. The tags of one page get one answer: the library never comes without the
    events, nor they without it.
    """
    if not hellotext_settings.BUSINESS_ID or hellotext_settings.problems():
        return False
    remembered = getattr(request, MEMORY, None)
    if isinstance(remembered, bool):
        return remembered
    answer = consent.decide(request, purpose=Purpose.BROWSE) is not False
    if request is not None:
        setattr(request, MEMORY, answer)
    return answer
