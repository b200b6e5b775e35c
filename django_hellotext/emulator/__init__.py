"""A local Hellotext: all operations of the contract, faults on demand, a page that shows what arrived.

    with EmulatorServer(Emulator(token="secret")) as server:
        HellotextClient(token="secret", base_url=server.url)

``Emulator`` is the pure core, ``MemoryBackend`` reaches it without a socket, ``EmulatorServer`` over HTTP;
``python -m django_hellotext.emulator`` serves it from a shell. No Django settings are needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .core import Emulator, EmulatorResponse
from .faults import Fault
from .log import LoggedRequest
from .reading import AS_DOCUMENTED, LENIENT, STRICT, Reading
from .server import EmulatorServer

if TYPE_CHECKING:
    from .memory import MemoryBackend

__all__ = [
    "AS_DOCUMENTED",
    "LENIENT",
    "STRICT",
    "Emulator",
    "EmulatorResponse",
    "EmulatorServer",
    "Fault",
    "LoggedRequest",
    "MemoryBackend",
    "Reading",
]


def __getattr__(name: str) -> Any:
    # The backend needs the client's packages, which take longer to import than the whole emulator.
    if name == "MemoryBackend":
        from .memory import MemoryBackend

        return MemoryBackend
    raise AttributeError(name)
