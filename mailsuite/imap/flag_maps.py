"""What follows from flags, made once for each set of flags: a large mailbox has many messages and few sets."""

from __future__ import annotations

from mailsuite.imap import responses
from mailsuite.model import FlagOp, Flags


class Texts(dict[Flags, str]):
    """Their text in a FETCH response, of messages that are ``recent`` or of those that are not."""

    def __init__(self, recent: bool = False) -> None:
        super().__init__()
        self._recent = recent

    def __missing__(self, flags: Flags) -> str:
        text = self[flags] = responses.flags(flags, self._recent).decode()
        return text


class After(dict[Flags, Flags]):
    """What a client takes them for after its own STORE."""

    def __init__(self, op: FlagOp, flags: Flags) -> None:
        super().__init__()
        self._op = op
        self._flags = flags

    def __missing__(self, before: Flags) -> Flags:
        after = self[before] = self._applied(before)
        return after

    def _applied(self, before: Flags) -> Flags:
        if self._op is FlagOp.REPLACE:
            return self._flags
        return before | self._flags if self._op is FlagOp.ADD else before - self._flags
