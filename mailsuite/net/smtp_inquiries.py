"""Answers to VRFY and EXPN (RFC 5321 §3.5) and ETRN (RFC 1985), for clients that the core lets ask."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from mailsuite.errors import MailError
from mailsuite.interfaces import IDirectory, IQueue, IRewrites, IRewriting
from mailsuite.model import Address, Forward, Kick, Local, Selection, Unknown
from mailsuite.net import smtp_replies as replies
from mailsuite.net.smtp_rewriting import resolved
from mailsuite.smtp.events import Expand, Turn, Verify
from mailsuite.smtp.reply import Reply, reply

_log = Logger()
_NOT_OURS = reply(252, "2.5.0", "Not an address of this server; mail for it is passed on")
_NO_SUCH_USER = reply(550, "5.1.1", "No such user here")
_NEEDS_UTF8 = "The answer is not ASCII; ask again with SMTPUTF8"


async def verify(directory: IDirectory, rewriting: IRewriting, question: Verify) -> Reply:
    """Whether mail for the address ends here.  RFC 5321 §3.5.1: the answer holds the mailbox."""
    found = await _resolve(directory, rewriting, question.address)
    if isinstance(found, Reply):
        return found
    mailbox = found.account if isinstance(found, Local) else str(question.address)
    return _in_utf8(("<" + mailbox + ">",), question.smtputf8, reply(252, "2.6.8", _NEEDS_UTF8))


async def expand(directory: IDirectory, rewriting: IRewriting, question: Expand) -> Reply:
    """Where mail for the address goes, an address a line; that of a user goes to himself."""
    found = await _resolve(directory, rewriting, question.address)
    if isinstance(found, Reply):
        return found
    if isinstance(found, Local):
        members = [found.account]
    else:
        members = [local.account for local in found.accounts] + [str(address) for address in found.addresses]
    lines = tuple(f"<{member}>" for member in members)
    return _in_utf8(lines, question.smtputf8, reply(550, "5.6.8", _NEEDS_UTF8))


async def turn(queue: IQueue, question: Turn) -> Reply:
    """Mail for the domain is due now.  RFC 1985 §5.1."""
    try:
        which = Selection(domain=question.domain, subdomains=question.subdomains)
        kicked = await queue.order(which, Kick())
    except MailError as error:
        _log.warn("ETRN {domain}: {error}", domain=question.domain, error=error)
        return _not_started(question)
    count = len(kicked.done)
    if kicked.failed:
        why = next(iter(kicked.failed.values()))
        _log.warn("ETRN {domain}: {n} not started: {why}", domain=question.domain, n=len(kicked.failed), why=why)
    if not count and kicked.failed:
        return _not_started(question)
    if not count:
        return reply(251, "2.0.0", f"Ok, no messages waiting for {question.domain}")
    return reply(253, "2.0.0", f"Ok, {count} pending messages for {question.domain} started")


def _not_started(question: Turn) -> Reply:
    return reply(458, "4.3.0", f"Unable to queue messages for {question.domain}; try again later")


async def _resolve(directory: IDirectory, rewriting: IRewriting, address: Address) -> Local | Forward | Reply:
    """As RCPT would."""
    try:
        now = rewriting.now()
        rewrites: IRewrites = await now if isinstance(now, Deferred) else now
        found = await resolved(directory, address, rewrites.recipient(address))
    except MailError as error:
        _log.warn("<{address}>: {error}", address=address, error=error)
        return replies.for_error(error)
    if isinstance(found, Local | Forward):
        return found
    return _NO_SUCH_USER if isinstance(found, Unknown) else _NOT_OURS


def _in_utf8(lines: tuple[str, ...], allowed: bool, otherwise: Reply) -> Reply:
    """RFC 6531 §3.7.4.2: only a client that asked for it gets UTF-8."""
    if not allowed and not all(line.isascii() for line in lines):
        return otherwise
    return Reply(250, reply(250, "2.1.5").status, lines, utf8=True)
