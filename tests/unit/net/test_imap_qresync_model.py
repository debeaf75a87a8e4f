"""A client that follows RFC 7162 §6 to the letter misses nothing, wherever its connection breaks.

Other programs change the mailbox; the client keeps flags, MODSEQ and numbers from what it is told, and HIGHESTMODSEQ by
the rules of §6.  After each of its connections it comes back with that state, and must know all that is true then.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_imap_session import ANN, Client, Server

from mailsuite.imap import sets
from mailsuite.model import DELETED, DRAFT, FLAGGED, SEEN, Flags
from mailsuite.store.feed import Feed

_ROW = re.compile(rb"\* (\d+) FETCH \(UID (\d+)(?: FLAGS \(([^)]*)\))?(?: MODSEQ \((\d+)\))?\)")
_VANISHED = re.compile(rb"\* VANISHED( \(EARLIER\))? (\S+)")
_HIGHEST = re.compile(rb".* OK \[HIGHESTMODSEQ (\d+)\].*")
_MODIFIED = re.compile(rb"t OK \[MODIFIED (\S+)\].*")

FLAGS = (SEEN, FLAGGED, DRAFT)
step = st.one_of(
    st.tuples(st.sampled_from(("deliver", "other expunge", "other flags", "other flags")), st.integers(0, 9)),
    st.tuples(
        st.sampled_from(
            ("noop", "store", "conditional", "show modseq", "show flags", "catch up", "expunge", "search", "leave")
        ),
        st.integers(0, 9),
    ),
)


class Offline:
    """What the client keeps: UID -> (flags, MODSEQ)."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.messages: dict[int, tuple[Flags, int]] = {}
        self.highest = 0
        self.uidvalidity = server.inbox.uidvalidity
        #: UID and flag -> MODSEQ of the last change by others.
        self.touched: dict[tuple[int, str], int] = {}
        self.arrive()

    # -- a connection ------------------------------------------------------------------------------------------------

    def arrive(self) -> None:
        self.client = Client(self.server)
        self.client.ask(b"l LOGIN %b secret" % ANN.encode())
        self.client.ask(b"e ENABLE QRESYNC")
        known = b" " + sets.compress(sorted(self.messages)) if self.messages else b""
        state = b" (QRESYNC (%d %d%b))" % (self.uidvalidity, self.highest, known) if self.highest else b""
        self.numbers = sorted(self.messages)
        self._exists = 0
        self.selecting = True
        self.say(b"SELECT INBOX" + state)
        self.selecting = False

    def leave(self) -> None:
        self.client.transport.loseConnection()
        self.arrive()
        self.must_be_right()

    def must_be_right(self) -> None:
        messages = self.server.inbox.messages
        assert {uid: flags for uid, (flags, _) in self.messages.items()} == {
            uid: message.flags for uid, message in messages.items()
        }
        for uid, (_, modseq) in self.messages.items():
            assert modseq <= messages[uid].modseq

    # -- what it says and hears --------------------------------------------------------------------------------------

    def say(self, command: bytes) -> list[bytes]:
        lines = self.client.ask(b"t " + command).split(b"\r\n")[:-1]
        shown, told = 0, 0
        for line in lines:
            if found := _HIGHEST.fullmatch(line):
                told = int(found[1])
            shown = max(shown, self._hear(line))
        self.highest = told or max(shown, self.highest)
        self._fetch_new()
        return lines

    def _hear(self, line: bytes) -> int:
        """The MODSEQ in it, if any."""
        if found := _VANISHED.fullmatch(line):
            self._lose(sets.parse(found[2]), earlier=bool(found[1]))
        elif line.endswith(b" EXISTS"):
            self._exists = int(line.split()[1])
        elif found := _ROW.fullmatch(line):
            return self._learn(int(found[1]), int(found[2]), found[3], int(found[4] or 0))
        else:
            assert b" EXPUNGE" not in line
            assert not line.startswith(b"t BAD")
        return 0

    def _lose(self, ranges: sets.Ranges, earlier: bool) -> None:
        uids = [uid for low, high in ranges for uid in range(low, high + 1)]
        for uid in uids:
            if not earlier:
                assert uid in self.numbers  # section 3.2.10.2: each is one message less
                self._exists -= 1
            if uid in self.numbers:
                self.numbers.remove(uid)
            self.messages.pop(uid, None)

    def _learn(self, number: int, uid: int, flags: bytes | None, modseq: int) -> int:
        if uid not in self.messages:
            assert flags is not None
            self.numbers.append(uid)
        assert self.numbers.index(uid) == number - 1
        before, last = self.messages.get(uid, (frozenset[str](), 0))
        now = before if flags is None else frozenset(flags.decode().split()) - {"\\Recent"}
        self.messages[uid] = now, max(modseq, last)
        return modseq

    def _fetch_new(self) -> None:
        if self._exists > len(self.numbers):
            self.say(b"UID FETCH %d:* (UID FLAGS MODSEQ)" % (max(self.numbers, default=0) + 1))

    # -- steps -------------------------------------------------------------------------------------------------------

    def act(self, what: str, which: int) -> None:
        uid = self.numbers[which % len(self.numbers)] if self.numbers else 0
        flag = FLAGS[which % len(FLAGS)]
        number = self.numbers.index(uid) + 1 if uid else 0
        match what:
            case "noop":
                self.say(b"NOOP")
            case "search":
                self.say(b"SEARCH MODSEQ 1" if which % 2 else b"UID SEARCH ALL")
            case "catch up":
                self.say(b"UID FETCH 1:* (UID FLAGS) (CHANGEDSINCE %d VANISHED)" % self.highest)
            case "leave":
                self.leave()
            case "store" if uid:
                self.say(b"STORE %d +FLAGS%b (%b)" % (number, (b"", b".SILENT")[which % 2], flag.encode()))
                self._believe(uid, {flag}, which % 2 == 1)
            case "conditional" if uid:
                self._conditional(number, uid, flag)
            case "show modseq" if uid:
                self.say(b"FETCH %d (UID MODSEQ)" % number)
            case "show flags" if uid:
                self.say(b"FETCH %d (UID FLAGS)" % number)
            case "expunge" if uid:
                self.say(b"UID STORE %d +FLAGS (\\Deleted)" % uid)
                self.say(b"UID EXPUNGE %d" % uid)
                assert uid not in self.messages
            case _:
                self._other(what, which)

    def _believe(self, uid: int, flags: set[str], silent: bool) -> None:
        """A silent STORE that was done is not told."""
        message = self.server.inbox.messages.get(uid)
        if silent and message is not None and uid in self.messages:
            before, modseq = self.messages[uid]
            self.messages[uid] = before | flags, modseq

    def _conditional(self, number: int, uid: int, flag: str) -> None:
        believed = self.messages[uid][1]
        message = self.server.inbox.messages.get(uid)
        unchanged = message is not None and message.modseq <= believed
        touched = self.touched.get((uid, flag), 0) > believed
        lines = self.say(b"STORE %d (UNCHANGEDSINCE %d) +FLAGS.SILENT (%b)" % (number, believed, flag.encode()))
        modified = _MODIFIED.fullmatch(lines[-1])
        if touched:
            assert bool(modified) == (message is not None)
        elif unchanged or message is None:  # section 3.1.12: other flags may make it fail, but need not
            assert not modified
        if message is not None and not modified:
            self._believe(uid, {flag}, True)
        elif message is not None:  # the client was shown why
            assert self.messages[uid] == (message.flags, message.modseq)

    def _other(self, what: str, which: int) -> None:
        stores, there = self.server.stores, sorted(self.server.inbox.messages)
        if what == "deliver":
            stores.deliver(ANN, b"Subject: x\r\n\r\nx\r\n")
        elif there and what == "other expunge":
            stores.drop_message(ANN, there[which % len(there)])
        elif there and what == "other flags":
            flags = frozenset(FLAGS[: which % 4]) - {DELETED}
            uid = there[which % len(there)]
            before = self.server.inbox.messages[uid].flags
            stores.set_flags(ANN, uid, flags)
            modseq = self.server.inbox.messages[uid].modseq
            self.touched |= {(uid, flag): modseq for flag in before ^ flags}


@pytest.mark.parametrize("changes_kept", [10_000, 2])
@given(steps=st.lists(step, max_size=25))
def test_nothing_is_missed(changes_kept: int, steps: list[tuple[str, int]]) -> None:
    server = Server()
    server.inbox.feed = Feed(changes_kept)  # with few, sessions lose count and compare anew
    for _ in range(3):
        server.stores.deliver(ANN, b"Subject: x\r\n\r\nx\r\n")
    client = Offline(server)
    for what, which in steps:
        client.act(what, which)
    client.leave()
    client.say(b"NOOP")
    client.must_be_right()
