"""IMAP commands of any state and before login: CAPABILITY, ID, NOOP, LOGOUT, ENABLE, STARTTLS, LOGIN, AUTHENTICATE."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from mailsuite.errors import BadCredentials, MailError, NotAllowed, NotFound, Throttled, Unsupported
from mailsuite.imap import codes, responses
from mailsuite.imap.dialect import REV2, UTF8_ACCEPT
from mailsuite.imap.events import (
    AuthenticateBegin,
    AuthenticateResponse,
    Capability,
    Command,
    Compress,
    Enable,
    Id,
    Logout,
    Noop,
    StartTls,
    Unauthenticate,
)
from mailsuite.imap.events import Login as LoginCommand
from mailsuite.imap.modseqs import Awareness
from mailsuite.imap.states import State
from mailsuite.model import Account
from mailsuite.net.imap_parts import BadCommand
from mailsuite.net.imap_session import Session
from mailsuite.net.login import Exchange
from mailsuite.sasl import base64
from mailsuite.sasl.values import Challenge, Credentials, SASLError

_SERVICE = "imap"

#: RFC 5161: what ENABLE turns on.
_CAN_BE_ENABLED: dict[str, Callable[[Session], None]] = {
    "CONDSTORE": lambda session: session.become(Awareness.CONDSTORE),
    "QRESYNC": lambda session: session.become(Awareness.QRESYNC),
    "UIDONLY": Session.use_uids_only,
    "UTF8=ACCEPT": lambda session: session.speak(UTF8_ACCEPT),  # RFC 9755 §3
    "IMAP4rev2": lambda session: session.speak(REV2),  # RFC 9051 §6.3.1
}
_SPELLED = {name.upper(): name for name in _CAN_BE_ENABLED}


def capability(session: Session, event: Capability) -> None:
    """RFC 3501 §6.1.1."""
    session.core.untagged(responses.capability(session.capabilities(session.core.state)))
    session.core.ok(event.tag, b"that is all")


def ident(session: Session, event: Id) -> None:
    """RFC 2971: says the name and not the version, which would only help an attacker."""
    session.core.untagged(responses.ident((("name", "mailsuite"),)))
    session.core.ok(event.tag, b"thank you")


async def enable(session: Session, event: Enable) -> None:
    """RFC 5161; RFC 7162 §3.2.3, RFC 9586 §3, RFC 9051 §6.3.1, RFC 9755 §3."""
    names = tuple(_SPELLED[name] for name in dict.fromkeys(event.names) if name in _SPELLED)
    for name in names:
        _CAN_BE_ENABLED[name](session)
    session.core.untagged(responses.enabled(names))
    await session.complete(event, b"done")


async def noop(session: Session, event: Noop) -> None:
    """NOOP and CHECK: also looks for what other programs did."""
    if session.selected:
        with contextlib.suppress(NotFound):  # deleted: the BYE that follows says so, here as anywhere
            await session.selection.mailbox.look()
    await session.complete(event, b"done")


def logout(session: Session, event: Logout) -> None:
    """RFC 3501 §6.1.3."""
    session.core.untagged(responses.bye(b"logging out"))
    session.core.ok(event.tag, b"goodbye")
    session.close()


def start_tls(session: Session, event: StartTls) -> None:
    """RFC 3501 §6.2.1."""
    if not (session.settings.starttls and session.parts.tls.available()):
        session.core.no(event.tag, b"TLS is not available here", codes.UNAVAILABLE)
        return
    session.core.ok(event.tag, b"begin TLS now")
    session.exchange = None
    session.start_tls(session.parts.tls.server(session.settings.client_ca))


def compress(session: Session, event: Compress) -> None:
    """RFC 4978."""
    if not session.settings.compress:
        session.core.no(event.tag, b"compression is not offered here", codes.CANNOT)
        return
    session.core.ok(event.tag, b"compressed from now on")
    session.compress()


def unauthenticate(session: Session, event: Unauthenticate) -> None:
    """RFC 8437."""
    session.log.info("{account} at {peer} is logged in no more", account=session.account, peer=session.peer)
    session.unauthenticate()
    session.core.ok(event.tag, b"you may log in again")
    session.expand()


# -- logging in ------------------------------------------------------------------------------------------------------


async def login(session: Session, event: LoginCommand) -> None:
    """RFC 3501 §6.2.3."""
    if not session.private:
        session.core.no(event.tag, b"start TLS first, passwords are not taken without", codes.PRIVACYREQUIRED)
        return
    if "PLAIN" not in session.settings.mechanisms:  # LOGIN is what PLAIN is, in other words
        session.core.no(event.tag, b"passwords are not taken here, see AUTH= among the capabilities", codes.CANNOT)
        return
    credentials = Credentials(event.user, event.password)
    try:
        account = await session.parts.login.check(credentials, session.address, _SERVICE)
    except (BadCredentials, Throttled) as error:
        _refuse(session, event, error)
        return
    await _enter(session, event, account)


async def authenticate(session: Session, event: AuthenticateBegin) -> None:
    """RFC 3501 §6.2.2, RFC 4959 (initial response)."""
    try:
        session.exchange = Exchange(session.parts.login, event.mechanism, session.entrance())
    except Unsupported as error:
        session.core.fail(event.tag, error)
        return
    except NotAllowed:
        session.core.no(event.tag, b"start TLS first", codes.PRIVACYREQUIRED)
        return
    if not event.initial:
        _challenge(session, session.exchange.begin())
        return
    await _respond(session, event, session.exchange, event.initial, initial=True)


async def respond(session: Session, event: AuthenticateResponse) -> None:
    """A line of the client within AUTHENTICATE."""
    if session.exchange is None:
        raise RuntimeError("a response without an exchange")
    await _respond(session, event, session.exchange, event.data, initial=False)


async def _respond(session: Session, event: Command, exchange: Exchange, data: bytes, initial: bool) -> None:
    try:
        decoded = base64.decode_initial(data) if initial else base64.decode(data)
        result = await exchange.respond(decoded)
    except SASLError as error:
        session.exchange = None
        raise BadCommand(str(error), b"") from None  # a client may cancel
    except (BadCredentials, Throttled) as error:
        _refuse(session, event, error)
        return
    except NotAllowed as error:
        session.core.no(event.tag, str(error).encode("ascii", "replace"), codes.AUTHORIZATIONFAILED)
        return
    if isinstance(result, Challenge):
        _challenge(session, result)
        return
    await _enter(session, event, result)


def _challenge(session: Session, challenge: Challenge) -> None:
    session.core.challenge(base64.encode(challenge.data))


async def _enter(session: Session, event: Command, account: Account) -> None:
    session.exchange = None
    await session.log_in(account)
    # RFC 3501 §7.1: the new capabilities with the OK save the client a round trip
    session.core.ok(event.tag, b"welcome", codes.capability(session.capabilities(State.AUTHENTICATED)))


def _refuse(session: Session, event: Command, error: MailError) -> None:
    """A wrong name or password, or one that is not even looked at; too many of them end the connection."""
    session.exchange = None
    session.failures += 1
    session.core.fail(event.tag, error)
    if session.failures >= session.settings.login_failures:
        session.end(b"too many failed logins")
