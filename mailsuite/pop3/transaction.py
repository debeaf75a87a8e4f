"""The commands of a client that has logged in, on its maildrop as it was then (RFC 1939 §5, §7 TOP and UIDL).

Each answers by itself or gives the event that asks for the message; the caller sends what ``answers`` holds.
"""

from __future__ import annotations

from collections.abc import Callable

from mailsuite.pop3.answers import Answers
from mailsuite.pop3.events import ANSWERED, Event, Retrieve, Top
from mailsuite.pop3.grammar import parse_number
from mailsuite.pop3.maildrop import Maildrop
from mailsuite.pop3.texts import Text


class Transaction:
    """One session after its login; ``maildrop`` is empty before."""

    def __init__(self, answers: Answers) -> None:
        self.maildrop = Maildrop((), ())
        self._answers = answers

    def act(self, keyword: str, arguments: list[bytes]) -> Event:
        """Do one of them.  Raises Fault."""
        return _COMMANDS[keyword](self, arguments)

    def begin(self, maildrop: Maildrop) -> None:
        """The answer to the login."""
        self.maildrop = maildrop
        self._summarize()

    def _stat(self, _: list[bytes]) -> Event:
        self._answers.raw_ok(f"{self.maildrop.count} {self.maildrop.octets}")
        return ANSWERED

    def _list(self, arguments: list[bytes]) -> Event:
        if arguments:
            index = self._index(arguments)
            self._answers.raw_ok(f"{index + 1} {self.maildrop.size(index)}")
            return ANSWERED
        self._summarize()
        self._answers.begin_listing(self.maildrop.list_sizes())
        return ANSWERED

    def _uidl(self, arguments: list[bytes]) -> Event:
        if arguments:
            index = self._index(arguments)
            self._answers.raw_ok(f"{index + 1} {self.maildrop.name(index)}")
            return ANSWERED
        self._answers.ok(Text.NAMES)
        self._answers.begin_listing(self.maildrop.list_names())
        return ANSWERED

    def _retr(self, arguments: list[bytes]) -> Event:
        return Retrieve(self._index(arguments))

    def _top(self, arguments: list[bytes]) -> Event:
        return Top(self._index(arguments), parse_number(arguments[1]))

    def _dele(self, arguments: list[bytes]) -> Event:
        index = self._index(arguments)
        self.maildrop.delete(index)
        self._answers.ok(Text.DELETED, number=index + 1)
        return ANSWERED

    def _rset(self, _: list[bytes]) -> Event:
        self.maildrop.restore()
        self._summarize()
        return ANSWERED

    def _noop(self, _: list[bytes]) -> Event:
        self._answers.ok(Text.NOTHING)
        return ANSWERED

    def _summarize(self) -> None:
        self._answers.ok(Text.SUMMARY, count=self.maildrop.count, octets=self.maildrop.octets)

    def _index(self, arguments: list[bytes]) -> int:
        return self.maildrop.index(parse_number(arguments[0]))


_COMMANDS: dict[str, Callable[[Transaction, list[bytes]], Event]] = {
    "STAT": Transaction._stat,
    "LIST": Transaction._list,
    "UIDL": Transaction._uidl,
    "RETR": Transaction._retr,
    "TOP": Transaction._top,
    "DELE": Transaction._dele,
    "RSET": Transaction._rset,
    "NOOP": Transaction._noop,
}
