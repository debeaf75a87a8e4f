"""What all sessions of a world have seen of mailboxes, and what they must therefore see from now on.

A mailbox keeps its UIDVALIDITY; a UID names one message for ever, and one that was below UIDNEXT and not there never
comes to be there; a message stays until somebody asks for its removal, and a flag that a STORE added stays with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping

import msgspec


class Box(msgspec.Struct):
    """One mailbox under one UIDVALIDITY."""

    uidvalidity: int
    #: Below this every UID is known that there ever was.
    floor: int = 1
    #: UID -> digest of the message, empty where nobody has read it.
    known: dict[int, bytes] = {}
    #: UID -> flags that are surely set.
    flags: dict[int, frozenset[str]] = {}
    #: UIDs whose removal was asked for, and was confirmed.
    leaving: set[int] = set()
    gone: set[int] = set()


class Before(msgspec.Struct, frozen=True):
    """What was known before a session opened a mailbox: its answer may be older than what others hear meanwhile."""

    known: frozenset[int]
    gone: frozenset[int]
    flags: Mapping[int, frozenset[str]]


class Seen:
    """By account and mailbox; ``problem`` is told of contradictions."""

    def __init__(self, problem: Callable[[str], None]) -> None:
        self._problem = problem
        self._boxes: dict[tuple[str, str], Box] = {}
        #: ``Box.leaving`` of each, before anybody has opened it, too.
        self._leaving: defaultdict[tuple[str, str], set[int]] = defaultdict(set)

    def box(self, account: str, name: str, uidvalidity: int) -> Box:
        left = self._leaving[account, name]
        box = self._boxes.setdefault((account, name), Box(uidvalidity, known=dict.fromkeys(left, b""), leaving=left))
        if box.uidvalidity != uidvalidity:
            self._problem(f"UIDVALIDITY of {account}/{name} changed from {box.uidvalidity} to {uidvalidity}")
            box = self._boxes[account, name] = Box(uidvalidity)
        return box

    def leaves(self, account: str, name: str, uid: int) -> None:
        """Another program removes it; who reads late may see it still."""
        self._leaving[account, name].add(uid)
        if box := self._boxes.get((account, name)):
            box.known.setdefault(uid, b"")

    def has_left(self, account: str, name: str, uid: int) -> None:
        """It does so since long."""
        if box := self._boxes.get((account, name)):
            box.gone.add(uid)

    def was_flagged(self, account: str, name: str, uid: int, flag: str) -> None:
        """By another program, long ago."""
        if box := self._boxes.get((account, name)):
            self.flagged(box, uid, flag)

    def before(self, account: str, name: str) -> Before:
        """To be asked before a session opens the mailbox, and given to ``listed``."""
        box = self._boxes.get((account, name))
        if box is None:
            return Before(frozenset(), frozenset(), {})
        return Before(frozenset(box.known), frozenset(box.gone), dict(box.flags))

    def listed(self, where: str, box: Box, uidnext: int, flags: Mapping[int, frozenset[str]], before: Before) -> None:
        """A session has just opened the mailbox: UIDNEXT, and the flags of all messages by UID."""
        for uid in sorted(before.known - box.leaving - flags.keys()):
            self._problem(f"{where}: UID {uid} is not there any more, which nobody removed")
        for uid in sorted(before.gone & flags.keys()):
            self._problem(f"{where}: UID {uid} is there again")
        for uid, has in flags.items():
            self.uid(where, box, uid)
            if missing := before.flags.get(uid, frozenset()) - has:
                self._problem(f"{where}: UID {uid} has lost {sorted(missing)}")
        box.floor = max(box.floor, uidnext)

    def uid(self, where: str, box: Box, uid: int) -> None:
        """There is such a message."""
        if uid not in box.known:
            if uid < box.floor:
                self._problem(f"{where}: UID {uid} is new, and UIDNEXT was {box.floor} before")
            box.known[uid] = b""

    def message(self, where: str, box: Box, uid: int, digest: bytes) -> None:
        self.uid(where, box, uid)
        before = box.known[uid]
        if before not in (b"", digest):
            self._problem(f"{where}: UID {uid} names two messages")
        box.known[uid] = digest

    def flagged(self, box: Box, uid: int, flag: str) -> None:
        """A STORE that added it was answered OK."""
        box.flags[uid] = box.flags.get(uid, frozenset()) | {flag}
