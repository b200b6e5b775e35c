"""A fault of ours goes no further than this: the host's request and its transaction go on (promise 7, demand B4)."""

from __future__ import annotations

import logging

from ..conf import hellotext_settings
from .ledger import TransactionLostError

logger = logging.getLogger("django_hellotext.intake")


def report(error: Exception, where: str, *, using: str) -> None:
    """A fault of ours is logged and stays here; tests and ``RAISE_ERRORS`` see it (promise 7, demand B4).

    Raises ``TransactionLostError``: to keep that from the host would be to commit half of its work.
    """
    logger.error(
        "intake.failed",
        extra={"where": where, "using": using, "error": type(error).__name__},
        exc_info=hellotext_settings.RAISE_ERRORS,
    )
    if hellotext_settings.RAISE_ERRORS or isinstance(error, TransactionLostError):
        raise error
