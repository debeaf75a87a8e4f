"""A session's view of its selected mailbox: sequence numbers, \\Recent, and what the client was not told yet.

Built from a ``Snapshot``, kept up by the ``Change`` values of a watch.  The store's truth comes in at once; what the
client knows moves only in ``tell`` (RFC 3501 section 7.4.1): a message that vanished keeps its number until EXPUNGE
may be sent, one that arrived has none until EXISTS was sent.  A message costs nothing until something changes, then
four octets for the UID and a reference to a shared set of flags.  Trusts the store: UIDs ascend, a change names each
message once.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence, Set
from itertools import compress, repeat
from typing import TypeAlias

from mailsuite.imap import codes, responses
from mailsuite.imap.flag_changes import FlagChanges
from mailsuite.imap.flag_maps import After, Texts
from mailsuite.imap.modseqs import Awareness, ModSeqs
from mailsuite.imap.notices import USUAL, EventKind
from mailsuite.imap.numbering import Numbering
from mailsuite.imap.permission import Permission
from mailsuite.imap.sets import ranges_of
from mailsuite.model import (
    DELETED,
    SYSTEM_FLAGS,
    Arrived,
    Change,
    FlagOp,
    Flags,
    FlagsChanged,
    Gone,
    Overflow,
    Snapshot,
    Vanished,
)
from mailsuite.query import Uids

#: (UID, flags, MODSEQ) of messages, UIDs ascending; see ``IMailbox.store``.
Results: TypeAlias = Sequence[tuple[int, Flags, int]]

#: Up to so many messages are removed one by one; more by copying what stays.
_FEW = 32


class View(Numbering):
    """See the module; not shared between sessions."""

    def __init__(self, snapshot: Snapshot, read_only: bool = False) -> None:
        super().__init__(snapshot.uids, snapshot.recent)
        self.may = Permission(snapshot.rights, read_only)
        self.uidvalidity = snapshot.uidvalidity
        #: Set by ``apply``: changes were lost, ``resync`` is needed.
        self.overflowed = False
        #: Set by ``apply``: the mailbox is no more, the selection must end.
        self.gone = False
        #: The client uses UIDs only: UIDFETCH and VANISHED are told instead of FETCH and EXPUNGE (RFC 9586 §3).
        self.uid_only = False
        self._rev2 = False
        #: What the client wants to be told (RFC 5465).
        self.wishes = USUAL
        #: The messages that the last ``tell`` told of as new.
        self.fresh: Sequence[int] = ()
        self._uidnext = snapshot.uidnext
        self._first_unseen = snapshot.first_unseen
        self._flags: list[Flags] | tuple[Flags, ...] = tuple(snapshot.flags)  # as ``_uids``
        self._keywords: dict[str, None] = dict.fromkeys(snapshot.keywords)
        # what the client knows
        self._told_recent = len(self._recent)
        self._told_keywords = len(self._keywords)
        # what it does not know yet: what it takes flags for, where they may differ; rows due in any case; what is
        # gone; and what was heard of MODSEQ
        self._believed: dict[int, Flags] = {}
        self._due: set[int] = set()
        self.modseqs = ModSeqs(snapshot.highestmodseq)
        self._flag_changes = FlagChanges(snapshot.highestmodseq, max(snapshot.uids[-1:], default=0))

    # -- SELECT --------------------------------------------------------------------------------------------------

    def opening(self) -> list[bytes]:
        """The untagged responses of SELECT and EXAMINE, RFC 3501 section 6.3.1."""
        return [
            self._flags_line(),
            responses.exists(len(self._uids)),
            *self._rev1_lines(),
            self.may.permanent_line(self._keywords),
            responses.ok(b"UIDs are valid", codes.uidvalidity(self.uidvalidity)),
            responses.ok(b"the next UID", codes.uidnext(self._uidnext)),
            responses.ok(b"the highest so far", codes.highestmodseq(self.modseqs.highest)),  # RFC 7162 §3.1.2.1
        ]

    def _rev1_lines(self) -> list[bytes]:
        """What IMAP4rev2 has no more, RFC 9051 Appendix E 11 and 12."""
        if self._rev2:
            return []
        lines = [responses.recent(len(self._recent))]
        if self._first_unseen and not self.uid_only:
            lines.append(responses.ok(b"the first unseen message", codes.unseen(self._first_unseen)))
        return lines

    def speak_rev2(self) -> None:
        """ENABLE IMAP4rev2: nothing is \\Recent any more, and each FETCH that nobody asked for tells the UID (RFC 9051
        §7.5.2)."""
        self._rev2 = True
        self._recent.clear()
        self._told_recent = 0

    def _flags_line(self) -> bytes:
        return b"* FLAGS (%s)\r\n" % " ".join((*SYSTEM_FLAGS, *self._keywords)).encode()

    # -- flags ---------------------------------------------------------------------------------------------------

    def flags_of(self, uid: int) -> Flags:
        """As they are now; KeyError for a UID that the client does not know of."""
        return self._flags[self._index(uid)]

    def deleted(self, messages: Uids) -> list[int]:
        """UIDs among these that carry \\Deleted: what EXPUNGE and CLOSE remove."""
        uids = self.resolve(messages)
        return [uid for uid, place in zip(uids, self._places(uids), strict=True) if DELETED in self._flags[place]]

    def rendered_flags(self, uid: int) -> bytes:
        """``(\\Seen \\Recent)`` as FETCH shows it.  What this, ``rendered`` and ``flag_rows`` give counts as told."""
        self._shown((uid,))
        return responses.flags(self._flags[self._index(uid)], uid in self._recent)

    def rendered(self, uids: Sequence[int]) -> list[bytes]:
        """``rendered_flags`` of many, ascending."""
        self._shown(uids)
        return list(map(str.encode, self._flag_texts(uids, self.numbers(uids))))

    def _shown(self, uids: Sequence[int]) -> None:
        """The client hears of these flags in any case: they need not be told once more."""
        if self._believed or self._due:
            for uid in uids:
                self._believed.pop(uid, None)
            self._due.difference_update(uids)

    def flag_rows(self, uids: Sequence[int], uid: bool) -> bytes:
        """Every ``* n FETCH (FLAGS ...)`` line at once, with the UID in front where ``uid``."""
        self._shown(uids)
        numbers = self.numbers(uids)
        texts = self._flag_texts(uids, numbers)
        if self.uid_only:
            rows = [f"* {u} UIDFETCH (FLAGS {flags})\r\n" for u, flags in zip(uids, texts, strict=True)]
        elif uid:
            rows = [
                f"* {n} FETCH (UID {u} FLAGS {flags})\r\n" for n, u, flags in zip(numbers, uids, texts, strict=True)
            ]
        else:
            rows = [f"* {n} FETCH (FLAGS {flags})\r\n" for n, flags in zip(numbers, texts, strict=True)]
        return "".join(rows).encode()

    def _flag_texts(self, uids: Sequence[int], numbers: Sequence[int]) -> list[str]:
        if numbers and numbers[-1] - numbers[0] == len(numbers) - 1:  # one behind the other, as they are mostly asked
            found = self._flags[numbers[0] - 1 : numbers[-1]]
        else:
            found = [self._flags[number - 1] for number in numbers]
        texts = list(map(Texts().__getitem__, found))
        if self._recent:
            shown = Texts(recent=True)
            for place, uid in enumerate(uids):
                if uid in self._recent:
                    texts[place] = shown[found[place]]
        return texts

    # -- changes -------------------------------------------------------------------------------------------------

    def apply(self, changes: Iterable[Change]) -> None:
        """Take what the watch gave; see ``overflowed`` and ``gone`` afterwards."""
        for change in changes:
            match change:
                case Arrived():
                    self._arrive(change)
                case FlagsChanged(uids, flags, modseq):
                    self.modseqs.reached(modseq)
                    self._set(uids, flags, repeat(modseq))
                case Vanished(uids, modseq):
                    self.modseqs.reached(modseq)
                    self._vanish(uids, modseq)
                case Overflow():
                    self.overflowed = True
                case Gone():
                    self.gone = True

    def resync(self, snapshot: Snapshot, modseqs: Mapping[int, int]) -> None:
        """Find the differences to a new snapshot, as if they had been heard one by one.  ``modseqs``: those above
        ``modseqs.highest``, by UID, as far as anybody cares."""
        self.overflowed = False
        if snapshot.uidvalidity != self.uidvalidity:
            self.gone = True
            return
        known = set(self._uids)
        self._vanish(known.difference(snapshot.uids), self.modseqs.highest + 1)  # or later, nobody knows
        self.modseqs.reached(snapshot.highestmodseq)
        newest = (modseqs.get(uid, snapshot.highestmodseq) for uid in snapshot.uids)
        self._set(snapshot.uids, snapshot.flags, newest)
        fresh = [(uid, flags) for uid, flags in zip(snapshot.uids, snapshot.flags, strict=True) if uid not in known]
        if fresh:
            uids, flags_ = zip(*fresh, strict=True)
            self._arrive(Arrived(uids, flags_, recent=False))
        if not self._rev2:
            self._recent.update(snapshot.recent)
        self._keywords.update(dict.fromkeys(snapshot.keywords))
        self._flag_changes.start(self.modseqs.highest, max(self._uids[-1:], default=0))

    def stored(self, results: Results, op: FlagOp, flags: Flags, silent: bool) -> None:
        """After ``IMailbox.store`` for this session's STORE: rows are due for all of ``results``; where ``silent``
        only for what another session changed as well, so that it is not what the client now believes.  It does not
        matter whether the watch's echo of this comes before or after."""
        held = self._held(results)
        uids = [uid for uid, _, _ in held]
        places = self._places(uids)
        believed = list(map(self._believed.get, uids, map(self._flags.__getitem__, places)))
        self._take(held)
        if not silent:
            self._due.update(uids)
            return
        after = After(op, flags)
        for uid, before, place in zip(uids, believed, places, strict=True):
            if after[before] != self._flags[place]:
                self._believed[uid] = after[before]
            elif self._believed:
                self._believed.pop(uid, None)

    def left_alone(self, results: Results) -> None:
        """Those that a conditional STORE did not change, as they are now: the client should see why (RFC 7162
        §3.1.3)."""
        held = self._held(results)
        self._take(held)
        self._due.update(uid for uid, _, _ in held)

    def _held(self, results: Results) -> Results:
        """Those of messages that the client knows of."""
        places = self._places([uid for uid, _, _ in results])
        if not self._vanished and max(places, default=0) < self._told:
            return results
        return [each for each in results if self.holds(each[0])]

    def _take(self, results: Results) -> None:
        """So they are, or newer."""
        if results:
            uids, flags, modseqs = zip(*results, strict=True)
            self.modseqs.note(uids, modseqs)
            self._set(uids, flags, modseqs)

    def become(self, awareness: Awareness) -> None:
        """The client announces something while the mailbox is selected."""
        if self.modseqs.awareness is Awareness.NONE:
            self._flag_changes.start(self.modseqs.highest, max(self._uids[-1:], default=0))
        self.modseqs.raise_to(awareness)

    def unaffected(self, uids: Iterable[int], flags: Flags, modseq: int) -> list[int]:
        """Those of these that changed after that MODSEQ, but not in these flags, as far as is known (RFC 7162
        §3.1.12)."""
        return [uid for uid in uids if self._flag_changes.unchanged(uid, flags, modseq)]

    def _arrive(self, change: Arrived) -> None:
        last = self._uids[-1] if self._uids else 0
        self._flag_changes.arrive(change.uids[-1], change.modseq)
        own_uids, own_flags = self._own_uids(), self._own_flags()
        for uid, flags in zip(change.uids, change.flags, strict=True):
            if uid > last:
                own_uids.append(uid)
                own_flags.append(flags)
                self._learn(flags)
                if change.recent and not self._rev2:
                    self._recent.add(uid)

    def _set(self, uids: Sequence[int], flags: Iterable[Flags], modseqs: Iterable[int]) -> None:
        """Of those that are there.  One loop, for they may be all of a large mailbox."""
        own, vanished, heard, believed = self._own_flags(), self._vanished, self.modseqs.heard, self._believed
        there, told, aware = len(own), self._told, self.modseqs.awareness is not Awareness.NONE
        fresh = set()
        for uid, place, now, modseq in zip(uids, self._places(uids), flags, modseqs, strict=False):
            before = own[place] if place < there else now
            if now == before or uid in vanished or modseq < heard.get(uid, 0):
                continue
            own[place] = now
            fresh.add(now)
            if aware:
                self._flag_changes.note(uid, before ^ now, modseq)
            if place < told:
                heard[uid] = modseq
                believed.setdefault(uid, before)
        for now in fresh:
            self._learn(now)

    def _own_flags(self) -> list[Flags]:
        """To change them."""
        if isinstance(self._flags, tuple):
            self._flags = list(self._flags)
        return self._flags

    def _learn(self, flags: Flags) -> None:
        for flag in flags:
            if flag[0] != "\\":
                self._keywords[flag] = None

    def _vanish(self, uids: Iterable[int], modseq: int) -> None:
        uids = sorted(uids)
        places = self._places(uids)
        gone = [uid for uid, place in zip(uids, places, strict=True) if place < self._told]
        if gone:
            self._vanished.update(gone)
            self.modseqs.hold(modseq)
        untold = [place for place in places if self._told <= place < len(self._uids)]
        self._recent.difference_update(self._uids[place] for place in untold)
        self._remove(untold[::-1])

    # -- telling -------------------------------------------------------------------------------------------------

    def tell(self, expunges: bool, uid: bool) -> list[bytes]:
        """The responses due, which the client then knows: EXPUNGE or VANISHED only where ``expunges``, FETCH with the
        UID where ``uid``; see ``modseqs.code`` afterwards.  EXPUNGE goes from the highest number down, so that no
        number moves before it was said."""
        lines: list[bytes] = []
        kinds = self.wishes.kinds
        if expunges and self._vanished and EventKind.MESSAGE_EXPUNGE in kinds:
            lines += self._tell_expunges()
        self.fresh = ()
        if EventKind.MESSAGE_NEW in kinds:
            lines += self._tell_new()
        if EventKind.FLAG_CHANGE in kinds:
            aware = self.modseqs.awareness is not Awareness.NONE
            if self._believed or self._due or (aware and self.modseqs.heard):
                lines += self._tell_flags(uid or self._rev2, aware)
            self.modseqs.heard.clear()
        elif self._due:
            lines += self._tell_due(uid or self._rev2)
        return lines

    @property
    def holds_back(self) -> bool:
        """Whether an expunge is not told that the client wants to be told."""
        return bool(self._vanished) and EventKind.MESSAGE_EXPUNGE in self.wishes.kinds

    def _tell_new(self) -> list[bytes]:
        lines: list[bytes] = []
        if len(self._keywords) > self._told_keywords:
            self._told_keywords = len(self._keywords)
            lines += [self._flags_line(), self.may.permanent_line(self._keywords)]
        if len(self._uids) > self._told:
            self.fresh = self._uids[self._told :]
            self._told = len(self._uids)
            lines.append(responses.exists(self._told))
        if len(self._recent) != self._told_recent:
            self._told_recent = len(self._recent)
            lines.append(responses.recent(self._told_recent))
        return lines

    def _tell_due(self, uid: bool) -> list[bytes]:
        """Only what the client's own commands call for."""
        uids = sorted(self._due - self._vanished)
        self._due.clear()
        if self.modseqs.awareness is not Awareness.NONE:
            return self._modseq_rows(frozenset(uids), uids)
        return [self.flag_rows(uids, uid)] if uids else []

    def _tell_expunges(self) -> list[bytes]:
        uids = sorted(self._vanished)
        indexes = self._places(uids)[::-1]
        self._remove(indexes)
        self._told -= len(indexes)
        self._recent -= self._vanished
        for uid in self._believed.keys() & self._vanished:
            del self._believed[uid]
        for uid in self.modseqs.heard.keys() & self._vanished:
            del self.modseqs.heard[uid]
        self._due -= self._vanished
        self._vanished.clear()
        self.modseqs.release()
        if self.uid_only or self.modseqs.awareness is Awareness.QRESYNC:
            return [responses.vanished(ranges_of(uids))]  # RFC 7162 §3.2.10.2
        return [responses.expunge(index + 1) for index in indexes]

    def _tell_flags(self, uid: bool, aware: bool) -> list[bytes]:
        differing = {u for u, flags in self._believed.items() if flags != self._flags[self._index(u)]}
        uids = sorted((differing | self._due) - self._vanished)
        self._believed.clear()
        self._due.clear()
        if aware:
            changed = frozenset(uids)
            return self._modseq_rows(changed, sorted((changed | self.modseqs.heard.keys()) - self._vanished))
        return [self.flag_rows(uids, uid)] if uids else []

    def _modseq_rows(self, changed: Set[int], uids: Sequence[int]) -> list[bytes]:
        """RFC 7162 §3.2.4: with UID and MODSEQ.  Flags only of those ``changed``: what the client set with .SILENT it
        knows."""
        rows = []
        for number, uid in zip(self.numbers(uids), uids, strict=True):
            flags = [b"FLAGS " + self.rendered_flags(uid)] if uid in changed else []
            items = [*flags, b"MODSEQ (%d)" % self.modseqs.show(uid, 0)]
            if self.uid_only:
                rows.append(responses.uidfetch(uid, items))
            else:
                rows.append(responses.fetch(number, [b"UID %d" % uid, *items]))
        return rows

    def _remove(self, indexes: Sequence[int]) -> None:
        """``indexes`` descending."""
        if len(indexes) <= _FEW:
            own_uids, own_flags = self._own_uids(), self._own_flags()
            for index in indexes:
                del own_uids[index], own_flags[index]
            return
        stays = bytearray(b"\x01") * len(self._uids)
        for index in indexes:
            stays[index] = 0
        self._uids = array("I", compress(self._uids, stays))
        self._flags = list(compress(self._flags, stays))
