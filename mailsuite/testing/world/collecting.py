"""People who collect their mail with POP3: what is listed, read and removed is in the books."""

from __future__ import annotations

import random
from collections.abc import Callable, Set

from mailsuite.testing.world.ledger import Copy, Ledger
from mailsuite.testing.world.letters import digest_of
from mailsuite.testing.world.reactor import HostReactor
from mailsuite.testing.world.site import Passwords
from mailsuite.testing.world.stream import Broken, Stream, connect


class Refused(Exception):
    """-ERR"""


class Collector:
    """One person with POP3.  Never fails: a connection may end at any time."""

    def __init__(
        self,
        reactor: HostReactor,
        address: str,
        account: str,
        ledger: Ledger,
        problem: Callable[[str], None],
        rng: random.Random,
        passwords: Passwords,
    ) -> None:
        self._reactor, self._address, self._account, self._passwords = reactor, address, account, passwords
        self._ledger, self._problem, self._rng = ledger, problem, rng
        #: UIDL -> digest, empty where it was not read.
        self._known: dict[str, bytes] = {}
        self._leaving: set[str] = set()
        self._gone: set[str] = set()

    async def session(self, remove: float = 0.4) -> None:
        """Read what is new, remove that share of it."""
        try:
            stream = await connect(self._reactor, self._address, 110)
        except Broken:
            return
        try:
            await _ok(stream)
            await _say(stream, f"USER {self._account}")
            gone = frozenset(self._gone)  # what goes while the maildrop is opened may be in it
            await _say(stream, f"PASS {self._passwords.of(self._account)}")
            await self._collect(stream, remove, gone)
            stream.close()
        except (Broken, Refused):
            stream.abort()

    async def _collect(self, stream: Stream, remove: float, gone: Set[str]) -> None:
        names = await self._list(stream)
        if again := gone & set(names.values()):
            self._problem(f"{self._account}: {sorted(again)} are there again")
        if lost := self._known.keys() - self._leaving - set(names.values()):
            self._problem(f"{self._account}: {sorted(lost)} are not there any more, which nobody removed")
        doomed: list[tuple[int, str]] = []
        for number, name in names.items():
            letter = await self._read(stream, number, name)
            if self._rng.random() < remove:
                await _say(stream, f"DELE {number}")
                doomed.append((letter, name))
        self._leave(doomed, sure=False)
        await _say(stream, "QUIT")
        self._leave(doomed, sure=True)

    async def _list(self, stream: Stream) -> dict[int, str]:
        await _say(stream, "UIDL")
        names: dict[int, str] = {}
        while (line := await stream.line()) != b".":
            number, _, name = line.partition(b" ")
            names[int(number)] = name.decode()
        if len(set(names.values())) < len(names):
            self._problem(f"{self._account}: two messages have one UIDL")
        return names

    async def _read(self, stream: Stream, number: int, name: str) -> int:
        await _say(stream, f"RETR {number}")
        octets = (await stream.until(b"\r\n.\r\n")).replace(b"\r\n..", b"\r\n.") + b"\r\n"
        digest = digest_of(octets)
        if self._known.setdefault(name, digest) != digest:
            self._problem(f"{self._account}: UIDL {name} names two messages")
        return self._ledger.read(self._account, octets)

    def _leave(self, doomed: list[tuple[int, str]], sure: bool) -> None:
        for letter, name in doomed:
            self._leaving.add(name)
            if sure:
                self._gone.add(name)
            if letter:
                self._ledger.removed(letter, Copy(self._account, "pop3", name), sure)


async def _ok(stream: Stream) -> None:
    line = await stream.line()
    if not line.startswith(b"+OK"):
        raise Refused(line.decode("latin-1"))


async def _say(stream: Stream, line: str) -> None:
    stream.write(line.encode() + b"\r\n")
    await _ok(stream)
