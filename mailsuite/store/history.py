"""When what changed in a mailbox: MODSEQ of its messages and UIDs that are gone, in the file ``mailsuite-modseq``.

It is what keeps MODSEQ when the index is lost, and answers QRESYNC (RFC 7162 §3.2).  Deliveries write nothing: each
takes one UID and one MODSEQ, so that MODSEQ of a message whose flags never changed follows from its UID and the last
line written before it.  Changes append a line within the unit that makes them.  The file is text, a line each:

``A <modseq> <uidnext>``: so the counters stood when messages arrived that no other line says;
``F <modseq> <uidnext> <letters|-> <uids>``: they have these letters since, UIDNEXT being that (0: not known any more);
``L <letters> <uids>``: they came with these letters;
``X <modseq> <uidnext> <uids>``: they are gone since;  ``H <modseq>``: which are gone is known from there on.

``uids`` is as in IMAP, ``3:5,9``.  A file that is much longer than need be is written anew from the index; of what is
gone the last ``MAX_GONE`` lines are kept.  One that cannot be read is as good as none: all messages count as changed.
"""

from __future__ import annotations

import bisect
import itertools
import os
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from twisted.logger import Logger

from mailsuite.interfaces import IDisk
from mailsuite.query import Ranges
from mailsuite.steps import Append, Put, Step

FILE = "mailsuite-modseq"
#: Lines about what is gone that are kept when the file is written anew.
MAX_GONE = 2000
#: Octets that the file may always have, and how many times what it had when it was written anew.
SMALL, GROWTH = 256 * 1024, 3

_HEAD = b"mailsuite-modseq 1 "

#: (UID, letters, MODSEQ) of every message, ascending.
Known: TypeAlias = Iterable[tuple[int, str, int]]

_log = Logger()


# -- UIDs as text ----------------------------------------------------------------------------------------------------


def ranges(uids: Iterable[int]) -> Ranges:
    """Of ascending UIDs, each once."""
    uids = tuple(uids)
    if uids and uids[-1] - uids[0] == len(uids) - 1:  # as most do that are many
        return ((uids[0], uids[-1]),)
    found: list[tuple[int, int]] = []
    first = last = 0
    for uid in uids:
        if uid != last + 1 or not first:
            if first:
                found.append((first, last))
            first = uid
        last = uid
    return (*found, (first, last)) if first else ()


