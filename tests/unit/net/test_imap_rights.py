"""The table of RFC 4314 §4, cell by cell: which right each command takes in another's mailbox, and which not."""

from __future__ import annotations

import re

import pytest
from test_imap_session import ANN, Client, Server

from mailsuite.net.imap_server import IMAPServerFactory
from mailsuite.net.imap_settings import IMAPSettings
from mailsuite.net.login import Login
from mailsuite.net.sessions import Admission
from mailsuite.net.throttle import Throttle
from mailsuite.sharing.stores import SharingStores
from mailsuite.testing.quotas import MemoryQuotas
from mailsuite.testing.tls import ReadyTLS

BOB = "bob@example.org"
PLAIN = b"Subject: x\r\n\r\ny\r\n"
EVERY = "lrswipkxtea"

#: Commands outside of a selected mailbox -> the rights they take.  ``Box`` is the mailbox, ``Box/Kid`` below it has the
#: same rights, and ``INBOX`` is one's own, and selected where the command takes that.
ELSEWHERE = {
    b"CREATE {Box/New}": "k",
    b"DELETE {Box/Kid}": "x",
    b"RENAME {Box/Kid} {Box/Other}": "kx",
    b"SELECT {Box}": "r",
    b"EXAMINE {Box}": "r",
    b"STATUS {Box} (MESSAGES)": "r",
    b"SETACL {Box} eve@example.org lr": "a",
    b"DELETEACL {Box} eve@example.org": "a",
    b"GETACL {Box}": "a",
    b"LISTRIGHTS {Box} eve@example.org": "a",
    b"SUBSCRIBE {Box}": "",
    b"UNSUBSCRIBE {Box}": "",
    b'LSUB "" {Box}': "",
    b"MYRIGHTS {Box}": "",
    b"APPEND {Box} {4+}\r\na: b": "i",
    b"COPY 1 {Box}": "i",
    b"UID COPY 1 {Box}": "i",
}
#: With the mailbox selected, for which ``r`` was needed.
SELECTED = {
    b"EXPUNGE": "e",
    b"UID EXPUNGE 1": "e",
    b"CLOSE": "",
    b"FETCH 1 BODY[]": "",
    b"STORE 1 +FLAGS (\\Seen)": "s",
    b"STORE 1 -FLAGS (\\Deleted)": "t",
    b"STORE 1 +FLAGS (\\Flagged)": "w",
    b"STORE 1 +FLAGS (word)": "w",
}


class Shared(Server):
    """Ann's ``Box`` and ``Box/Kid``, on which Bob has these rights; message 1 of ``Box`` has \\Deleted."""

    def __init__(self, rights: str) -> None:
        super().__init__()
        self.directory.add(BOB)
        self.factory = IMAPServerFactory(
            IMAPSettings(allow_plaintext_login=True, other_users="Others"),
            SharingStores(self.stores, "Others", self.delivery.draft),
            self.delivery.draft,
            Login(self.directory, Throttle(self.clock), self.clock),
            Admission(100, 100),
            ReadyTLS(),
            self.clock,
            MemoryQuotas(self.stores),
        )
        self.stores.deliver(BOB, PLAIN)
        self.ann = self.client(False)
        for name in (b"Box", b"Box/Kid"):
            self.ann.ask(b"c CREATE " + name)
            assert b"a OK" in self.ann.ask(b"a SETACL %b %b %b" % (name, BOB.encode(), rights.encode() or b'""'))
        self.stores.deliver(ANN, PLAIN, "Box")
        self.ann.ask(b"s SELECT Box")
        self.ann.ask(b"d STORE 1 FLAGS (\\Deleted)")
        self.bob = Client(self)
        self.bob.ask(b"l LOGIN %b secret" % BOB.encode())

    def ask(self, command: bytes, select: str = "INBOX") -> bytes:
        """Bob says it, with ``select`` selected."""
        self.bob.ask(_named(b"s SELECT {Box}" if select == "Box" else b"s SELECT INBOX"))
        return self.bob.ask(b"x " + _named(command))

    @property
    def flags(self) -> set[bytes]:
        """Of the newest message of ``Box``, as Ann sees it; none there: ``gone``."""
        self.ann.ask(b"n NOOP")
        found = re.search(rb"FLAGS \((.*?)\)", self.ann.ask(b"f FETCH * FLAGS"))
        return set(found[1].split()) - {b"\\Recent"} if found else {b"gone"}


def _named(command: bytes) -> bytes:
    return re.sub(rb"\{(Box[^}]*)\}", rb'"Others/%b/\1"' % ANN.encode(), command)


@pytest.mark.parametrize("command", ELSEWHERE)
@pytest.mark.parametrize("missing", EVERY)
def test_commands_outside(command: bytes, missing: str) -> None:
    answer = Shared(EVERY.replace(missing, "")).ask(command)
    assert (b"x NO" in answer, b"x OK" in answer) == (
        missing in ELSEWHERE[command],
        missing not in ELSEWHERE[command],
    ), answer


@pytest.mark.parametrize("command", SELECTED)
@pytest.mark.parametrize("missing", EVERY.replace("r", ""))
def test_commands_inside(command: bytes, missing: str) -> None:
    answer = Shared(EVERY.replace(missing, "")).ask(command, "Box")
    refused = missing in SELECTED[command]
    assert (b"x NO [NOPERM]" in answer, b"x OK" in answer) == (refused, not refused), answer


@pytest.mark.parametrize("command", ELSEWHERE)
def test_what_is_required_is_enough(command: bytes) -> None:
    assert b"x OK" in Shared("l" + ELSEWHERE[command]).ask(command)


@pytest.mark.parametrize("right", EVERY)
def test_list_takes_l_and_never_refuses(right: str) -> None:
    answer = Shared(right).ask(b'LIST "" {Box}')
    assert (b"LIST (" in answer) == (right == "l")
    assert b"x OK" in answer


@pytest.mark.parametrize("right", EVERY)
def test_myrights_takes_any_of_some(right: str) -> None:
    assert (b"x OK" in Shared(right).ask(b"MYRIGHTS {Box}")) == (right in "lrikxa")


@pytest.mark.parametrize(
    ("rights", "kept"),
    [
        ("", set()),
        ("s", {b"\\Seen"}),
        ("w", {b"\\Flagged", b"word"}),
        ("t", {b"\\Deleted"}),
        ("swt", {b"\\Seen", b"\\Flagged", b"word", b"\\Deleted"}),
    ],
)
@pytest.mark.parametrize("copied", [False, True])
def test_flags_come_with_a_message_as_far_as_their_rights_go(rights: str, kept: set[bytes], copied: bool) -> None:
    server = Shared("lri" + rights)
    if copied:
        server.ask(b"STORE 1 FLAGS (\\Seen \\Flagged \\Deleted word)")
        assert b"x OK" in server.ask(b"COPY 1 {Box}")
    else:
        assert b"x OK" in server.ask(b"APPEND {Box} (\\Seen \\Flagged \\Deleted word) {4+}\r\na: b")
    assert server.flags == kept


@pytest.mark.parametrize("right", "swipkxtea")
def test_reading_marks_as_seen_with_s(right: str) -> None:
    server = Shared("lr" + right)
    assert b"x OK" in server.ask(b"FETCH 1 BODY[]", "Box")
    assert (b"\\Seen" in server.flags) == (right == "s")


@pytest.mark.parametrize("right", "swipkxtea")
def test_close_expunges_with_e(right: str) -> None:
    server = Shared("lr" + right)
    assert b"x OK" in server.ask(b"CLOSE", "Box")
    assert (server.flags == {b"gone"}) == (right == "e")
