"""How many messages one command may be about: MESSAGELIMIT, RFC 9738 §3.1.

FETCH, SEARCH, STORE, MOVE and UID EXPUNGE do it for the newest of them and say how far they came: the client goes on
with the rest.  COPY, SORT and THREAD, which make no sense in part, are refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailsuite.errors import TooManyMessages
from mailsuite.imap import codes


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
