"""What was sent where, and what clients were told about it.  Thread-safe."""

from __future__ import annotations

import enum
import hashlib
import random
import re
import threading
from collections import Counter
from collections.abc import Iterable

import msgspec

#: Octets of a body; most are small.
SIZES = (300, 2_000, 2_000, 12_000, 60_000, 400_000)
_TOKEN = re.compile(rb"^X-Token: (\S+)\r?$", re.M)


class Place(enum.Enum):
    """Where a message goes: the mailboxes, and the world."""

    IMAP = "demo"
    POP3 = "pop"
    FAR = "far"


class Arrival(msgspec.Struct, frozen=True):
    """At the sink, from the server's so manieth ``life``; ``cut``: without a word about it."""

    life: int
    cut: bool


class Accident(msgspec.Struct, frozen=True):
    """From when to when, in seconds since 1970, as the log of the server tells time."""

    kind: str
    begun: float
    over: float


class Entry(msgspec.Struct):
    """One message at one place.  ``gone``: its deletion was acknowledged; ``maybe_gone``: it was asked for, of the life
    ``asked``."""

    token: str
    place: Place
    answered: bool = False
    gone: bool = False
    maybe_gone: bool = False
    asked: int = 0
    flagged: bool = False
    reached: list[Arrival] = msgspec.field(default_factory=list)


class Ledger:
    """``wrong`` collects what clients found wrong while all went on; ``life`` counts the server's, from 0: one more
    after each kill."""

    def __init__(self, seed: int) -> None:
        self.entries: dict[tuple[str, Place], Entry] = {}
        self.wrong: list[str] = []
        self.life = 0
        self.accidents: list[Accident] = []
        self.counts: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._number = 0

    def new(self, *places: Place) -> tuple[str, bytes]:
        """A message for these places: its token and its octets."""
        with self._lock:
            self._number += 1
            token = f"t{self._number}"
            size = self._random.choice(SIZES)
            for place in places:
                self.entries[token, place] = Entry(token, place)
        return token, message(token, size)

    def answered(self, token: str, *places: Place) -> None:
        """The server has taken responsibility."""
        for place in places:
            self.entries[token, place].answered = True
        self.counts["accepted"] += 1

    def asked_to_delete(self, entries: Iterable[Entry]) -> None:
        """Before it is asked for."""
        for entry in entries:
            entry.maybe_gone, entry.asked = True, self.life

    def seen(self, octets: bytes, place: Place, life: int = -1) -> Entry | None:
        """Whose message this is; one that nobody sent, or that was changed, is noted.  ``life``: in which the session
        began.  What a later life than the one that was asked to delete it still has, is there to stay."""
        token = token_of(octets)
        entry = self.entries.get((token, place))
        if entry is None:
            self.complain(f"{place.value}: there is a message {token!r} that was not sent there")
        elif not is_whole(octets):
            self.complain(f"{place.value}: {token} was changed on its way")
        elif entry.gone:
            self.complain(f"{place.value}: {token} is there again after its deletion")
        elif entry.asked < life:
            entry.maybe_gone = False
        return entry

    def reached(self, octets: bytes, cut: bool) -> None:
        """The sink has it; ``cut``: without a word about it."""
        entry = self.seen(octets, Place.FAR)
        if entry is not None:
            entry.reached.append(Arrival(self.life, cut))

    def complain(self, words: str) -> None:
        with self._lock:
            if words not in self.wrong:
                self.wrong.append(words)


def message(token: str, size: int) -> bytes:
    """A message of lines that tells its own hash."""
    rng = random.Random(f"{token} {size}")
    body = b"".join(b"%x\r\n" % rng.getrandbits(280) for _ in range(size // 72 + 1))
    head = f"From: s@src.test\r\nTo: somebody@far.test\r\nSubject: {token}\r\nX-Token: {token}\r\n"
    return head.encode() + b"X-Hash: " + _hash(body) + b"\r\n\r\n" + body


def _hash(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()


def token_of(octets: bytes) -> str:
    found = _TOKEN.search(octets)
    return found[1].decode() if found else ""


def is_whole(octets: bytes) -> bool:
    """Whether the body is what its hash says."""
    head, _, body = octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n").partition(b"\r\n\r\n")
    return b"X-Hash: " + _hash(body) in head
