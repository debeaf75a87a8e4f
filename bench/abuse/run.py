"""One case against a running server: the attack in a process of its own, the polite client and the memory here."""

from __future__ import annotations

import subprocess
import sys
import time

import msgspec

from bench.abuse.bystander import Bystander
from bench.abuse.case import LONGEST_WAIT, MOST_MEMORY, Aim, Case
from bench.abuse.memory import forget_peak, peak
from bench.abuse.target import ATTACKER, CHECKOUT
from mailsuite.testing.instance import Instance

#: Seconds after which an attack is ended.
LONGEST_ATTACK = 300.0
SKIPPED = 77


class Outcome(msgspec.Struct, frozen=True):
    """``peak`` in octets; ``slowest`` in seconds, for an answer to the polite client; ``wrong`` lists what did not
    hold."""

    case: Case
    met: str
    peak: int
    slowest: float
    slowest_step: str
    turns: int
    skipped: bool
    wrong: tuple[str, ...]


def aim_at(instance: Instance, scale: float) -> Aim:
    """For the attackers of this server."""
    store = str(instance.folder / "store")
    return Aim(instance.ports, f"{ATTACKER}@{instance.domain}", instance.password, instance.account, store, scale)


def calm_wait(instance: Instance, seconds: float = 2.0) -> float:
    """How long a polite client waits at most when there is no abuse: what others on this machine cost."""
    with Bystander(instance) as polite:
        time.sleep(seconds)
    return polite.slowest


def run(case: Case, instance: Instance, scale: float, longest: float = LONGEST_WAIT) -> Outcome:
    """The case, once.  ``longest``: seconds that the polite client may have to wait."""
    forget_peak(instance.pid)
    faults = instance.log().count("Traceback")
    order = [
        sys.executable,
        "-m",
        "bench.abuse.attack",
        case.name,
        msgspec.json.encode(aim_at(instance, scale)).decode(),
    ]
    with Bystander(instance) as polite:
        done = subprocess.run(order, capture_output=True, text=True, timeout=LONGEST_ATTACK, check=False, cwd=CHECKOUT)
    highest = peak(instance.pid)
    wrong = list(polite.failures)
    if done.returncode not in (0, SKIPPED):
        wrong.append(done.stderr.strip()[-2000:])
    if highest > MOST_MEMORY:
        wrong.append(f"{highest / 2**20:.0f} MiB")
    if polite.slowest > longest:
        wrong.append(f"{polite.slowest_step} took {polite.slowest:.2f} s")
    if instance.log().count("Traceback") > faults:
        wrong.append("a traceback is in the log")
    return Outcome(
        case, done.stdout.strip(), highest, polite.slowest, polite.slowest_step, polite.turns,
        done.returncode == SKIPPED, tuple(wrong),
    )  # fmt: skip
