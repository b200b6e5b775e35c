"""After a commit: the hint "there is work". It carries nothing; losing it costs time only.

The table is the queue. ``HELLOTEXT["DISPATCH"]`` names the way a hint takes: ``none`` leaves the work to a worker
that polls, ``celery`` and ``tasks`` ask the project's own workers, ``immediate`` drains in this process right after
the commit (for tests and demonstrations).
"""

from __future__ import annotations

from .commits import wake
from .ways import ask, ask_for_sync

__all__ = ["ask", "ask_for_sync", "wake"]
