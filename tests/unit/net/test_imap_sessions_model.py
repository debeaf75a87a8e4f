"""Three sessions on two mailboxes, of any dialect, beside deliveries and other programs: what each was told agrees with
a plain model of the RFC after each step.

``imap_model`` has the model and the clients.  In memory, and with the real store, where other programs rename and
remove files.
"""

from __future__ import annotations

import os
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from imap_model import Believer, Box, Kind, copied
from imap_worlds import FilesBehind, InMemory, OnDisk
from test_imap_session import ANN, Client

from mailsuite.model import DELETED, FLAGGED, INBOX, SEEN

#: The second mailbox, and what it may be renamed to.
NAMES = ("Größe", "Höhe & Tiefe")
FLAGS = (SEEN, FLAGGED, DELETED, "$Work")
which = st.integers(0, 9)
who = st.integers(0, 2)
place = st.integers(0, 1)
flag = st.sampled_from(FLAGS)
flags = st.sets(flag, max_size=2)
op = st.sampled_from(("", "+", "-"))
kinds = st.builds(Kind, st.booleans(), st.booleans())


class Sessions(RuleBasedStateMachine):
    """Each rule is a step of one session, or of somebody else."""

    make_world: Any = InMemory

    @initialize(kinds=st.tuples(kinds, kinds, kinds))
    def begin(self, kinds: tuple[Kind, Kind, Kind]) -> None:
        self.world = self.make_world()
        self.boxes = (Box(INBOX), Box(NAMES[0]))
        self.number = 0
        self.sizes: dict[int, int] = {}
        #: (mailbox, UID) -> the selections that showed it as recent.
        self.recent: dict[tuple[Box, int], set[int]] = {}
        self.selections = 0
        self.truths = [self.connect(Kind(rev2=True)) for _ in self.boxes]
        self.truths[0].say(b'CREATE "%b"' % NAMES[0].encode())
        self.modseqs: dict[tuple[Box, int], int] = {}
        self.shown: dict[tuple[Box, int], set[str]] = {}
        for box, truth in zip(self.boxes, self.truths, strict=True):
            truth.select(box, True)
        for place in (0, 1, 0):
            self.deliver(place)
        self.clients = [self.connect(kind) for kind in kinds]
        self.chosen = [0, 0, 0]
        for index in range(3):
            self.select(index, 0, False)

    def connect(self, kind: Kind) -> Believer:
        client = Client(self.world.server)
        client.ask(b"l LOGIN %b secret" % ANN.encode())
        client.ask(b"e " + kind.enabling)
        return Believer(kind, client.ask)

    def message(self) -> bytes:
        self.number += 1
        return b"Subject: %d\r\n\r\n%b\r\n" % (self.number, b"x" * self.number)

    def with_mail(self, index: int) -> Believer | None:
        """That client, if it has a message."""
        client = self.clients[index]
        return client if client.box and client.numbers else None

    # -- steps of a session ------------------------------------------------------------------------------------------

    @rule(index=who, place=place, read_only=st.sampled_from((False, False, True)))
    def select(self, index: int, place: int, read_only: bool) -> None:
        self.selections += 1
        self.chosen[index] = self.selections
        self.clients[index].select(self.boxes[place], read_only)
        self.agree(index)
        self.check()

    @rule(index=who)
    def noop(self, index: int) -> None:
        if self.clients[index].box:
            self.clients[index].say(b"NOOP")
            self.agree(index)
        self.check()

    @rule(index=who)
    def close(self, index: int) -> None:
        client = self.clients[index]
        if client.box:
            known = [uid for uid in client.numbers if uid is not None]
            client.say(b"CLOSE")
            if not client.read_only:
                client.box.remove_deleted(known)
            client.box = None
            client.forget()
        self.check()

    @rule(
        index=who, which=which, op=st.sampled_from(("", "+", "-")), flags=flags, silent=st.booleans(), uid=st.booleans()
    )
    def store(self, index: int, which: int, op: str, flags: set[str], silent: bool, uid: bool) -> None:
        if client := self.with_mail(index):
            target = client.store(which, op, flags, silent, uid)
            if not client.read_only:
                client.box.change(target, op, flags)
        self.check()

    @rule(index=who, which=which, uid=st.booleans())
    def fetch_flags(self, index: int, which: int, uid: bool) -> None:
        if client := self.with_mail(index):
            _, name = client.named(which, uid)
            client.say(b"UID " * uid + b"FETCH %b (FLAGS)" % name)
        self.check()

    @rule(index=who, which=which, uid=st.booleans())
    def fetch_text(self, index: int, which: int, uid: bool) -> None:
        if client := self.with_mail(index):
            target, name = client.named(which, uid)
            lines = client.say(b"UID " * uid + b"FETCH %b (BODY[TEXT]<0.1>)" % name)
            mail = client.box.mails.get(target)
            assert any(b"BODY[TEXT]<0>" in line for line in lines) == (mail is not None)
            if mail is not None:
                client.reads(mail)
        self.check()

    @rule(index=who, flag=flag, uid=st.booleans())
    def search(self, index: int, flag: str, uid: bool) -> None:
        client = self.clients[index]
        if client.box:
            known = set(client.numbers)
            found = client.search(flag, uid)
            mails = client.box.mails
            assert found == {uid for uid, mail in mails.items() if flag in mail.flags and uid in known}
        self.check()

    @rule(index=who)
    def expunge(self, index: int) -> None:
        client = self.clients[index]
        if client.box:
            known = [uid for uid in client.numbers if uid is not None]
            client.say(b"EXPUNGE")
            if not client.read_only:
                client.box.remove_deleted(known)
        self.check()

    @rule(index=who, which=which)
    def uid_expunge(self, index: int, which: int) -> None:
        if client := self.with_mail(index):
            target, name = client.named(which, True)
            client.say(b"UID EXPUNGE " + name)
            if not client.read_only:
                client.box.remove_deleted([target])
        self.check()

    @rule(index=who, which=which, move=st.booleans(), uid=st.booleans())
    def copy(self, index: int, which: int, move: bool, uid: bool) -> None:
        if client := self.with_mail(index):
            target, name = client.named(which, uid)
            source = client.box
            into = self.boxes[client.box is self.boxes[0]]
            command = b"UID " * uid + (b"MOVE " if move else b"COPY ")
            lines = client.say(command + name + b" " + client.kind.name(into.name))
            mail = source.mails.get(target)
            if mail is None or (move and client.read_only):
                assert copied(lines) == {}
            else:
                assert copied(lines) == {target: into.take(mail.number, mail.flags)}
                if move:
                    del source.mails[target]
        self.check()

    @rule(index=who, place=place, flags=flags)
    def append(self, index: int, place: int, flags: set[str]) -> None:
        client, box, message = self.clients[index], self.boxes[place], self.message()
        words = " ".join(sorted(flags)).encode()
        lines = client.say(b"APPEND %b (%b) {%d+}\r\n%b" % (client.kind.name(box.name), words, len(message), message))
        found = re.match(rb"t OK \[APPENDUID \d+ (\d+)\]", lines[-1])
        assert found is not None
        assert int(found[1]) == box.take(self.number, flags)
        if client.box is box:  # RFC 3501 §6.3.11
            assert client.numbers[-1] == int(found[1])
        self.check()

    @rule(index=who, more=kinds)
    def enable(self, index: int, more: Kind) -> None:
        """In the middle of a selection, which servers may allow (RFC 9051 §6.3.1)."""
        self.clients[index].enable(more)
        self.clients[index].recent.clear()
        self.check()

    @rule(index=who)
    def rename(self, index: int) -> None:
        """Whoever has it selected goes on."""
        client, box = self.clients[index], self.boxes[1]
        old, box.name = box.name, NAMES[box.name == NAMES[0]]
        client.say(b"RENAME %b %b" % (client.kind.name(old), client.kind.name(box.name)))
        self.check()

    @rule(index=who, which=which, flags=flags)
    def idle(self, index: int, which: int, flags: set[str]) -> None:
        """While it idles something happens."""
        client = self.clients[index]
        if client.box:
            place = self.boxes.index(client.box)
            client.idle(lambda: self.other_flags(place, which, flags))
            self.agree(index)
        self.check()

    # -- steps of others ---------------------------------------------------------------------------------------------

    @rule(place=place)
    def deliver(self, place: int) -> None:
        self.world.deliver(self.message(), self.boxes[place].name)
        self.boxes[place].take(self.number, ())
        self.check()

    @rule(place=place, which=which, flags=flags)
    def other_flags(self, place: int, which: int, flags: set[str]) -> None:
        mails = self.boxes[place].mails
        if mails:
            uid = sorted(mails)[which % len(mails)]
            kept = mails[uid].flags & {"$Work"}
            mails[uid].flags = (flags - {"$Work"}) | kept
            self.world.set_flags(self.boxes[place].name, uid, mails[uid].flags)
        self.check()

    @rule(place=place, which=which)
    def other_drop(self, place: int, which: int) -> None:
        mails = self.boxes[place].mails
        if mails:
            uid = sorted(mails)[which % len(mails)]
            del mails[uid]
            self.world.drop(self.boxes[place].name, uid)
        self.check()

    # -- what must be so ---------------------------------------------------------------------------------------------

    def agree(self, index: int) -> None:
        """A client that was told everything."""
        client = self.clients[index]
        client.believes(client.box)
        for uid, modseq in client.modseqs.items():
            assert modseq == self.modseqs.get((client.box, uid), modseq)
        if not client.read_only:
            for uid in client.recent:
                self.recent.setdefault((client.box, uid), set()).add(self.chosen[index])

    def check(self) -> None:
        """The server's own view, the model's, and MODSEQ."""
        for box, truth in zip(self.boxes, self.truths, strict=True):
            truth.say(b"NOOP")
            truth.believes(box)
            lines = truth.say(b"UID FETCH 1:* (FLAGS MODSEQ RFC822.SIZE)")
            truth.believes(box)
            for line in lines[:-1]:
                self._size(box, line)
            for uid, mail in box.mails.items():
                self._modseq((box, uid), mail.flags, truth.modseqs[uid])
            [status] = [
                line
                for line in truth.say(b"STATUS %b (MESSAGES UIDNEXT UNSEEN DELETED)" % truth.kind.name(box.name))
                if b"STATUS" in line
            ]
            unseen = sum(SEEN not in mail.flags for mail in box.mails.values())
            deleted = sum(DELETED in mail.flags for mail in box.mails.values())
            counters = (len(box.mails), box.uidnext, unseen, deleted)
            assert status.endswith(b"(MESSAGES %d UIDNEXT %d UNSEEN %d DELETED %d)" % counters)
        assert all(len(selections) == 1 for selections in self.recent.values())

    def _size(self, box: Box, line: bytes) -> None:
        """A copy is the same message."""
        found = re.search(rb"UID (\d+).*RFC822.SIZE (\d+)", line)
        assert found is not None
        number = box.mails[int(found[1])].number
        assert self.sizes.setdefault(number, int(found[2])) == int(found[2])

    def _modseq(self, key: tuple[Box, int], flags: set[str], modseq: int) -> None:
        """It grows when flags change (RFC 7162 §3.1)."""
        before = self.modseqs.get(key, 0)
        assert modseq > before or (modseq == before and self.shown[key] == flags)
        self.modseqs[key], self.shown[key] = modseq, set(flags)

    def teardown(self) -> None:
        if hasattr(self, "clients"):
            for index in range(3):
                self.noop(index)
            self.world.close()


class SessionsOnDisk(Sessions):
    make_world = OnDisk


class SessionsBeforeFiles(Sessions):
    make_world = FilesBehind


@pytest.fixture(autouse=True, scope="module")
def no_waiting_for_the_disk() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda fd: None)
        yield


#: A failure is shown as it was found: to make it small takes minutes.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much]
Sessions.TestCase.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None, phases=PHASES, suppress_health_check=SLOW
)
SessionsOnDisk.TestCase.settings = SessionsBeforeFiles.TestCase.settings = settings(
    max_examples=6, stateful_step_count=30, deadline=None, phases=PHASES, suppress_health_check=SLOW
)
TestSessionsInMemory = Sessions.TestCase
TestSessionsOnDisk = SessionsOnDisk.TestCase
TestSessionsBeforeFiles = SessionsBeforeFiles.TestCase
