"""Which flags of which messages changed lately, so that a conditional STORE fails for no other flag's sake: RFC 7162
§3.1.12.

A message has one MODSEQ, whatever changed.  A session that hears of each change knows more: from where it began to
listen, what changed last and when.  Bounded by ``MOST`` messages; what is not known counts as changed.
"""

from __future__ import annotations

from bisect import bisect_left
from math import inf
from operator import itemgetter

from mailsuite.model import Flags

#: Messages whose changes are remembered.
MOST = 1000


class FlagChanges:
    """All changes after MODSEQ ``since`` are noted, of the messages up to UID ``last`` and of those that came later."""

    __slots__ = ("_came", "_changed", "_last", "_since")

    def __init__(self, since: int, last: int) -> None:
        self._changed: dict[int, dict[str, int]] = {}
        self._came: list[tuple[int, int]] = []  # (UID, MODSEQ): messages up to that one came no later
        self.start(since, last)

    def start(self, since: int, last: int) -> None:
        """Anew, from there on."""
        self._since, self._last = max([since, *(modseq for _, modseq in self._came)]), last
        self._changed.clear()
        self._came.clear()

    def arrive(self, last: int, modseq: int) -> None:
        """Messages up to that UID came, with that MODSEQ at most; 0 if it is not known."""
        if modseq:
            self._came.append((last, modseq))
            del self._came[:-MOST]  # those that came with what is forgotten came before what follows

    def note(self, uid: int, flags: Flags, modseq: int) -> None:
        """These were set or removed."""
        if len(self._changed) >= MOST and uid not in self._changed:
            latest = max(max(each.values()) for each in self._changed.values())
            self._since = max(latest, self._since)
            self._changed.clear()
        if flags:
            self._changed.setdefault(uid, {}).update(dict.fromkeys(map(str.lower, flags), modseq))

    def unchanged(self, uid: int, flags: Flags, modseq: int) -> bool:
        """Whether the message changed after that MODSEQ, but none of these flags did."""
        if modseq < max(self._since, self._arrival(uid)):
            return False
        changed = self._changed.get(uid, {})
        return bool(changed) and all(changed.get(flag.lower(), 0) <= modseq for flag in flags)

    def _arrival(self, uid: int) -> float:
        """A MODSEQ by which the message was there."""
        if uid <= self._last:
            return 0
        group = bisect_left(self._came, uid, key=itemgetter(0))
        return self._came[group][1] if group < len(self._came) else inf
