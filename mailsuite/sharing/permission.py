"""What rights allow, RFC 4314 section 4."""

from __future__ import annotations

from mailsuite.errors import NotAllowed, NotFound
from mailsuite.model import DELETED, SEEN, Flags

#: Rights of which one is enough to be told one's rights, and to annotate (with ``l``; RFC 5464 section 3.3).
TELLING, ANNOTATING = "lrikxa", "rswip"
_OF_FLAG = {SEEN.lower(): "s", DELETED.lower(): "t"}
#: Rights to change flags.
FLAG_RIGHTS = "swt"


def demand(rights: str, needed: str, name: str) -> None:
    """Who may not look a mailbox up does not learn that it is there."""
    missing = [right for right in needed if right not in rights]
    if missing and "l" not in rights:
        raise NotFound(f"no mailbox {name}")
    if missing:
        raise NotAllowed(f"that takes the right {missing[0]} on {name}")


def permitted(flags: Flags, rights: str) -> Flags:
    """Those of the flags that somebody with these rights may set and clear."""
    if all(right in rights for right in FLAG_RIGHTS):
        return flags
    return frozenset(flag for flag in flags if _OF_FLAG.get(flag.lower(), "w") in rights)
