"""The messages of one session, as they were at the login (RFC 1939 §3), and which of them are marked as deleted.

Numbers never change within a session, whatever happens to the mailbox meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence


class NoMessage(Exception):
    """The number names no message (any more); the text is for the client."""


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
            raise NoMessage(f"no such message, there are {len(self._sizes)}")
        if number - 1 in self._deleted:
            raise NoMessage(f"message {number} is deleted")
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

    def list_sizes(self) -> str:
        """The lines of LIST."""
        return self._listing(self._sizes)

    def list_names(self) -> str:
        """The lines of UIDL."""
        return self._listing(self._names)

    def _listing(self, values: Sequence[object]) -> str:
        if not self._deleted:
            return "".join([f"{number} {value}\r\n" for number, value in enumerate(values, 1)])
        gone = self._deleted
        return "".join([f"{index + 1} {value}\r\n" for index, value in enumerate(values) if index not in gone])
