"""What an attacker has really sent: what the kernel took from him, whatever he meant to."""

from __future__ import annotations

import threading

import msgspec

MIB = 1 << 20


class Sent(msgspec.Struct, frozen=True):
    """Connections that were made, and octets that went over them."""

    connections: int = 0
    octets: int = 0

    def __str__(self) -> str:
        octets = f"{self.octets / MIB:.1f} MiB" if self.octets >= MIB else f"{self.octets:,} octets"
        return f"{octets} on {self.connections:,} connection{'s' * (self.connections != 1)}"

    def is_less_than(self, other: Sent) -> bool:
        """In either."""
        return self.connections < other.connections or self.octets < other.octets


class Count:
    """Of this process.  Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.sent = Sent()

    def add(self, connections: int = 0, octets: int = 0) -> None:
        with self._lock:
            self.sent = Sent(self.sent.connections + connections, self.sent.octets + octets)


COUNT = Count()