def merged(many: Iterable[Ranges]) -> Ranges:
    """What is in any of them."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(each for one in many for each in one):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return tuple(found)


def missing(uids: Sequence[int], uidnext: int) -> Ranges:
    """Those below ``uidnext`` that are not among these, which ascend."""
    edges = itertools.pairwise((0, *uids, uidnext))
    return tuple((low + 1, high - 1) for low, high in edges if low + 1 < high)


def _text(uids: Ranges) -> str:
    return ",".join(str(low) if low == high else f"{low}:{high}" for low, high in uids)


def _parsed(text: str) -> Ranges:
    pairs = (each.partition(":") for each in text.split(","))
    return tuple((int(low), int(high or low)) for low, _, high in pairs)


# -- what the file says ----------------------------------------------------------------------------------------------


class Past:
    """The file, read.  ``gone``: (MODSEQ, UIDs) in order; ``floor`` as in ``H``."""

    def __init__(self, data: bytes) -> None:
        """ValueError if that is not such a file."""
        self.gone: list[tuple[int, Ranges]] = []
        self.floor = 0
        self._arrivals: list[tuple[int, int]] = []  # (UIDNEXT, MODSEQ), ascending
        self._last: dict[int, tuple[int, str]] = {}  # UID -> (MODSEQ, 0 for that of its arrival; letters)
        head, *lines = data.decode("ascii").split("\n")
        if not head.encode().startswith(_HEAD) or lines.pop() != "":
            raise ValueError("not what mailsuite wrote")
        for line in lines:
            self._read(line)

    def _read(self, line: str) -> None:
        kind, *words = line.split(" ")
        match kind:
            case "A" | "F" | "X":
                modseq, uidnext = int(words[0]), int(words[1])
                if uidnext:
                    self._arrivals.append((uidnext, modseq))
                if kind == "F":
                    self._note(_parsed(words[3]), modseq, words[2])
                elif kind == "X":
                    self.gone.append((modseq, _parsed(words[2])))
            case "L":
                self._note(_parsed(words[1]), 0, words[0])
            case "H":
                self.floor = int(words[0])
            case _:
                raise ValueError(f"no such line: {line!r}")

    def _note(self, uids: Ranges, modseq: int, letters: str) -> None:
        entry = modseq, letters.replace("-", "")
        for first, last in uids:
            self._last |= dict.fromkeys(range(first, last + 1), entry)

    def modseq(self, uid: int, letters: str, trusted: bool) -> int:
        """Of a message; 0 if that cannot be told.  ``trusted``: nobody can have changed its letters unseen."""
        modseq, known = self._last.get(uid, (0, ""))
        if letters != known and not (trusted and uid not in self._last):
            return 0
        return modseq or self._arrival(uid)

    def _arrival(self, uid: int) -> int:
        """0 if no line says."""
        at = bisect.bisect_right(self._arrivals, uid, key=lambda each: each[0]) - 1
        if at < 0:
            return 0
        uidnext, modseq = self._arrivals[at]
        return modseq + uid - uidnext + 1

    def newer(self, known: Known) -> dict[int, int]:
        """UID -> MODSEQ of those that changed after what an index says, which lost what it was told last: flags that
        were set and taken away again leave no other trace."""
        found = ((uid, self.modseq(uid, letters, trusted=False), modseq) for uid, letters, modseq in known)
        return {uid: now for uid, now, modseq in found if now > modseq}

    def names_gone(self, uid: int) -> bool:
        """Whether it was expunged, as far as that is kept."""
        return any(low <= uid <= high for _, uids in self.gone for low, high in uids)


def dump(known: Known, gone: Sequence[tuple[int, Ranges]], floor: int, offset: int | None) -> bytes:
    """A file that says this and no more.  ``offset``: MODSEQ less UIDNEXT of what arrived since the last line, if there
    was one."""
    if len(gone) > MAX_GONE:
        floor, gone = max(floor, gone[-MAX_GONE - 1][0]), gone[-MAX_GONE:]
    lines = [f"H {floor}"]
    changed: dict[tuple[int, str], list[int]] = {}
    last, since = 0, None
    for uid, letters, modseq in known:
        last = uid
        if letters:
            changed.setdefault((modseq, letters), []).append(uid)
        elif modseq - uid != since:
            since = modseq - uid
            lines.append(f"A {modseq - 1} {uid}")
    if offset is not None:
        lines.append(f"A {offset + last + 1} {last + 1}")
    lines += [f"F {modseq} 0 {letters} {_text(ranges(uids))}" for (modseq, letters), uids in sorted(changed.items())]
    lines += [f"X {modseq} 0 {_text(uids)}" for modseq, uids in gone if modseq > floor]
    body = "".join(f"{line}\n" for line in lines).encode("ascii")
    return _HEAD + b"%d\n" % len(body) + body


# -- writing it ------------------------------------------------------------------------------------------------------


def came(letters: Iterable[tuple[str, Iterable[int]]]) -> list[str]:
    """(Letters, UIDs of messages that arrive with them)."""
    return [f"L {each} {_text(ranges(sorted(uids)))}" for each, uids in letters if each]


def changed(letters: Iterable[tuple[str, Iterable[int]]], modseq: int, uidnext: int) -> list[str]:
    """(Letters, UIDs of messages that have them from now on)."""
    return [f"F {modseq} {uidnext} {each or '-'} {_text(ranges(sorted(uids)))}" for each, uids in letters]


def expunged(uids: Iterable[int], modseq: int, uidnext: int) -> str:
    """These are gone from now on."""
    return f"X {modseq} {uidnext} {_text(ranges(sorted(uids)))}"


class History:
    """The file of one mailbox.  Lines are written in two steps: what ``write`` returns is committed with what the lines
    are about, then ``done`` is called.  ``path`` follows the folder when it is renamed.  Blocking; needs the account's
    lock."""

    def __init__(self, disk: IDisk, path: str, known: Callable[[], Known], floor: int) -> None:
        """``known``: the messages in the index; ``floor``: MODSEQ up to which nothing is known of what is gone, where
        there is no file."""
        self.path = path
        self._disk = disk
        self._known = known
        self._floor = floor
        self._gone: list[tuple[int, Ranges]] | None = None
        self._offset: int | None = None  # MODSEQ less UIDNEXT by the last line
        self._limit = 0
        self._after: Callable[[], None] = _nothing
        #: Whether the index knows all messages, so that the file can be written anew from it.
        self.complete = True
        self._partial = False
        try:
            self._size = os.stat(path).st_size
        except FileNotFoundError:
            self._size = 0

    def load(self) -> Past | None:
        """What it says; None if it is not there or cannot be read, and is begun anew."""
        try:
            return Past(self._disk.read(self.path))
        except FileNotFoundError:
            pass
        except (ValueError, IndexError) as error:
            _log.error("{path} cannot be read, all messages count as changed: {error}", path=self.path, error=error)
        self.begin_anew()
        return None

    def begin_anew(self) -> None:
        """What a file may say is not about these messages."""
        self._size, self._gone = 0, []

    def before_arrivals(self, modseq: int, uidnext: int) -> list[Step]:
        """The counters stand so, and messages are about to arrive; mostly the last line says so already."""
        if self._offset == modseq - uidnext:
            return []
        return self.write([f"A {modseq} {uidnext}"], modseq, uidnext, in_order=False)

    def gone(self, uids: Iterable[int], modseq: int, uidnext: int) -> list[Step]:
        """These are gone."""
        uids = sorted(uids)
        return self.write([expunged(uids, modseq, uidnext)], modseq, uidnext, ranges(uids))

    def unsure(self, modseq: int, uidnext: int) -> list[Step]:
        """Some may be gone that nobody noticed; from this MODSEQ on all is known again."""
        steps = self.write([f"H {modseq}", f"A {modseq} {uidnext}"], modseq, uidnext)
        self._gone, self._floor = [], modseq
        return steps

    def write(
        self, lines: Sequence[str], modseq: int, uidnext: int, gone: Ranges = (), in_order: bool = True
    ) -> list[Step]:
        """The counters stand so after what the lines say.  Not ``in_order``: messages may be on their way of which the
        index does not know yet."""
        data = "".join(f"{line}\n" for line in lines).encode("ascii")
        too_long = self._size + len(data) > self._bound()
        whole = b""
        if not self._size or (self.complete and in_order and (too_long or self._partial)):
            whole = dump(self._known() if self.complete else (), self._all_gone(), self._floor, self._offset) + data
        size = len(whole) or self._size + len(data)
        limit = max(SMALL, GROWTH * len(whole)) if whole else self._limit
        partial = not self.complete if whole else self._partial

        def after() -> None:
            self._size, self._limit, self._offset, self._partial = size, limit, modseq - uidnext, partial
            if gone and self._gone is not None:
                self._gone.append((modseq, gone))

        self._after = after
        return [Put(self.path, whole) if whole else Append(self.path, self._size, data)]

    def done(self) -> None:
        """What was written is durable."""
        self._after()
        self._after = _nothing

    def doubt(self) -> None:
        """It may be, or not: say anew how the counters stand."""
        self._offset, self._after = None, _nothing

    def _bound(self) -> int:
        """Octets that it may have."""
        if not self._limit and self._size > SMALL:
            head = self._disk.read_part(self.path, 0, 64).partition(b"\n")[0].removeprefix(_HEAD)
            self._limit = max(SMALL, GROWTH * int(head)) if head.isdigit() else SMALL
        return self._limit or SMALL

    # -- what is gone ------------------------------------------------------------------------------------------------

    def _all_gone(self) -> list[tuple[int, Ranges]]:
        if self._gone is None:
            past = self.load() if self._size else None
            self._gone = past.gone if past else []
            self._floor = past.floor if past else self._floor
        return self._gone

    def vanished_since(self, modseq: int, uids: Sequence[int], uidnext: int) -> Ranges:
        """UIDs that are gone since; of the messages that are there, ``uids``, ascending.  Where that is not known any
        more, all below ``uidnext`` that are not there (RFC 7162 §3.2.6)."""
        gone = self._all_gone()
        if modseq < self._floor:
            return missing(uids, uidnext)
        found = merged(each for at, each in gone if at > modseq)
        return tuple(
            each
            for low, high in found
            for each in _without(low, high, uids[bisect.bisect_left(uids, low) : bisect.bisect_right(uids, high)])
        )


def _without(low: int, high: int, uids: Sequence[int]) -> Ranges:
    """Another program may have put back what was gone."""
    return tuple(
        (low + first - 1, low + last - 1) for first, last in missing([u - low + 1 for u in uids], high - low + 2)
    )


def _nothing() -> None:
    """Nothing was written."""
