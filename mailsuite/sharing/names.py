"""How others' mailboxes are called: ``<prefix>/<account>/<mailbox>``, the other users' namespace of RFC 2342."""

from __future__ import annotations

import msgspec

from mailsuite.errors import NotFound
from mailsuite.model import DELIMITER, INBOX


class Place(msgspec.Struct, frozen=True):
    """A mailbox as its owner calls it; an empty ``owner`` means one's own."""

    owner: str
    name: str


class Namespace:
    """``prefix`` is one level, such as ``Other Users``."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self._below = prefix + DELIMITER

    def is_shared(self, name: str) -> bool:
        """Whether it is the prefix or below it."""
        return name == self.prefix or name.startswith(self._below)

    def locate(self, name: str) -> Place:
        """NotFound for the levels above others' mailboxes, which are none."""
        if not self.is_shared(name):
            return Place("", name)
        owner, _, inner = name.removeprefix(self.prefix).removeprefix(DELIMITER).partition(DELIMITER)
        if not owner or not inner:
            raise NotFound(f"no mailbox {name}")
        head, delimiter, rest = inner.partition(DELIMITER)
        return Place(owner, INBOX + delimiter + rest if head.upper() == INBOX else inner)

    def show(self, owner: str, name: str) -> str:
        """What others call a mailbox of ``owner``."""
        return DELIMITER.join((self.prefix, owner, name))

    def root(self, owner: str) -> str:
        return DELIMITER.join((self.prefix, owner))
