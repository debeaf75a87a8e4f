"""A maildrop against its model: two POP3 sessions, deliveries, and what IMAP sessions and other programs do meanwhile.

The model is RFC 1939's: who logs in gets the messages of that moment, in order, under numbers that never change; marks
are a session's own until QUIT removes the marked ones together; what is gone is an error and never another message.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock

from mailsuite.disk.placement import place
from mailsuite.disk.real import RealDisk
from mailsuite.disk.spool import Spool
from mailsuite.mime.downgrade import downgrade
from mailsuite.model import INBOX, NULL_SENDER, Envelope, FlagOp, ToMailbox
from mailsuite.net.login import Login
from mailsuite.net.pop3_accounts import Accounts
from mailsuite.net.pop3_factory import POP3ServerFactory
from mailsuite.net.pop3_settings import POP3Settings
from mailsuite.net.sessions import Admission
from mailsuite.net.throttle import Throttle
from mailsuite.offload import Inline
from mailsuite.store.maildir import MaildirStores
from mailsuite.testing.directory import MemoryDirectory
from mailsuite.testing.memory_store import EPOCH, MemoryStores
from mailsuite.testing.results import result_of
from mailsuite.testing.transport import FakeTransport

TIM = "tim@example.org"
BODIES = st.sampled_from(["", ".\r\n", "..a\r\n.b\r\n", "x" * 300 + "\r\n", "no end", "line\r\n" * 3000, "größe\r\n"])
SUBJECTS = st.sampled_from(["plain", "Grüße", ""])


class Session:
    """One connection, and what its client must be told."""

    def __init__(self, factory: POP3ServerFactory, utf8: bool, there: dict[int, bytes]) -> None:
        self.transport = FakeTransport()
        self.transport.connect(factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 4000)))
        self.ask(b"")
        self.uids = list(there)
        self.forms = [each if utf8 else downgrade(each) for each in there.values()]
        self.marked: set[int] = set()
        answers = self.ask(b"UTF8\r\n" * utf8 + b"USER tim\r\nPASS secret\r\n")
        assert answers.endswith(b"+OK %d messages (%d octets)\r\n" % self.summary)

    def ask(self, data: bytes) -> bytes:
        self.transport.feed(data)
        heard = []
        while self.transport.settle():
            pass
        while piece := self.transport.take():
            heard.append(piece)
            while self.transport.settle():
                pass
        return b"".join(heard)

    def hang_up(self) -> None:
        self.transport.hang_up()
        while self.transport.settle():
            pass

    @property
    def left(self) -> list[int]:
        return [index for index in range(len(self.uids)) if index not in self.marked]

    @property
    def summary(self) -> tuple[int, int]:
        return len(self.left), sum(len(self.forms[index]) for index in self.left)

    def message(self, index: int, there: dict[int, bytes]) -> bytes:
        """What RETR answers."""
        if index >= len(self.uids):
            return b"-ERR no such message, there are %d\r\n" % len(self.uids)
        if index in self.marked:
            return b"-ERR message %d is deleted\r\n" % (index + 1)
        if self.uids[index] not in there:
            return b"-ERR the message is gone\r\n"
        form = self.forms[index]
        lines = form.removesuffix(b"\r\n").split(b"\r\n") if form else []
        stuffed = b"".join((b"." + line if line.startswith(b".") else line) + b"\r\n" for line in lines)
        return b"+OK %d octets\r\n%b.\r\n" % (len(form), stuffed)


class Maildrop(RuleBasedStateMachine):
    """``self.there``: UID -> octets as sent, as the store must have them."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.clock.advance(EPOCH)
        self.stores = self.make_stores()
        login = Login(MemoryDirectory(["example.org"], {TIM: "secret"}), Throttle(self.clock), self.clock)
        self.factory = POP3ServerFactory(
            *(POP3Settings("mail.example.org", allow_plaintext_auth=True), self.stores, login, Admission(9, 9), None),
            *(self.clock, Accounts(self.clock), str),
        )
        self.mailbox = result_of(result_of(self.stores.open(TIM)).open(INBOX))
        self.there: dict[int, bytes] = {}
        self.sessions: dict[int, Session] = {}
        self.names: dict[int, str] = {}

    def make_stores(self) -> Any:
        return MemoryStores(self.clock)

    def put(self, octets: bytes) -> None:
        self.stores.deliver(TIM, octets)

    @initialize(count=st.integers(0, 12))
    def some_mail(self, count: int) -> None:
        for _ in range(count):
            self.deliver("early", "x\r\n")

    # -- what happens meanwhile ----------------------------------------------------------------------------------

    @rule(subject=SUBJECTS, body=BODIES)
    def deliver(self, subject: str, body: str) -> None:
        self.put(f"Subject: {subject}\r\n\r\n{body}".encode())
        uid = result_of(self.mailbox.listing(False)).uids[-1]
        assert uid not in self.names
        self.there[uid] = self.octets(uid)
        [[self.names[uid]]] = result_of(self.mailbox.fetch([uid], ["name"])).columns

    def octets(self, uid: int) -> bytes:
        (found,) = result_of(self.mailbox.octets([uid], 1 << 20))
        assert isinstance(found, bytes)
        return found

    @rule(data=st.data())
    def expunge_by_imap(self, data: st.DataObject) -> None:
        if self.there:
            gone = data.draw(st.lists(st.sampled_from(list(self.there)), max_size=4))
            result_of(self.mailbox.expunge(gone))
            for uid in gone:
                self.there.pop(uid, None)

    @rule(data=st.data(), flag=st.sampled_from(["\\Seen", "\\Deleted", "word"]))
    def flag_by_imap(self, data: st.DataObject, flag: str) -> None:
        if self.there:
            uids = data.draw(st.lists(st.sampled_from(list(self.there)), max_size=4))
            result_of(self.mailbox.store(uids, FlagOp.ADD, frozenset({flag}), None))

    @rule()
    def select_by_imap(self) -> None:
        assert result_of(self.mailbox.snapshot(True)).uids == tuple(self.there)

    # -- what clients do -----------------------------------------------------------------------------------------

    @rule(who=st.integers(0, 1), utf8=st.booleans())
    def log_in(self, who: int, utf8: bool) -> None:
        if who not in self.sessions:
            self.sessions[who] = Session(self.factory, utf8, self.there)

    @precondition(lambda self: self.sessions)
    @rule(data=st.data())
    def retrieve(self, data: st.DataObject) -> None:
        session = self.drawn(data)
        wanted = data.draw(st.lists(st.integers(0, len(session.uids) + 1), min_size=1, max_size=20))
        if data.draw(st.booleans()):
            wanted = sorted(wanted)
        expected = b"".join(session.message(index, self.there) for index in wanted)
        if expected.count(b"-ERR no such") < 15:
            assert session.ask(b"".join(b"RETR %d\r\n" % (index + 1) for index in wanted)) == expected

    @precondition(lambda self: self.sessions)
    @rule(data=st.data())
    def list_all(self, data: st.DataObject) -> None:
        session = self.drawn(data)
        sizes = b"".join(b"%d %d\r\n" % (index + 1, len(session.forms[index])) for index in session.left)
        names = b"".join(b"%d %b\r\n" % (i + 1, self.names[session.uids[i]].encode()) for i in session.left)
        count, octets = session.summary
        assert session.ask(b"STAT\r\nLIST\r\nUIDL\r\n") == (
            b"+OK %d %d\r\n+OK %d messages (%d octets)\r\n%b.\r\n+OK unique ids follow\r\n%b.\r\n"
            % (count, octets, count, octets, sizes, names)
        )

    @precondition(lambda self: self.sessions)
    @rule(data=st.data())
    def mark(self, data: st.DataObject) -> None:
        session = self.drawn(data)
        for index in (
            data.draw(st.lists(st.sampled_from(session.left), max_size=3, unique=True)) if session.left else []
        ):
            assert session.ask(b"DELE %d\r\n" % (index + 1)) == b"+OK message %d deleted\r\n" % (index + 1)
            session.marked.add(index)

    @precondition(lambda self: self.sessions)
    @rule(data=st.data())
    def unmark(self, data: st.DataObject) -> None:
        session = self.drawn(data)
        session.marked.clear()
        assert session.ask(b"RSET\r\n") == b"+OK %d messages (%d octets)\r\n" % session.summary

    @precondition(lambda self: self.sessions)
    @rule(data=st.data())
    def quit(self, data: st.DataObject) -> None:
        session = self.drawn(data)
        assert session.ask(b"QUIT\r\n") == b"+OK bye\r\n"
        assert not session.transport.connected
        for index in session.marked:
            self.there.pop(session.uids[index], None)
        self.forget(session)
        assert result_of(self.mailbox.listing(False)).uids == tuple(self.there)

    @precondition(lambda self: self.sessions)
    @rule(data=st.data())
    def break_off(self, data: st.DataObject) -> None:
        session = self.drawn(data)
        session.hang_up()
        self.forget(session)
        assert result_of(self.mailbox.listing(False)).uids == tuple(self.there)

    def drawn(self, data: st.DataObject) -> Session:
        return self.sessions[data.draw(st.sampled_from(sorted(self.sessions)))]

    def forget(self, session: Session) -> None:
        self.sessions = {who: each for who, each in self.sessions.items() if each is not session}

    def teardown(self) -> None:
        for session in self.sessions.values():
            session.hang_up()
        assert self.factory.accounts.shelf.octets == 0
        assert len(self.factory.sessions) == 0
        for uid, octets in self.there.items():
            assert self.octets(uid) == octets


