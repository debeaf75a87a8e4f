"""The attacker's process: ``python -m bench.abuse.attack CASE AIM`` (an ``Aim`` in JSON); prints what it met."""

from __future__ import annotations

import resource
import sys

import msgspec

from bench.abuse import attacks
from bench.abuse.case import Aim, Skipped
from bench.abuse.run import SKIPPED


def main() -> int:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    aim = msgspec.json.decode(sys.argv[2], type=Aim)
    try:
        print(attacks.TABLE[sys.argv[1]].attack(aim))
    except Skipped as why:
        print(why)
        return SKIPPED
    return 0


if __name__ == "__main__":
    sys.exit(main())
