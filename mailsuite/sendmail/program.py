"""``sendmail``: takes a message from a program and gives it to the server, or keeps it for the server.

Promises: exit status 0 means that the message is on disk, in its mailboxes, in the queue, or, while the server cannot
be asked or says "not now", in its maildrop, which it looks through as soon as it runs.  A refusal for good is told on
standard error, with the status of sysexits(3) that fits; everybody else has the message all the same.  With ``-oem``
the sender is told by mail instead.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from mailsuite.model import NULL_SENDER, Address, Delayed, Failed, Outcome, Recipient, Status
from mailsuite.sendmail import letter as letters
from mailsuite.sendmail.exits import Exit, Stop, status_of
from mailsuite.sendmail.maildrop import Head, put
from mailsuite.sendmail.options import Mode, Options, parse
from mailsuite.sendmail.session import Post, Unreachable, deliver
from mailsuite.sendmail.settings import Errors
from mailsuite.sendmail.site import Site, caller, find
from mailsuite.sendmail.streams import ensure, flush, show, tell


def main(words: Sequence[str], called: str = "sendmail") -> int:
    """The exit status."""
    ensure()
    status = _done(words, called)
    flush()
    return int(status)


def _done(words: Sequence[str], called: str) -> Exit:
    try:
        options = parse(words, called)
        if options.ignored and (options.verbose or sys.stderr.isatty()):
            tell(f"{called}: without meaning here, and passed over: {' '.join(options.ignored)}")
        return _DO.get(options.mode, _other)(options)
    except Stop as stop:
        if str(stop):
            tell(f"{called}: {stop}")
        return stop.status
    except KeyboardInterrupt:
        return Exit.TEMPFAIL


# -- sending -----------------------------------------------------------------------------------------------------------


def _send(options: Options) -> Exit:
    site = find(options.config)
    post = _post(options, site, _message(options, site.origin.message_size))
    outcomes = _handed_over(options, site, post)
    again = [outcome for outcome in outcomes if _is_for_the_drop(outcome, options)]
    if again:
        _keep(site, post, [outcome.recipient for outcome in again])
        _say(options, f"kept for the server: {', '.join(str(outcome.recipient) for outcome in again)}")
    failed = [outcome for outcome in outcomes if isinstance(outcome, Failed) and outcome not in again]
    if options.errors is not Errors.QUIET:
        for one in failed:
            tell(f"sendmail: {one.recipient}: {one.reply or one.text}")
    return status_of(failed[0]) if failed else Exit.OK


def _is_for_the_drop(outcome: Outcome, options: Options) -> bool:
    """What the server could not take now; and with ``-oem`` what it refused, for it tells the sender then."""
    return isinstance(outcome, Delayed) or (isinstance(outcome, Failed) and options.errors is Errors.MAIL)


def _message(options: Options, limit: int) -> bytes:
    """Standard input, up to its end.  Raises Stop."""
    try:
        data = sys.stdin.buffer.read(limit + 1)
    except OSError as error:
        raise Stop(Exit.NOINPUT, f"the message cannot be read: {error.strerror}") from None
    if len(data) > limit:
        raise Stop(Exit.UNAVAILABLE, f"the message has more than {limit} octets; nothing was sent")
    return letters.until_dot(data) if options.dot_ends else data


def _post(options: Options, site: Site, data: bytes) -> Post:
    """Envelope and message.  Raises Stop."""
    domain, letter = site.origin.domain, letters.read(data)
    user, name = caller()
    sender = Address(user, domain) if options.sender is None else _address(options.sender, domain)
    found = [one for text in options.recipients for one in letters.listed(os.fsencode(text), domain)]
    if options.from_header:
        found += letters.recipients(letter, domain)
    if not found:
        where = ": give them as arguments, or in the header with -t" if not options.from_header else " in the header"
        raise Stop(Exit.USAGE, f"no recipients{where}")
    full_name = options.full_name or (name if options.sender is None else "")
    author = sender if not sender.is_null else Address(user, domain)
    letter = letters.completed(letter, author, full_name, domain)
    octets = letter.octets()
    return Post(
        *(sender, tuple(Recipient(one, notify=options.notify) for one in dict.fromkeys(found)), octets),
        envid=options.envid,
        ret=options.ret,
        eight_bit=not octets.isascii(),
        utf8_header=not letter.header.isascii(),
    )


def _address(text: str, domain: str) -> Address:
    if text.strip() in ("", "<>"):
        return NULL_SENDER
    (one,) = letters.listed(os.fsencode(text), domain) or (None,)
    if one is None:
        raise Stop(Exit.DATAERR, f"-f {text}: not an address")
    return one


def _handed_over(options: Options, site: Site, post: Post) -> Sequence[Outcome]:
    """What the server says to each; that it cannot be asked is for all of them."""
    if options.later:
        return _delayed(post, "as -odq says")
    try:
        return deliver(site.places.socket, site.origin.hostname, post, show if options.verbose else None)
    except Unreachable as error:
        _say(options, f"the server cannot be reached: {error}")
        return _delayed(post, str(error))


def _delayed(post: Post, why: str) -> Sequence[Outcome]:
    return [Delayed(one.address, Status(4, 4, 1), why) for one in post.recipients]


def _keep(site: Site, post: Post, whose: Sequence[Address]) -> None:
    """In the maildrop, durably.  Raises Stop."""
    recipients = tuple(one for one in post.recipients if one.address in whose)
    head = Head(post.sender, recipients, post.envid, post.ret, post.eight_bit, post.smtputf8)
    try:
        put(site.places.drop, head, post.octets)
    except OSError as error:
        words = f"the server does not take it now, and {site.places.drop} neither: {error.strerror}; nothing was kept"
        raise Stop(Exit.TEMPFAIL, words) from None


def _say(options: Options, words: str) -> None:
    if options.verbose:
        show(words)


# -- everything else ---------------------------------------------------------------------------------------------------


def _speak(options: Options) -> Exit:
    from mailsuite.sendmail.pipe import converse  # noqa: PLC0415

    return converse(find(options.config).places.socket)


def _other(options: Options) -> Exit:
    """What needs more of mailsuite, and takes longer to load."""
    from mailsuite.sendmail import admin  # noqa: PLC0415

    return admin.do(options)


_DO = {Mode.SEND: _send, Mode.SMTP: _speak}
