"""How many messages one command may be about: MESSAGELIMIT, RFC 9738 §3.1.

FETCH, SEARCH, STORE, MOVE and UID EXPUNGE do it for the newest of them and say how far they came: the client goes on
with the rest.  COPY, SORT and THREAD, which make no sense in part, are refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailsuite.errors import TooManyMessages
from mailsuite.imap import codes, responses
from mailsuite.imap.returns import Window
from mailsuite.net.imap_session import Session


def told(session: Session, share: Share, code: bytes) -> bytes:
    """What the tagged OK says of a command that did not come to all, and has that ``code`` to say as well: then what
    was left stands in an untagged NO (RFC 9738 §3.1)."""
    if share.code and code:
        session.core.untagged(responses.no(b"not all of them", share.code))
    return code or share.code


class Share:
    """Of one command.  ``code`` says what it did not come to, if anything."""

    def __init__(self, limit: int) -> None:
        """0 for no limit."""
        self._limit = limit
        self.code = b""

    def newest(self, uids: list[int]) -> list[int]:
        """As many of these, which ascend, as it may be about."""
        if not self._limit or len(uids) <= self._limit:
            return uids
        kept = uids[-self._limit :]
        self.code = codes.messagelimit(self._limit, kept[0])
        return kept

    def all_of(self, uids: Sequence[int]) -> None:
        """Raises ``TooManyMessages`` if it may not be about all."""
        if self._limit and len(uids) > self._limit:
            raise TooManyMessages(self._limit)

    def refuse_window(self, window: Window) -> None:
        """The same if it asks for more by PARTIAL."""
        if self._limit and window.last - window.first >= self._limit:
            raise TooManyMessages(self._limit)
