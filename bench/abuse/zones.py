"""A name server with answers as large as DNS allows: ``python -m bench.abuse.zones`` prints its port and serves until
its standard input ends."""

from __future__ import annotations

import sys

from mailsuite.testing.dns import DNSServer

#: Records that fit into 64 KiB, of one name.
MANY_MX = [f"{n % 7} mx{n}.many.test" for n in range(2400)]
MANY_A = [f"127.{n // 65536 % 256}.{n // 256 % 256}.{n % 256}" for n in range(1, 4000)]
LONG_TEXT = ["x" * 250] * 240


def zones() -> dict[str, dict[str, list[str]]]:
    """``many.test``: thousands of MX hosts, each with thousands of addresses; ``wide.test``: one host with thousands of
    addresses; ``long.test``: 64 KiB of text where an MTA-STS policy is looked for; ``chain.test``: a chain of CNAMEs;
    ``ring.test``: a circle of them."""
    hosts = {f"mx{n}.many.test": {"A": MANY_A} for n in range(2400)}
    chain = {f"c{n}.chain.test": {"CNAME": [f"c{n + 1}.chain.test"]} for n in range(200)}
    return {
        "many.test": {"MX": MANY_MX},
        **hosts,
        "wide.test": {"MX": ["1 a.wide.test"]},
        "a.wide.test": {"A": MANY_A},
        "_mta-sts.wide.test": {"TXT": LONG_TEXT},
        "long.test": {"MX": ["1 a.wide.test"], "TXT": LONG_TEXT},
        "_mta-sts.long.test": {"TXT": LONG_TEXT},
        "chain.test": {"MX": ["1 c0.chain.test"]},
        **chain,
        "ring.test": {"MX": ["1 r0.ring.test"]},
        "r0.ring.test": {"CNAME": ["r1.ring.test"]},
        "r1.ring.test": {"CNAME": ["r0.ring.test"]},
    }


class Remembering(DNSServer):
    """Answers are made once and told again with another id: it must not be the slow one."""

    def __init__(self) -> None:
        super().__init__(zones())
        self._made: dict[tuple[bytes, str], bytes] = {}

    def answer(self, octets: bytes, transport: str) -> bytes:
        key = (octets[2:], transport)
        if key not in self._made:
            self._made[key] = super().answer(octets, transport)
        return octets[:2] + self._made[key][2:]


def main() -> None:
    with Remembering() as server:
        print(server.port, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
