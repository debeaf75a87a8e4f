"""What mailboxes hold, in plain Python, and what a client may take them for by what it was told: RFC 3501 §2.3, §5.2,
§7.4.1, RFC 7162 §3.2.10, RFC 9051 §7.5."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import msgspec

from mailsuite.imap import names, sets
from mailsuite.model import DELETED, SEEN

RECENT = "\\Recent"
_ROW = re.compile(rb"\* (\d+) FETCH \((.*)", re.DOTALL)
_UID = re.compile(rb"\bUID (\d+)")
_FLAGS = re.compile(rb"\bFLAGS \(([^)]*)\)")
_MODSEQ = re.compile(rb"\bMODSEQ \((\d+)\)")
_VANISHED = re.compile(rb"\* VANISHED (\S+)")
_SEARCH = re.compile(rb"\* SEARCH((?: \d+)*)(?: \(MODSEQ \d+\))?")
_ESEARCH = re.compile(rb'\* ESEARCH \(TAG "t"\)( UID)?(?: ALL (\S+))?(?: MODSEQ \d+)?')


class Mail(msgspec.Struct):
    """``number``: which message it is, the same for its copies."""

    number: int
    flags: set[str]


class Box:
    """A mailbox as the RFC has it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.mails: dict[int, Mail] = {}
        self.uidnext = 1

    def take(self, number: int, flags: Iterable[str]) -> int:
        uid, self.uidnext = self.uidnext, self.uidnext + 1
        self.mails[uid] = Mail(number, set(flags))
        return uid

    def change(self, uid: int, op: str, flags: set[str]) -> None:
        if uid in self.mails:
            self.mails[uid].flags = applied(op, self.mails[uid].flags, flags)

    def remove_deleted(self, uids: Iterable[int]) -> None:
        for uid in uids:
            if uid in self.mails and DELETED in self.mails[uid].flags:
                del self.mails[uid]


def applied(op: str, before: set[str], flags: set[str]) -> set[str]:
    return {"": flags, "+": before | flags, "-": before - flags}[op] | set()


class Kind(msgspec.Struct, frozen=True):
    """What a client enabled."""

    rev2: bool = False
    qresync: bool = False

    @property
    def enabling(self) -> bytes:
        return b"ENABLE X" + b" IMAP4rev2" * self.rev2 + b" QRESYNC" * self.qresync

    def name(self, box: str) -> bytes:
        """On the wire."""
        return b'"%b"' % (box.encode() if self.rev2 else names.encode(box))


