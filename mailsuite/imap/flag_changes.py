"""Which flags of which messages changed lately, so that a conditional STORE fails for no other flag's sake: RFC 7162
§3.1.12.

A message has one MODSEQ, whatever changed.  A session that hears of each change knows more: from where it began to
listen, what changed last and when.  Bounded by ``MOST`` messages; what is not known counts as changed.
"""

from __future__ import annotations

from mailsuite.model import Flags

#: Messages whose changes are remembered.
MOST = 1000


class FlagChanges:
    """All changes after MODSEQ ``since`` of the messages up to UID ``last`` are noted."""

    __slots__ = ("_changed", "_last", "_since")

    def __init__(self, since: int, last: int) -> None:
        self._changed: dict[int, dict[str, int]] = {}
        self.start(since, last)

    def start(self, since: int, last: int) -> None:
        """Anew, from there on."""
        self._since, self._last = since, last
        self._changed.clear()

    def note(self, uid: int, flags: Flags, modseq: int) -> None:
        """These were set or removed."""
        if len(self._changed) >= MOST and uid not in self._changed:
            latest = max(max(each.values()) for each in self._changed.values())
            self.start(max(latest, self._since), self._last)
        if flags:
            self._changed.setdefault(uid, {}).update(dict.fromkeys(map(str.lower, flags), modseq))

    def unchanged(self, uid: int, flags: Flags, modseq: int) -> bool:
        """Whether the message changed after that MODSEQ, but none of these flags did."""
        if modseq < self._since or uid > self._last:  # nor is it known when a message came
            return False
        changed = self._changed.get(uid, {})
        return bool(changed) and all(changed.get(flag.lower(), 0) <= modseq for flag in flags)
