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


class Attacked(msgspec.Struct, frozen=True):
    """How the attacker's process ended; ``trouble`` is empty if the bound held."""

    met: str
    skipped: bool = False
    trouble: str = ""


def attack(case: Case, aim: Aim, patience: float) -> Attacked:
    """In a process of its own, killed after ``patience`` seconds."""
    order = [sys.executable, "-m", "bench.abuse.attack", case.name, msgspec.json.encode(aim).decode()]
    try:
        done = subprocess.run(order, capture_output=True, text=True, timeout=patience, check=False, cwd=CHECKOUT)
    except subprocess.TimeoutExpired:
        return Attacked("", trouble=f"the attack was not over after {patience:g} s, and was ended")
    if done.returncode in (0, SKIPPED):
        return Attacked(done.stdout.strip(), done.returncode == SKIPPED)
    return Attacked(done.stdout.strip(), trouble=done.stderr.strip()[-2000:] or f"it ended with {done.returncode}")


def run(
    case: Case,
    instance: Instance,
    scale: float,
    longest: float = LONGEST_WAIT,
    patience: float = LONGEST_ATTACK,
) -> Outcome:
    """The case, once.  ``longest``: seconds that the polite client may have to wait; ``patience``: that the case may
    take.  A server that it ended is started again, for the next."""
    forget_peak(instance.pid)
    faults = instance.log().count("Traceback")
    with Bystander(instance) as polite:
        attacked = attack(case, aim_at(instance, scale), patience)
    highest = peak(instance.pid)
    wrong = [*polite.failures, *([attacked.trouble] if attacked.trouble else [])]
    if highest > MOST_MEMORY:
        wrong.append(f"{highest / 2**20:.0f} MiB")
    if polite.slowest > longest:
        wrong.append(f"{polite.slowest_step} took {polite.slowest:.2f} s")
    if instance.log().count("Traceback") > faults:
        wrong.append("a traceback is in the log")
    if (status := instance.ended()) is not None:
        wrong.append(f"the server ended, with status {status}")
        instance.kill()
        instance.start()
    return Outcome(
        case, attacked.met, highest, polite.slowest, polite.slowest_step, polite.turns, attacked.skipped, tuple(wrong)
    )
