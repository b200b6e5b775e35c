"""Contain our own errors: the host's request and its transaction go on."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import ParamSpec

from ..conf import hellotext_settings
from .ledger import TransactionLostError

P = ParamSpec("P")

logger = logging.getLogger("django_hellotext.intake")


def report(error: Exception, where: str, *, using: str) -> None:
    """Log ``error`` and suppress it; with ``RAISE_ERRORS`` raise it again.

    Always raises ``TransactionLostError``: if it were suppressed, the host would commit half of its work.
    """
    raises = _raises_errors()
    # A handler or filter of the host's may raise as well.
    with suppress(Exception):
        logger.error(
            "intake.failed",
            extra={"where": where, "using": using, "error": type(error).__name__},
            exc_info=error if raises else None,
        )
    if raises or isinstance(error, TransactionLostError):
        raise error


def contained(receiver: Callable[P, None]) -> Callable[P, None]:
    """Decorate a signal receiver: no exception reaches the host, except those that ``report`` raises."""

    @functools.wraps(receiver)
    def call(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            receiver(*args, **kwargs)
        except TransactionLostError:
            raise  # reported by the insert that met it
        except Exception as error:
            using = kwargs.get("using")
            # By its type: an odd object may raise for ``isinstance()``, too.
            report(error, receiver.__name__, using=str(using) if type(using) is str else "")

    return call


def _raises_errors() -> bool:
    try:
        return bool(hellotext_settings.RAISE_ERRORS)
    except Exception:
        return False  # the settings themselves are broken, which is what gets reported
