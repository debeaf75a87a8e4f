"""One soak from its beginning to its balance."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import msgspec

from bench.abuse.memory import peak
from bench.soak.accidents import KINDS, Accidents
from bench.soak.balance import Balance, balance, queue_is_empty
from bench.soak.clients import Appender, Client, ImapReader, Pop3Reader, Sender
from bench.soak.disk import small_disk
from bench.soak.faults import faults, met
from bench.soak.ledger import Ledger, Place
from bench.soak.names import SlowDNS
from bench.soak.sink import Sink
from mailsuite.testing.instance import Instance

#: Seconds for clients to end, and for the queue to drain.
ENDING, DRAINING = 90.0, 180.0
#: Octets that the process may hold.
MOST_MEMORY = 200 << 20
#: What clients and the next host must have been served with at least once, and what only comes when mailboxes fill.
USES = ("accepted", "appended", "read over IMAP", "flagged", "fetched by POP3", "relayed")
LATER_USES = ("deleted",)
#: What is counted when an accident meets somebody.
MEETINGS = {
    "full disk": "lines of the log about a full disk",
    "no descriptors": "lines of the log about too few descriptors",
    "slow names": "look-ups while names were slow",
}
#: Seconds of a run from which on there is time for all.
LONG = 60.0


class Result(msgspec.Struct, frozen=True):
    """``skipped`` says what could not be done here; ``faults`` are lines of the log that should not be there."""

    seconds: float
    counts: dict[str, int]
    longest_start: float
    peak_memory: int
    skipped: str
    faults: tuple[str, ...]
    balance: Balance

    @property
    def missed(self) -> tuple[str, ...]:
        """The kinds of accidents that never happened."""
        return tuple(kind for kind in KINDS if not self.counts.get(kind))

    @property
    def unmet(self) -> tuple[str, ...]:
        """The kinds of accidents that happened, and in a run with time for it nobody met."""
        if self.seconds < LONG:
            return ()
        return tuple(kind for kind, name in MEETINGS.items() if self.counts.get(kind) and not self.counts.get(name))

    @property
    def unused(self) -> tuple[str, ...]:
        """What nobody was served with, though clients tried all the while."""
        counts = {**self.counts, "relayed": self.balance.relayed}
        return tuple(use for use in USES + LATER_USES * (self.seconds >= LONG) if not counts.get(use))

    @property
    def amiss(self) -> bool:
        """Something that happened should not have."""
        return bool(self.balance.lost or self.balance.wrong or self.faults) or self.peak_memory > MOST_MEMORY

    @property
    def good(self) -> bool:
        """All was right, and there was what could have gone wrong."""
        return bool(self.balance.acknowledged) and not (self.missed or self.unmet or self.unused or self.amiss)


def soak(minutes: float, seed: int, folder: Path | None = None) -> Result:
    """``folder``: where all lies, and whose ``kept`` has the instance as it was at the end; none: a temporary one."""
    ledger = Ledger(seed)
    with contextlib.ExitStack() as stack:
        kept = folder is not None
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soak")))
        skipped = stack.enter_context(small_disk(folder / "disk", minutes))
        names, sink = stack.enter_context(SlowDNS()), stack.enter_context(Sink(ledger, seed))
        instance = make(folder / "disk" / "server", names.port, sink.port)
        if kept:
            stack.callback(keep, instance.folder, folder / "kept")
        stack.callback(instance.kill)
        instance.start()
        accidents = Accidents(instance, ledger, sink, names, not skipped, seed)
        begun = time.monotonic()
        _live(instance, ledger, accidents, minutes * 60, seed)
        seconds = time.monotonic() - begun
        ledger.counts[MEETINGS["slow names"]] = names.asked_slowly
        _drain(instance, ledger)
        balanced = balance(instance, ledger)
        for kind in ("full disk", "no descriptors"):
            ledger.counts[MEETINGS[kind]] = met(instance.log(), kind)
        return Result(
            round(seconds, 1), dict(ledger.counts), round(accidents.longest_start, 2),
            max(accidents.peak_memory, peak(instance.pid)), skipped, faults(instance.log(), ledger.accidents), balanced,
        )  # fmt: skip


def keep(instance: Path, where: Path) -> None:
    """A copy: the file system that the instance lies on goes."""
    with contextlib.suppress(shutil.Error):  # sockets, after all else was copied
        shutil.copytree(instance, where)


def make(folder: Path, dns_port: int, relay_port: int) -> Instance:
    """Two accounts, one of them for each kind of reader; retries after seconds."""
    instance = Instance(folder)
    instance.command(
        "user", "add", f"{Place.POP3.value}@{instance.domain}", "--password-stdin", input=instance.password + "\n"
    )
    instance.route_by(dns_port, relay_port)
    instance.set("dns", "timeout", "5")
    instance.set("retry", "waits", "[1, 2, 3]")
    return instance


def _live(instance: Instance, ledger: Ledger, accidents: Accidents, seconds: float, seed: int) -> None:
    clients: list[Client] = [Sender(instance, ledger, seed + n) for n in range(3)]
    clients += [
        Appender(instance, ledger, seed),
        ImapReader(instance, ledger, seed),
        Pop3Reader(instance, ledger, seed),
    ]
    for client in clients:
        client.start()
    try:
        accidents.happen(time.monotonic() + seconds, calm=min(6.0, seconds / 12))
    finally:
        for client in clients:
            client.leave()
    for client in clients:
        client.join(ENDING)
        if client.is_alive():
            ledger.complain(f"{client.name} waits for an answer {ENDING} s after the end")


def _drain(instance: Instance, ledger: Ledger) -> None:
    """Until nothing waits any more, or for so long.  A command that is refused ends neither this nor the balance."""
    end, refused = time.monotonic() + DRAINING, ""
    while time.monotonic() < end:
        try:
            if queue_is_empty(instance):
                return
            instance.command("queue", "kick")
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            refused = f", and it was refused: {error}"
        time.sleep(1.0)
    ledger.complain(f"the queue is not empty after {DRAINING} s{refused}")
