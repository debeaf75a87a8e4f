"""DNS for far.test, as slow as it is told to be."""

from __future__ import annotations

import time

from mailsuite.testing.dns import DNSServer

ZONES = {"far.test": {"MX": ["10 mx.far.test"]}, "mx.far.test": {"A": ["127.0.0.1"]}}


class SlowDNS(DNSServer):
    """``delay`` seconds before each answer; none at all from 10 on."""

    def __init__(self) -> None:
        super().__init__(ZONES)
        self.delay = 0.0

    def answer(self, octets: bytes, transport: str) -> bytes:
        self.asked.clear()
        if self.delay >= 10:
            return b""
        time.sleep(self.delay)
        return super().answer(octets, transport)
