"""DNS for far.test, as slow as it is told to be."""

from __future__ import annotations

import time

import dns.message

from mailsuite.testing.dns import DNSServer

ZONES = {"far.test": {"MX": ["10 mx.far.test"]}, "mx.far.test": {"A": ["127.0.0.1"]}}


class SlowDNS(DNSServer):
    """``delay`` seconds before each answer; none at all from 10 on.  Nobody may remember an answer, so that each
    accident meets somebody who asks."""

    def __init__(self) -> None:
        super().__init__(ZONES)
        self.delay = 0.0
        #: Questions that were asked meanwhile.
        self.asked_slowly = 0

    def answer(self, octets: bytes, transport: str) -> bytes:
        self.asked.clear()
        self.asked_slowly += self.delay > 0
        if self.delay >= 10:
            return b""
        time.sleep(self.delay)
        answer = dns.message.from_wire(super().answer(octets, transport))
        for rrset in answer.answer:
            rrset.ttl = 0
        return answer.to_wire()
