"""URLAUTH, RFC 4467: URLs with which others may read one message or part: GENURLAUTH, URLFETCH, RESETKEY.

The token is an HMAC of the URL with the mailbox's secret, so nothing is kept of a URL but that.  The secret is an
annotation of the mailbox (RFC 5464) that belongs to no user; RESETKEY makes another, and all URLs from before are void.
"""

from __future__ import annotations

import hashlib
import hmac

from mailsuite.errors import InvalidName, NotAllowed, NotFound
from mailsuite.imap import codes, responses
from mailsuite.imap.events import GenUrlAuth, ResetKey, UrlFetch
from mailsuite.imap.syntax import urls
from mailsuite.imap.syntax.urls import Access, AuthorizedUrl
from mailsuite.interfaces import IMailStore
from mailsuite.net.imap_catenate import open_message
from mailsuite.net.imap_sections import Stream
from mailsuite.net.imap_session import Session

#: Whose annotation the secret is: no account's, for those have a domain.
_KEEPER, _ENTRY = "urlauth", "/private/key"
#: Octets of a secret.
_LENGTH = 32


async def generate(session: Session, event: GenUrlAuth) -> None:
    """GENURLAUTH: for mailboxes of one's own."""
    full = []
    for text in event.urls:
        try:
            url = _own(session, text)
            _must_own(session, url.message.mailbox)
            key = await _key(session, session.store, url.message.mailbox)
        except (ValueError, NotFound, NotAllowed, InvalidName):
            session.core.no(event.tag, b"the URL is not about a message of yours here", codes.badurl(text))
            return
        full.append(url.rump + b":internal:" + _token(key, url).encode())
    session.core.untagged(b"* GENURLAUTH " + b" ".join(map(responses.string, full)) + b"\r\n")
    await session.complete(event, b"done")


def _own(session: Session, text: bytes) -> AuthorizedUrl:
    url = urls.authorized(text)
    if url.owner.lower() != session.account or url.host != session.settings.hostname.lower() or url.token:
        raise ValueError("not one's own")
    return url


def _must_own(session: Session, mailbox: str) -> None:
    """Of what others share, only they make URLs."""
    if session.store.notes.owner(mailbox) != session.account:
        raise NotAllowed("only for mailboxes of one's own")


async def reset(session: Session, event: ResetKey) -> None:
    """RESETKEY: of one mailbox, or of all of one's own."""
    notes = session.store.notes
    if event.mailbox:
        _must_own(session, event.mailbox)
        names = [event.mailbox]
    else:
        listed = [each.name for each in await session.store.list() if each.selectable]
        names = [name for name in listed if notes.owner(name) == session.account]
    for name in names:
        await notes.annotate(name, _KEEPER, {_ENTRY: _fresh(session)}, ())
    await session.complete(event, b"all URLs from before are void", codes.URLMECH if event.mailbox else b"")


async def fetch(session: Session, event: UrlFetch) -> None:
    """URLFETCH: one response a URL, NIL where it is not to be had, whatever the reason."""
    for text in event.urls:
        head = b"* URLFETCH " + responses.string(text) + b" "
        try:
            await _send(session, head, text)
        except (ValueError, NotFound, NotAllowed, InvalidName):
            session.core.untagged(head + b"NIL\r\n")
    await session.complete(event, b"done")


async def _send(session: Session, head: bytes, text: bytes) -> None:
    """The response; raises if the URL gives nothing."""
    url = urls.authorized(text)
    store = await _store(session, url)
    key = await _known_key(store, url.message.mailbox)
    if not key or not hmac.compare_digest(_token(key, url), url.token):
        raise NotAllowed("this URL was not made here")
    section = url.message.section
    body = await open_message(store, url.message)
    try:
        stream = Stream(session, body)
        [span] = await stream.locate({}, url.message.uid, [section])
        if span is None:
            raise NotFound("there is no such part")
        await stream.send_string(head, section, span)
    finally:
        body.close()


async def _store(session: Session, url: AuthorizedUrl) -> IMailStore:
    """The owner's mail, if this session may read there with this URL; NotAllowed, NotFound."""
    may = {
        Access.ANYBODY: True,
        Access.USER: url.who == session.account,
        Access.SUBMIT: session.account in session.settings.url_fetchers,
    }
    if not may[url.access] or url.host != session.settings.hostname.lower() or url.expires <= session.clock.seconds():
        raise NotAllowed("not with this URL")
    owner = await session.parts.login.account(url.owner.lower())
    return await session.parts.stores.open(owner.name)


def _token(key: bytes, url: AuthorizedUrl) -> str:
    """RFC 4467 §6.1: over everything that stands before it."""
    return hmac.digest(key, url.rump, hashlib.sha256).hex()


async def _key(session: Session, store: IMailStore, mailbox: str) -> bytes:
    """The mailbox's secret, made if there is none."""
    key = await _known_key(store, mailbox)
    if not key:
        key = _fresh(session)
        await store.notes.annotate(mailbox, _KEEPER, {_ENTRY: key}, ())
    return key


async def _known_key(store: IMailStore, mailbox: str) -> bytes:
    return (await store.notes.annotations(mailbox, _KEEPER)).get(_ENTRY, b"")


def _fresh(session: Session) -> bytes:
    return session.parts.random(_LENGTH)
