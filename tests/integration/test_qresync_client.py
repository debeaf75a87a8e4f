"""A client that remembers (UIDVALIDITY, HIGHESTMODSEQ, UIDs) hears of what changed while it was away, and no more.

RFC 7162 §3.2.5 through a whole server, with Python's imaplib; the index is deleted while the server is down.
"""

from __future__ import annotations

import imaplib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from mailsuite.testing.instance import Instance, running

_ROW = re.compile(rb"\d+ \(UID (\d+) FLAGS \(([^)]*)\)(?: MODSEQ \((\d+)\))?\)")


class Heard(msgspec.Struct, frozen=True):
    """What one synchronisation brought."""

    vanished: frozenset[int]
    changed: dict[int, frozenset[bytes]]
    arrived: frozenset[int]


@contextmanager
def session(instance: Instance) -> Iterator[imaplib.IMAP4]:
    with imaplib.IMAP4("127.0.0.1", instance.ports["imap"], timeout=20) as imap:
        imap.login(instance.account, instance.password)
        yield imap


def flags_from(imap: imaplib.IMAP4, first: int) -> dict[int, frozenset[bytes]]:
    """Of all messages with that UID or a higher one."""
    return rows(imap.uid("FETCH", f"{first}:*", "(FLAGS)")[1])


def rows(lines: Iterable[bytes | None]) -> dict[int, frozenset[bytes]]:
    """UID -> flags that FETCH lines tell; \\Recent is the session's own."""
    found = (_ROW.fullmatch(line) for line in lines if line)
    return {int(row[1]): frozenset(row[2].split()) - {rb"\Recent"} for row in found if row}


def number(imap: imaplib.IMAP4, code: str) -> int:
    return int(imap.response(code)[1][-1])


def truth(instance: Instance) -> dict[int, frozenset[bytes]]:
    with session(instance) as imap:
        imap.select()
        return flags_from(imap, 1)


class Client:
    """Keeps what it knows between its sessions."""

    def __init__(self) -> None:
        self.uidvalidity = self.modseq = 0
        self.messages: dict[int, frozenset[bytes]] = {}

    def synchronise(self, instance: Instance) -> Heard:
        with session(instance) as imap:
            assert imap.enable("QRESYNC")[0] == "OK"
            known = ",".join(map(str, sorted(self.messages)))
            state = f" (QRESYNC ({self.uidvalidity} {self.modseq} {known}))" if self.messages else ""
            assert imap.select("INBOX" + state)[0] == "OK"
            uidvalidity, modseq = number(imap, "UIDVALIDITY"), number(imap, "HIGHESTMODSEQ")
            assert self.uidvalidity in (0, uidvalidity)
            vanished = self._vanished(imap)
            changed = rows(imap.response("FETCH")[1])
            beyond = flags_from(imap, max(self.messages, default=0) + 1)  # at least the last message
        arrived = {uid: flags for uid, flags in beyond.items() if uid not in self.messages}
        self.uidvalidity, self.modseq = uidvalidity, modseq
        heard = Heard(frozenset(vanished), changed, frozenset(arrived))
        for uid in heard.vanished:
            self.messages.pop(uid, None)
        self.messages |= changed | arrived
        return heard

    def _vanished(self, imap: imaplib.IMAP4) -> set[int]:
        found: set[int] = set()
        for line in imap.response("VANISHED")[1]:
            if line:
                for piece in line.removeprefix(b"(EARLIER) ").split(b","):
                    low, _, high = piece.partition(b":")
                    found |= set(range(int(low), int(high or low) + 1))
        return found


NOTHING = Heard(frozenset(), {}, frozenset())


def append(imap: imaplib.IMAP4, count: int) -> None:
    for each in range(count):
        imap.append("INBOX", "", "", b"Subject: %d\r\n\r\nhello\r\n" % each)


def without_index(instance: Instance) -> None:
    files = list((instance.folder / "store/demo.test/demo").glob("index.sqlite*"))
    assert files
    for file in files:
        file.unlink()


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    return Instance(tmp_path / "i")


def test_the_loss_of_the_index_is_no_change_and_changes_are_heard_of_exactly(instance: Instance) -> None:
    client = Client()
    with running(instance):
        with session(instance) as imap:
            append(imap, 8)
            imap.select()
            imap.store("2:3", "+FLAGS", r"(\Flagged $Work)")
            imap.store("8", "+FLAGS", r"(\Deleted)")
            imap.expunge()
        client.synchronise(instance)
        assert client.messages == truth(instance)
        assert client.synchronise(instance) == NOTHING
        before = client.modseq
    without_index(instance)
    with running(instance):
        assert client.synchronise(instance) == NOTHING
        assert client.modseq == before
        with session(instance) as imap:
            imap.select()
            imap.store("1,4", "+FLAGS.SILENT", r"(\Deleted)")
            imap.expunge()
            imap.uid("STORE", "3", "-FLAGS", "($Work)")
            imap.uid("STORE", "5", "+FLAGS", r"(\Seen)")
            append(imap, 1)
    without_index(instance)
    with running(instance):
        heard = client.synchronise(instance)
        assert heard.vanished == {1, 4}
        assert heard.changed == {3: {rb"\Flagged"}, 5: {rb"\Seen"}}
        assert heard.arrived == {9}
        assert client.messages == truth(instance)
        assert client.synchronise(instance) == NOTHING


def test_after_a_kill_without_the_index_nothing_is_missed(instance: Instance) -> None:
    client = Client()
    instance.start()
    with session(instance) as imap:
        append(imap, 6)
    client.synchronise(instance)
    with session(instance) as imap:
        imap.select()
        imap.store("2", "+FLAGS", r"(\Deleted)")
        imap.expunge()
        imap.uid("STORE", "4", "+FLAGS", r"(\Seen)")
    instance.kill()
    without_index(instance)
    with running(instance):
        heard = client.synchronise(instance)
        assert heard.vanished >= {2}
        assert client.messages == truth(instance)
        assert client.messages.keys() == {1, 3, 4, 5, 6}
