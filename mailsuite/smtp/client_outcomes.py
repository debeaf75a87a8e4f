"""From a server's reply to what becomes of a recipient: RFC 5321 §4.2.1, RFC 3463.

The first digit decides.  A 552 to RCPT that does not speak of a full mailbox means "too many recipients" in old
servers and is temporary (RFC 5321 §4.5.3.1.10).
"""

from __future__ import annotations

from mailsuite.model import Address, Delayed, Failed, Outcome, Status
from mailsuite.printable import printable
from mailsuite.smtp.client_events import Step
from mailsuite.smtp.reply import ProtocolError, Reply

#: Characters of a reply that are kept, logged and passed on.
WORDS_LIMIT = 1000

#: What is added where a second attempt may make a second copy (RFC 5321 §4.5.3.2.6).
MAYBE_TAKEN = "it may have taken the message, which may come twice"

_COMMAND = {Step.MAIL: "MAIL FROM", Step.RCPT: "RCPT TO", Step.DATA: "DATA", Step.DOT: "the message"}


def words(reply: Reply) -> str:
    """A reply as one line of bounded length that is safe to print: a server may send anything."""
    return printable(str(reply)[:WORDS_LIMIT])


def refused(recipient: Address, peer: str, step: Step, reply: Reply) -> Outcome:
    """What a 4yz or 5yz reply means for a recipient; any other is a ProtocolError."""
    kind = reply.code // 100
    if kind not in (4, 5):
        raise ProtocolError(f"{peer} answered {_COMMAND[step]} with {words(reply)}")
    if step is Step.RCPT and reply.code == 552 and (reply.status is None or reply.status.subject == 5):
        kind = 4
    status = Status(kind, reply.status.subject, reply.status.detail) if reply.status else Status(kind, 0, 0)
    text = f"{peer} said to {_COMMAND[step]}: {words(reply)}"
    if kind == 4:
        return Delayed(recipient, status, text, peer, refused=True)
    return Failed(recipient, status, text, peer, words(reply))


def cut_off(recipient: Address, peer: str, step: Step, text: str) -> Delayed:
    """The session ended before the recipient's fate was known.

    Until the end of the message was sent, nothing was handed over and another host may be tried, so ``host`` is
    empty.  After it the message may have arrived: it is tried again later, at the cost of a duplicate."""
    if step is Step.DOT:
        return Delayed(recipient, Status(4, 4, 2), f"{text}; {MAYBE_TAKEN}", peer)
    return Delayed(recipient, Status(4, 4, 2), text)
