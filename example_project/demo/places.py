"""Where the parts of the demo listen."""

from __future__ import annotations

from dataclasses import dataclass

from demo.options import Options
from demo.ports import Port, choose_port


@dataclass(frozen=True)
class Places:
    """The shop's port, the emulator's (None when there is none of our own), and Hellotext's address."""

    shop: Port
    hellotext: Port | None
    hellotext_url: str

    def notes(self) -> list[str]:
        """Return what is to be said about ports that were taken."""
        named = {"the shop": self.shop, "the emulator": self.hellotext}
        return [
            f"Port {port.instead_of} is taken: {name} listens on {port.number} instead."
            for name, port in named.items()
            if port is not None and port.instead_of is not None
        ]


def choose_places(options: Options) -> Places:
    """Find a place for each part."""
    shop = choose_port(options.shop_port)
    if not options.emulates:
        return Places(shop, None, options.base_url)
    hellotext = choose_port(options.hellotext_port)
    return Places(shop, hellotext, hellotext.url)
