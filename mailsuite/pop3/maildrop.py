"""The messages of one session, as they were at the login (RFC 1939 §3), and which of them are marked as deleted.

Numbers never change within a session, whatever happens to the mailbox meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from mailsuite.pop3.grammar import Fault
from mailsuite.pop3.texts import Text

#: Lines of a listing that are made at a time.
SLICE = 1000


class NoMessage(Fault):
    """The number names no message (any more)."""


class Maildrop:
    """``sizes``: octets as sent; ``names``: unique ids, 1 to 70 visible ASCII characters (RFC 1939 §7 UIDL)."""

    def __init__(self, sizes: Sequence[int], names: Sequence[str]) -> None:
        self._sizes = sizes
        self._names = names
        self._deleted: set[int] = set()
        self._left = sum(sizes)

    @property
    def count(self) -> int:
        """Messages that are not deleted."""
        return len(self._sizes) - len(self._deleted)

    @property
    def total(self) -> int:
        """Messages there were at the login."""
        return len(self._sizes)

    @property
    def octets(self) -> int:
        """The size of those together."""
        return self._left

    @property
    def deleted(self) -> tuple[int, ...]:
        """Indices of the messages that are, ascending."""
        return tuple(sorted(self._deleted))

    def index(self, number: int) -> int:
        """The index of the message a client calls ``number``; NoMessage if there is none or it is deleted."""
        if not 1 <= number <= len(self._sizes):
            raise NoMessage(Text.NO_MESSAGE, count=len(self._sizes))
        if number - 1 in self._deleted:
            raise NoMessage(Text.IS_DELETED, number=number)
        return number - 1

    def delete(self, index: int) -> None:
        self._deleted.add(index)
        self._left -= self._sizes[index]

    def restore(self) -> None:
        """RSET."""
        self._deleted.clear()
        self._left = sum(self._sizes)

    def size(self, index: int) -> int:
        return self._sizes[index]

    def name(self, index: int) -> str:
        return self._names[index]

    def list_sizes(self) -> Iterator[bytes]:
        """The lines of LIST, some at a time; no mark may be set meanwhile."""
        return self._listing(self._sizes)

    def list_names(self) -> Iterator[bytes]:
        """The lines of UIDL."""
        return self._listing(self._names)

    def _listing(self, values: Sequence[object]) -> Iterator[bytes]:
        gone = self._deleted
        for start in range(0, len(values), SLICE):
            part: Iterable[tuple[int, object]] = enumerate(values[start : start + SLICE], start + 1)
            if gone:
                part = filter(lambda each: each[0] - 1 not in gone, part)
            yield "".join([f"{number} {value}\r\n" for number, value in part]).encode()
