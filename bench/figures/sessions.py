"""What connections cost: logins a second, memory of sessions that wait, how soon they are told of new mail, and what
the servers hold when nobody is there."""

from __future__ import annotations

import asyncio
import functools
import resource
import ssl
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from bench.abuse.memory import family
from bench.figures.figure import Figure, Measured, Measurement, Wanted, in_turns
from bench.figures.servers import Served, can_have, dovecot, ours, postfix

AT_ONCE = 20
_LETTER = b"Subject: push\r\n\r\nhello\r\n"
#: How many watches of files one user's processes may have, of which Dovecot takes one for a session in IDLE.
INSTANCES = Path("/proc/sys/fs/inotify/max_user_instances")
#: Of them that are left to other processes.
SPARED = 28
#: Seconds until a server that was started is at rest.
SETTLED = 2


class Session:
    """An IMAP connection."""

    def __init__(self, served: Served, tls: bool = False) -> None:
        self._served = served
        self._port = served.imaps if tls else served.imap
        self._tls = _trusting() if tls else None

    async def open(self, *commands: bytes) -> Session:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._port, ssl=self._tls)
        await self.reader.readline()
        await self.ask(f"LOGIN {self._served.user} {self._served.password}".encode())
        for command in commands:
            await self.ask(command)
        return self

    async def ask(self, command: bytes) -> None:
        """RuntimeError if it is not OK."""
        self.writer.write(b"t " + command + b"\r\n")
        await self.until(b"t ", b"t OK")

    async def until(self, start: bytes, right: bytes = b"") -> None:
        while not (line := await self.reader.readline()).startswith(start):
            if not line:
                raise RuntimeError("closed")
        if right and not line.startswith(right):
            raise RuntimeError(repr(line))

    async def idle(self) -> Session:
        await self.open(b"SELECT INBOX")
        self.writer.write(b"i IDLE\r\n")
        await self.until(b"+")
        return self

    async def told(self) -> float:
        """When it hears of a message."""
        while b"EXISTS" not in (line := await self.reader.readline()):
            if not line:
                raise RuntimeError("closed")
        return time.perf_counter()


def _measured(
    server: Callable[[], AbstractContextManager[Served]], measure: Callable[[Served], Measured]
) -> Callable[[], Measured]:
    def once() -> Measured:
        with server() as served:
            return measure(served)

    return once


def _beside_dovecot(wanted: Wanted, units: dict[str, str], measure: Callable[[Served], Measured]) -> list[Figure]:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    theirs = _measured(dovecot, measure) if can_have("dovecot") else None
    return in_turns(wanted.runs, units, _measured(ours, measure), theirs, "Dovecot")


def logins(wanted: Wanted) -> Measurement:
    """LOGIN, SELECT and LOGOUT on a new connection each, with a password that was right before: mailsuite, which keeps
    an argon2id hash, knows it again, and Dovecot has it in clear."""
    count = wanted.count(1000)

    async def all_of_them(served: Served) -> Measured:
        turn = asyncio.Semaphore(AT_ONCE)

        async def one() -> None:
            async with turn:
                session = await Session(served).open(b"SELECT INBOX", b"LOGOUT")
                session.writer.close()

        await one()
        begun = time.perf_counter()
        await asyncio.gather(*[one() for _ in range(count)])
        return {"logins": count / (time.perf_counter() - begun)}

    figures = _beside_dovecot(wanted, {"logins": "/s"}, lambda served: asyncio.run(all_of_them(served)))
    return Measurement(f"{count:,} connections, {AT_ONCE} at once", figures)


@functools.cache
def _trusting() -> ssl.SSLContext:
    """It is this machine, and its certificate was made a moment ago."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _crowd(served: Served, count: int, tls: bool = False) -> list[Session]:
    turn = asyncio.Semaphore(AT_ONCE)

    async def one() -> Session:
        async with turn:
            return await Session(served, tls).idle()

    return list(await asyncio.gather(*[one() for _ in range(count)]))


def idle(wanted: Wanted) -> Measurement:
    """Sessions in IDLE; the memory of all processes (PSS) with them and without. Dovecot was not asked over TLS."""
    count = wanted.count(1000)
    plain, secure = "an idle session", "an idle session over TLS"

    async def wait(served: Served, tls: bool) -> float:
        before = shared(served.pid)
        crowd = await _crowd(served, count, tls)
        await asyncio.sleep(1)
        after = shared(served.pid)
        for session in crowd:
            session.writer.close()
        return (after - before) / count / 1024

    def measure(served: Served) -> Measured:
        measured = {plain: asyncio.run(wait(served, tls=False))}
        if served.imaps:
            with ours() as another:  # what the first sessions left would serve the others
                measured[secure] = asyncio.run(wait(another, tls=True))
        return measured

    figures = _beside_dovecot(wanted, {plain: "KiB", secure: "KiB"}, measure)
    return Measurement(f"{count:,} sessions on one empty mailbox", figures)


def watches() -> int:
    """What ``INSTANCES`` says."""
    return int(INSTANCES.read_text())


def push(wanted: Wanted) -> Measurement:
    """From the moment an APPEND is sent to the notice in sessions that are in IDLE on the mailbox. There are no more of
    them than Dovecot can be told of changes for: each of its processes needs an inotify instance
    (`fs.inotify.max_user_instances`), and one that gets none looks every 30 seconds; mailsuite needs none, and is
    measured with more of them besides."""
    limit = watches()
    count = min(wanted.count(100), max(1, limit - SPARED))
    many = wanted.count(500)

    async def wait(served: Served, count: int) -> tuple[float, float]:
        crowd = await _crowd(served, count)
        writer = await Session(served).open()
        await asyncio.sleep(0.5)
        hearing = [asyncio.create_task(session.told()) for session in crowd]
        begun = time.perf_counter()
        await writer.ask(b"APPEND INBOX {%d+}\r\n" % len(_LETTER) + _LETTER)
        heard = sorted(when - begun for when in await asyncio.wait_for(asyncio.gather(*hearing), 60))
        for session in crowd:
            session.writer.close()
        return heard[len(heard) // 2] * 1e3, heard[-1] * 1e3

    def measure(served: Served) -> Measured:
        measured = dict(zip(few, asyncio.run(wait(served, count)), strict=True))
        if served.imaps:
            measured |= zip(more, asyncio.run(wait(served, many)), strict=True)
        return measured

    few = ("half of them told", "all of them told")
    more = (f"half of {many} told", f"all of {many} told")
    figures = _beside_dovecot(wanted, dict.fromkeys((*few, *more), "ms"), measure)
    octets = len(_LETTER)
    return Measurement(f"{count:,} sessions, of {limit:,} instances; one message of {octets} octets", figures)


def memory(wanted: Wanted) -> Measurement:
    """All processes (PSS) after the start."""

    def settled(served: Served) -> float:
        time.sleep(SETTLED)
        return shared(served.pid) / 2**20

    def mine() -> Measured:
        with ours() as served:
            return {"at rest": settled(served)}

    def theirs() -> Measured:
        with postfix() as one, dovecot() as other:
            return {"at rest": settled(one) + settled(other)}

    both = theirs if all([can_have("postfix"), can_have("dovecot")]) else None
    figures = in_turns(wanted.runs, {"at rest": "MiB"}, mine, both, "Postfix and Dovecot")
    return Measurement(f"no connections and no mail, {SETTLED} s after each start", figures)


def shared(pid: int) -> int:
    """Octets of a process and all below it, each page once (PSS)."""
    total = 0
    for one in family(pid):
        try:
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total
