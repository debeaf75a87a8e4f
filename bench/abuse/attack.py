"""The attacker's process: ``python -m bench.abuse.attack CASE AIM`` (an ``Aim`` in JSON); prints what it met, and what
it sent, which is to be as much as the case is about."""

from __future__ import annotations

import resource
import sys

import msgspec

from bench.abuse import attacks
from bench.abuse.case import Aim, Skipped
from bench.abuse.run import SKIPPED
from bench.abuse.sent import COUNT


def main() -> int:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    aim, case = msgspec.json.decode(sys.argv[2], type=Aim), attacks.TABLE[sys.argv[1]]
    try:
        met = case.attack(aim)
    except Skipped as why:
        print(why)
        return SKIPPED
    print(f"{met}; sent {COUNT.sent}")
    if COUNT.sent.is_less_than(case.least):
        print(f"no abuse: only {COUNT.sent} were sent, not {case.least}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
