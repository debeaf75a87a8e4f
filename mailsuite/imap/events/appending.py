"""APPEND and REPLACE, in the steps in which their messages arrive: RFC 3501 §6.3.11, RFC 3502, RFC 4469, RFC 8508."""

from __future__ import annotations

from mailsuite.imap.events.connection import Command
from mailsuite.model import Flags
from mailsuite.query import Numbers, Uids


class AppendBegin(Command, frozen=True):
    """The client offers a message of ``size`` octets.  Answer ``core.accept()`` to get it as ``AppendChunk`` events,
    or ``core.no``: a waiting client then does not send it, and one that does not wait has it swallowed.  One of 0
    octets is put together from the ``AppendText`` and ``AppendUrl`` that follow (CATENATE, RFC 4469).

    ``date`` is the internal date in epoch seconds, None where the client gave none.  ``index`` counts from 0 within
    one command (MULTIAPPEND, RFC 3502): after the chunks comes another ``AppendBegin``, or ``AppendEnd``.  ``binary``:
    it may hold any octets (a literal8, RFC 3516).  ``replaces``: the one message of the selected mailbox that goes when
    this one comes (REPLACE, RFC 8508), None for APPEND.
    """

    mailbox: str
    flags: Flags
    date: float | None
    size: int
    index: int
    binary: bool = False
    replaces: Numbers | Uids | None = None


class AppendText(Command, frozen=True):
    """The next part of the message is offered as octets.  Answered like ``AppendBegin``."""

    size: int


class AppendUrl(Command, frozen=True):
    """The next part of the message is what this IMAP URL names, as sent.  Answer ``core.accept()`` when it was added,
    or ``core.no`` with ``codes.badurl``."""

    url: bytes


class AppendChunk(Command, frozen=True):
    """Octets of the message last begun, in order, as they came.  No answer; ``core.no`` is allowed (the disk is
    full): the rest is swallowed, and neither chunks nor ``AppendEnd`` follow."""

    data: bytes


class AppendEnd(Command, frozen=True):
    """The command is complete: store all messages of it, then ok with ``responses.appenduid``, or no."""


class AppendAbort(Command, frozen=True):
    """The command turned out malformed (the core has said BAD): discard what was begun.  No answer."""
