"""What limits cost: one SMTP transaction with and without them, and one connection with and without its checks.

    python -m bench.smtp_limits [--messages N] [--connections N] [--runs N]

Prints microseconds of processor time, of a message or of a connection; core, adapter and policy, directory and
delivery in memory; the best of several runs, in turns, so that a busy machine disturbs all alike.
Example: ``python -m bench.smtp_limits --runs 20``.
"""

from __future__ import annotations

from collections import Counter

from twisted.internet.task import Clock

from bench.program import Arguments
from bench.smtp_core import ENVELOPE, STANDARD, World, message
from mailsuite.net.address import network_of
from mailsuite.policy.rates import RateLimits, Rates

#: Never met here.
RATES = RateLimits(*[1_000_000_000] * 4)


def rates() -> Rates:
    return Rates(RATES, network_of, Clock(), Counter())


def main() -> None:
    parser = Arguments(__doc__)
    parser.count("--messages", 5000, "messages of a run")
    parser.count("--connections", 5000, "connections of a run")
    parser.count("--runs", 5, "runs, of which the best counts")
    asked = parser.parse_args()
    body = [b"".join(ENVELOPE), message(4096)]
    several, ipv6 = asked.messages, "2001:db8::1"
    kinds = {
        "message, no checks at all": lambda: World(()).messages(several, body),
        "message, standard checks": lambda: World(STANDARD).messages(several, body),
        "message, and rates": lambda: World((*STANDARD, rates())).messages(several, body),
        "message, and rates, IPv6": lambda: World((*STANDARD, rates()), peer=ipv6).messages(several, body),
        "connection": lambda: World(STANDARD).connections(asked.connections),
        "connection, early talkers": lambda: World(STANDARD, refuse_early=True).connections(asked.connections),
    }
    best = dict.fromkeys(kinds, float("inf"))
    for _ in range(asked.runs):
        for name, run in kinds.items():
            best[name] = min(best[name], run())
    for name, seconds in best.items():
        print(f"{name:>26}: {seconds * 1e6:7.2f} us")


if __name__ == "__main__":
    main()