class Believer:
    """A client that believes what it is told.  ``numbers``: the UID of each message, None where it does not know yet;
    ``flags`` without \\Recent.  ``ask`` sends a line and gives the answer."""

    def __init__(self, kind: Kind, ask: Callable[[bytes], bytes]) -> None:
        self.kind = kind
        self.box: Box | None = None
        self.read_only = False
        self.numbers: list[int | None] = []
        self.flags: dict[int, set[str]] = {}
        self.modseqs: dict[int, int] = {}
        self.recent: set[int] = set()
        self._ask = ask
        self._expunges = self._asked = False

    # -- talking -----------------------------------------------------------------------------------------------------

    def say(self, command: bytes) -> list[bytes]:
        """The lines of the answer, after they were believed; it may be OK or NO, not BAD."""
        words = command.split()
        self._expunges = words[0] not in (b"FETCH", b"STORE", b"SEARCH")
        self._asked = b"FETCH" in words[:2] or b"STORE" in words[:2]
        return self._complete(b"t " + command)

    def _complete(self, line: bytes) -> list[bytes]:
        lines = self._listen(line)
        assert lines[-1].startswith((b"t OK", b"t NO")), lines
        self._fetch_unknown()
        return lines

    def _listen(self, line: bytes) -> list[bytes]:
        lines = self._ask(line).split(b"\r\n")[:-1]
        for each in lines:
            self._hear(each)
        return lines

    def idle(self, meanwhile: Callable[[], None]) -> None:
        """IDLE, during which something happens."""
        self._expunges, self._asked = True, False
        assert b"+ idling" in self._listen(b"t IDLE")
        meanwhile()
        self._complete(b"DONE")

    def select(self, box: Box, read_only: bool) -> None:
        self.box, self.read_only = box, read_only
        self.forget()
        lines = self.say((b"EXAMINE " if read_only else b"SELECT ") + self.kind.name(box.name))
        assert lines[-1].startswith(b"t OK [READ-ONLY]" if read_only else b"t OK [READ-WRITE]")
        listed = [line for line in lines if line.startswith(b"* LIST ")]
        assert len(listed) == self.kind.rev2  # RFC 9051 §6.3.2
        assert all(line.endswith((self.kind.name(box.name), b" INBOX")) for line in listed)

    def enable(self, more: Kind) -> None:
        """Also with a mailbox selected."""
        self.kind = Kind(self.kind.rev2 or more.rev2, self.kind.qresync or more.qresync)
        self.say(more.enabling)

    def forget(self) -> None:
        """Nothing is selected, or something else is about to be."""
        self.numbers, self.recent = [], set()
        self.flags, self.modseqs = {}, {}

    def _fetch_unknown(self) -> None:
        if None in self.numbers:
            first = self.numbers.index(None) + 1
            self.say(b"FETCH %d:%d (UID FLAGS)" % (first, len(self.numbers)))

    # -- listening ---------------------------------------------------------------------------------------------------

    def _hear(self, line: bytes) -> None:
        if row := _ROW.match(line):
            self._learn(int(row[1]), row[2])
        elif line.endswith(b" EXISTS"):
            count = int(line.split()[1])
            assert count >= len(self.numbers)
            self.numbers += [None] * (count - len(self.numbers))
        elif line.endswith(b" EXPUNGE"):
            assert self._expunges
            assert not self.kind.qresync
            self._lose(int(line.split()[1]) - 1)
        elif found := _VANISHED.fullmatch(line):
            assert self._expunges
            assert self.kind.qresync
            for uid in _numbers(found[1]):
                self._lose(self.numbers.index(uid))
        elif line.endswith(b" RECENT") or b"[UNSEEN" in line:
            assert not self.kind.rev2

    def _lose(self, place: int) -> None:
        uid = self.numbers.pop(place)
        assert uid is not None
        self.flags.pop(uid, None)
        self.modseqs.pop(uid, None)

    def _learn(self, number: int, items: bytes) -> None:
        told = _UID.search(items)
        assert number <= len(self.numbers)
        assert told or self._asked or not (self.kind.rev2 or self.kind.qresync)  # RFC 9051 §7.5.2, RFC 7162 §3.2.4
        before = self.numbers[number - 1]
        if told:
            assert before in (None, int(told[1]))
            self.numbers[number - 1] = before = int(told[1])
        if before is None:  # it will ask
            return
        if flags := _FLAGS.search(items):
            now = set(flags[1].decode().split())
            if RECENT in now:
                assert not self.kind.rev2
                self.recent.add(before)
            self.flags[before] = now - {RECENT}
        if modseq := _MODSEQ.search(items):
            assert int(modseq[1]) >= self.modseqs.get(before, 0)
            self.modseqs[before] = int(modseq[1])

    # -- what it does ------------------------------------------------------------------------------------------------

    def named(self, which: int, uid: bool) -> tuple[int, bytes]:
        """The UID of one of its messages, and how a command names it; there must be one."""
        place = which % len(self.numbers)
        found = self.numbers[place]
        assert found is not None
        return found, b"%d" % (found if uid else place + 1)

    def store(self, which: int, op: str, flags: set[str], silent: bool, uid: bool) -> int:
        """STORE of one message; its UID."""
        target, name = self.named(which, uid)
        command = b"%bSTORE %b %bFLAGS%b (%b)" % (
            b"UID " * uid,
            name,
            op.encode(),
            b".SILENT" * silent,
            " ".join(sorted(flags)).encode(),
        )
        if silent and not self.read_only:  # so it is, unless the answer says otherwise
            self.flags[target] = applied(op, self.flags[target], flags)
        lines = self.say(command)
        assert lines[-1].startswith(b"t NO [READ-ONLY]" if self.read_only else b"t OK"), lines
        return target

    def search(self, flag: str, uid: bool) -> set[int]:
        """UIDs of those that carry it; KEYWORD or a key of its own."""
        key = b"KEYWORD " + flag.encode() if flag[0] != "\\" else flag[1:].upper().encode()
        numbers = list(self.numbers)
        lines = self.say(b"UID " * uid + b"SEARCH " + key)
        [answer] = [line for line in lines if line.startswith((b"* SEARCH", b"* ESEARCH"))]
        assert answer.startswith(b"* ESEARCH") == self.kind.rev2
        if found := _ESEARCH.fullmatch(answer):
            assert bool(found[1]) == uid
            results = _numbers(found[2] or b"")
        else:
            plain = _SEARCH.fullmatch(answer)
            assert plain is not None
            results = list(map(int, plain[1].split()))
        if uid:
            return set(results)
        return {each for number in results if (each := numbers[number - 1]) is not None}

    def believes(self, box: Box) -> None:
        """All of it must be so."""
        assert self.numbers == sorted(box.mails)
        assert self.flags == {uid: mail.flags for uid, mail in box.mails.items()}

    def reads(self, mail: Mail) -> None:
        """What fetching a text does to the message."""
        if not self.read_only:
            mail.flags.add(SEEN)


def _numbers(text: bytes) -> list[int]:
    ranges = sets.parse(text) if text else ()
    return [number for low, high in ranges for number in range(low, high + 1)]


def copied(lines: Iterable[bytes]) -> dict[int, int]:
    """Source UID -> target UID of the COPYUID code among these (RFC 4315 §3)."""
    for line in lines:
        if found := re.search(rb"\[COPYUID \d+ (\S+) (\S+)\]", line):
            return dict(zip(_numbers(found[1]), _numbers(found[2]), strict=True))
    return {}
