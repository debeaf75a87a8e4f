"""Commands that ask or order something outside of a transaction: VRFY, EXPN and HELP (RFC 5321 §3.5), ETRN (RFC 1985).

Each is offered to those who get more than a refusal; who that is, the listener says.
"""

from __future__ import annotations

from collections.abc import Callable

from mailsuite.smtp.esmtp.extension import Extension, Session
from mailsuite.smtp.extensions import Who


def may_ask(who: Who, session: Session) -> bool:
    """Whether the client is one of those."""
    match who:
        case Who.AUTHENTICATED:
            return session.known
        case Who.TRUSTED:
            return session.options.trusted
    return False


def _for(who: Callable[[Session], Who]) -> Callable[[Session], bool]:
    return lambda session: may_ask(who(session), session)


VRFY = Extension("VRFY", offered=_for(lambda session: session.options.vrfy))
EXPN = Extension("EXPN", offered=_for(lambda session: session.options.expn))
ETRN = Extension("ETRN", offered=_for(lambda session: session.options.etrn))
HELP = Extension("HELP")
