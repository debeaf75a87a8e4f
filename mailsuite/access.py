"""Rights on mailboxes as RFC 4314 has them: letters, and how those of a user follow from an access list.

An access list maps identifiers to rights: a canonical account name, ``anyone``, or one of these behind a ``-``, whose
rights are taken away (section 2).  The owner has all rights whatever it says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

#: Section 2.1, in the order in which they are shown.
RIGHTS = "lrswipkxtea"
#: Section 2.1.1: rights of RFC 2086, and what stands for them.
VIRTUAL: dict[str, str] = {"c": "kx", "d": "te"}
ANYONE = "anyone"

#: Identifier -> rights.
Access: TypeAlias = Mapping[str, str]


def ordered(rights: Iterable[str]) -> str:
    """Each once, without the virtual ones, in order."""
    given = set(rights)
    for virtual, members in VIRTUAL.items():
        if virtual in given:
            given.update(members)
    return "".join(right for right in RIGHTS if right in given)


def shown(rights: str) -> str:
    """As responses have them: with the virtual rights of which a member is there."""
    return rights + "".join(virtual for virtual, members in VIRTUAL.items() if set(members) & set(rights))


def effective(access: Access, owner: str, user: str) -> str:
    """The rights of ``user`` on a mailbox of ``owner``."""
    if user == owner:
        return RIGHTS
    given = set(access.get(user, "")) | set(access.get(ANYONE, ""))
    taken = set(access.get(f"-{user}", "")) | set(access.get(f"-{ANYONE}", ""))
    return ordered(given - taken)
