"""An IMAP connection of a world: commands go out, answers come back, and the view is kept as RFC 3501 §7 wants it.

``View`` is what the client believes of the selected mailbox; an answer that contradicts it is a problem.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable

import msgspec

from mailsuite.testing.world.reactor import HostReactor
from mailsuite.testing.world.seen import Box, Seen
from mailsuite.testing.world.site import PASSWORD
from mailsuite.testing.world.stream import Broken, Silence, Stream, connect

_LITERAL = re.compile(rb"\{(\d+)\}$")
_COUNTED = re.compile(rb"\* (\d+) (EXISTS|EXPUNGE|RECENT)$")
_FETCH = re.compile(rb"\* (\d+) FETCH \((.*)\)$", re.DOTALL)
_UID = re.compile(rb"UID (\d+)")
_FLAGS = re.compile(rb"FLAGS \(([^)]*)\)")
_BODY = re.compile(rb"BODY\[\] \{(\d+)\}\r\n")
_CODE = re.compile(rb"\[(UIDVALIDITY|UIDNEXT) (\d+)\]")


class View(msgspec.Struct):
    """UIDs by sequence number, 0 where the client was not told yet."""

    name: str
    box: Box
    uids: list[int]
    flags: dict[int, frozenset[str]] = {}
    bodies: dict[int, bytes] = {}


class No(Exception):
    """The server said NO or BAD."""


class Client:
    """A logged-in session; ``open_client`` makes one."""

    def __init__(self, stream: Stream, account: str, seen: Seen, problem: Callable[[str], None]) -> None:
        self.stream, self.account = stream, account
        self._seen, self._problem = seen, problem
        self._tag = 0
        self.view: View | None = None
        self._codes: dict[bytes, int] = {}

    @property
    def where(self) -> str:
        return f"{self.account}/{self.view.name if self.view else ''}"

    async def command(self, line: str, literal: bytes = b"") -> bytes:
        """The words of the OK; raises No, Broken."""
        self._tag += 1
        tag = b"A%d" % self._tag
        self.stream.write(tag + b" " + line.encode() + b"\r\n")
        if literal:
            while not (await self._answer()).startswith(b"+"):
                pass
            self.stream.write(literal + b"\r\n")
        while True:
            answer = await self._answer()
            if answer.startswith(tag + b" "):
                words = answer[len(tag) + 1 :]
                if not words.startswith(b"OK"):
                    raise No(words.decode("latin-1"))
                return words

    async def idle(self, seconds: float) -> None:
        self._tag += 1
        tag = b"A%d" % self._tag
        self.stream.write(tag + b" IDLE\r\n")
        while not (await self._answer()).startswith(b"+"):
            pass
        await self.listen(seconds)
        self.stream.write(b"DONE\r\n")
        while not (await self._answer()).startswith(tag):
            pass

    async def listen(self, seconds: float) -> None:
        """Until the server has said nothing for so long."""
        with contextlib.suppress(Silence):
            while True:
                self._untagged(await self._whole(await self.stream.line_within(seconds)))

    async def _answer(self) -> bytes:
        answer = await self._whole(await self.stream.line())
        if answer.startswith(b"* "):
            self._untagged(answer)
        return answer

    async def _whole(self, line: bytes) -> bytes:
        """With its literals."""
        while found := _LITERAL.search(line):
            line += b"\r\n" + await self.stream.exactly(int(found[1])) + await self.stream.line()
        return line

    # -- what the server says --------------------------------------------------------------------------------------

    def _untagged(self, line: bytes) -> None:
        for name, number in _CODE.findall(line.partition(b"\r\n")[0]):
            self._codes[name] = int(number)
        if found := _COUNTED.match(line):
            self._counted(int(found[1]), found[2])
        elif found := _FETCH.match(line):
            self._fetched(int(found[1]), found[2])

    def _counted(self, number: int, what: bytes) -> None:
        if self.view is None:
            self._codes[what] = number
            return
        uids = self.view.uids
        if what == b"EXISTS":
            if number < len(uids):
                self._problem(f"{self.where}: EXISTS {number} after {len(uids)}")
            uids += [0] * (number - len(uids))
        elif what == b"EXPUNGE":
            if not 1 <= number <= len(uids):
                self._problem(f"{self.where}: EXPUNGE {number} of {len(uids)}")
            else:
                self._expunged(uids.pop(number - 1))

    def _expunged(self, uid: int) -> None:
        if uid and self.view is not None and uid not in self.view.box.leaving:
            self._problem(f"{self.where}: UID {uid} was expunged, which nobody asked for")

    def _fetched(self, number: int, items: bytes) -> None:
        view = self.view
        if view is None or not 1 <= number <= len(view.uids):
            self._problem(f"{self.where}: FETCH {number} of {len(view.uids) if view else 0}")
            return
        head, _, rest = items.partition(b"\r\n")
        found = _UID.search(head) or _UID.search(rest[-40:])
        uid = int(found[1]) if found else view.uids[number - 1]
        if not uid:
            return
        if view.uids[number - 1] not in (0, uid):
            self._problem(f"{self.where}: message {number} was UID {view.uids[number - 1]}, is {uid}")
        view.uids[number - 1] = uid
        known = [each for each in view.uids if each]
        if known != sorted(set(known)):
            self._problem(f"{self.where}: UIDs do not ascend: {known}")
        self._seen.uid(self.where, view.box, uid)
        if flags := _FLAGS.search(head):
            view.flags[uid] = frozenset(flags[1].decode().split())
        if body := _BODY.search(items):
            view.bodies[uid] = items[body.end() : body.end() + int(body[1])]

    # -- what is asked ---------------------------------------------------------------------------------------------

    async def select(self, name: str) -> View:
        """Open a mailbox and learn of all its messages."""
        self.view = None
        self._codes.clear()
        before = self._seen.before(self.account, name)
        await self.command(f"SELECT {name}")
        uidnext = self._codes[b"UIDNEXT"]
        box = self._seen.box(self.account, name, self._codes[b"UIDVALIDITY"])
        view = self.view = View(name, box, [0] * self._codes.get(b"EXISTS", 0))
        if view.uids:
            await self.command("UID FETCH 1:* (FLAGS)")
        self._seen.listed(self.where, box, uidnext, {uid: view.flags[uid] for uid in view.uids if uid}, before)
        return view


async def open_client(
    reactor: HostReactor,
    address: str,
    account: str,
    seen: Seen,
    problem: Callable[[str], None],
    password: str = PASSWORD,
) -> Client:
    """Raises Broken, No."""
    stream = await connect(reactor, address, 143)
    client = Client(stream, account, seen, problem)
    if not (await stream.line()).startswith(b"* OK"):
        stream.abort()
        raise Broken("not welcome")
    await client.command(f'LOGIN "{account}" "{password}"')
    return client