class OnDisk(Maildrop):
    """The same with the real store."""

    def make_stores(self) -> Any:
        self.folder = tempfile.TemporaryDirectory()
        self.spool = Spool(str(Path(self.folder.name) / "spool"), Inline())
        self.spool.clean()
        return MaildirStores(
            str(Path(self.folder.name) / "store"), RealDisk(), Inline(), self.clock, "mail.example.org"
        )

    def put(self, octets: bytes) -> None:
        draft = self.spool.draft()
        draft.write(octets)
        placed = self.stores.placements(
            [ToMailbox(TIM)], Envelope("1", NULL_SENDER, (), EPOCH), b"", result_of(draft.content())
        )
        place(RealDisk(), placed)
        self.stores.arrived(placed)

    def teardown(self) -> None:
        super().teardown()
        result_of(self.stores.close())
        self.folder.cleanup()


@pytest.fixture(autouse=True, scope="module")
def no_waiting_for_the_disk() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda fd: None)
        yield


#: A failure is shown as it was found: to make it small takes minutes.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much]
Maildrop.TestCase.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None, phases=PHASES, suppress_health_check=SLOW
)
OnDisk.TestCase.settings = settings(
    max_examples=8, stateful_step_count=30, deadline=None, phases=PHASES, suppress_health_check=SLOW
)
TestMaildropInMemory = Maildrop.TestCase
TestMaildropOnDisk = OnDisk.TestCase
