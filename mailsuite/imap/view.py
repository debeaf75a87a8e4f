"""A session's view of its selected mailbox: sequence numbers, \\Recent, and what the client was not told yet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mailsuite.model import Change, FlagOp, Flags, Snapshot
from mailsuite.query import Numbers, Query, Uids


class View:
    def __init__(self, snapshot: Snapshot, read_only: bool = False) -> None: ...

    read_only: bool
    uidvalidity: int

    def opening(self) -> list[bytes]:
        """The untagged responses of SELECT: FLAGS, EXISTS, RECENT, UNSEEN, UIDVALIDITY, UIDNEXT, PERMANENTFLAGS."""

    @property
    def messages(self) -> int:
        """How many the client knows of."""

    # -- numbers and UIDs
    def resolve(self, messages: Numbers | Uids) -> list[int]:
        """UIDs, ascending; what is not there is left out.  Raises ``ValueError``: a sequence number that is beyond
        the mailbox (answer BAD)."""

    def numbers(self, uids: Sequence[int]) -> list[int]:
        """Sequence numbers of UIDs that the view holds; KeyError for others."""

    def holds(self, uid: int) -> bool:
        """Whether the client knows it and it is not known to be gone."""

    def localize(self, query: Query) -> Query:
        """``Numbers``, ``IsRecent`` and ``*`` turned into plain ``Uids``."""

    def deleted(self, messages: Uids) -> list[int]:
        """UIDs among them that carry \\Deleted: what EXPUNGE and CLOSE remove."""

    # -- flags
    def flags_of(self, uid: int) -> Flags: ...
    def rendered_flags(self, uid: int) -> bytes:
        """``(\\Seen \\Recent)`` as FETCH shows it."""

    def flag_rows(self, uids: Sequence[int], uid: bool) -> bytes:
        """Every ``* n FETCH (FLAGS ...)`` line at once; with UID in front where ``uid``."""

    # -- changes
    def apply(self, changes: Iterable[Change]) -> None:
        """Take what the watch gave.  Afterwards ``overflowed`` says that ``resync`` is needed, ``gone`` that the
        selection must end."""

    overflowed: bool
    gone: bool

    def resync(self, snapshot: Snapshot) -> None:
        """Find the differences to a new snapshot, as if they had been told one by one."""

    def stored(self, results: Sequence[tuple[int, Flags, int]], op: FlagOp, flags: Flags, silent: bool) -> None:
        """After ``IMailbox.store`` for this session's STORE: rows are due for all, or for none where ``silent``
        unless another session changed them as well."""

    def tell(self, expunges: bool, uid: bool) -> list[bytes]:
        """The responses due, EXPUNGE only where allowed, EXISTS, RECENT, FETCH (with UID where ``uid``)."""
