"""What CAPA says (RFC 2449 §§5, 6)."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec


class Terms(msgspec.Struct, frozen=True):
    """How often one may log in, and for how long mail stays."""

    #: Seconds between two logins (RFC 2449 §6.5), 0: none; before the login the most that any account has.
    login_delay: int = 0
    #: Days that messages stay at least (RFC 2449 §6.7); before the login the fewest that any account has; -1: NEVER.
    expire_days: int = -1
    #: Before the login: an account may have another delay, or other days.
    delay_differs: bool = False
    days_differ: bool = False


def announced(terms: Terms) -> Iterator[str]:
    """The lines of EXPIRE and LOGIN-DELAY; USER tells a client to ask again after its login."""
    days = str(terms.expire_days) if terms.expire_days >= 0 else "NEVER"
    yield f"EXPIRE {days}{' USER' if terms.days_differ else ''}"
    if terms.login_delay:
        yield f"LOGIN-DELAY {terms.login_delay}{' USER' if terms.delay_differs else ''}"
