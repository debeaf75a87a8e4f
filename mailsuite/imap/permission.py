"""What a session may change in its selected mailbox: EXAMINE, and the rights of RFC 4314."""

from __future__ import annotations

from collections.abc import Iterable

from mailsuite.imap import responses
from mailsuite.model import DELETED, SEEN, SYSTEM_FLAGS

#: Rights to change anything of a selected mailbox, and those that a flag takes other than ``w`` (RFC 4314 §4, §5.2).
_CHANGING = frozenset("swtie")
_RIGHT_OF = {SEEN: "s", DELETED: "t"}


class Permission:
    """``read_only``: nothing can be changed, since the client wants it so or has no right to (RFC 4314 §5.2)."""

    __slots__ = ("_rights", "read_only")

    def __init__(self, rights: str, read_only: bool) -> None:
        self.read_only = read_only or not _CHANGING & set(rights)
        self._rights = rights

    @property
    def expunge(self) -> bool:
        """RFC 4314 §4."""
        return "e" in self._rights

    @property
    def keep_seen(self) -> bool:
        """Whether reading a message marks it as \\Seen."""
        return self._change(SEEN)

    def _change(self, flag: str) -> bool:
        """RFC 4314 §4."""
        return not self.read_only and _RIGHT_OF.get(flag, "w") in self._rights

    def permanent_line(self, keywords: Iterable[str]) -> bytes:
        """PERMANENTFLAGS, RFC 3501 section 7.1."""
        words = [flag for flag in (*SYSTEM_FLAGS, *keywords, "\\*") if self._change(flag)]
        if self.read_only:
            text = b"read-only"
        else:
            text = b"these are kept, new keywords too" if "\\*" in words else b"these are kept"
        return responses.ok(text, b"PERMANENTFLAGS (%s)" % " ".join(words).encode())
