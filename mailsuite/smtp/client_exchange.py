"""One mail transaction: MAIL, RCPT for each recipient, DATA, the message, the final dot.  No I/O.

Knows which commands may go now (all at once where the server pipelines, RFC 2920) and, from each reply, what became of
each recipient.  Where the server pipelines and takes chunks (RFC 3030) there is no DATA, and a small message goes out
with the commands before it: one round trip in all (§4.2).  What the server refused is cleared away with RSET, so that
the connection can be used again.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from mailsuite.model import Address, Delivered, Failed, Outcome
from mailsuite.smtp.client_commands import mail_line, rcpt_line
from mailsuite.smtp.client_events import Step, Transaction
from mailsuite.smtp.client_fit import obstacle, obstacle_of
from mailsuite.smtp.client_outcomes import cut_off, refused, words
from mailsuite.smtp.reply import Reply


class Command(msgspec.Struct, frozen=True):
    """A line to write and the step its reply belongs to; ``index`` is that of the recipient."""

    step: Step
    line: bytes
    index: int = -1


class Exchange:
    """The state of one transaction.  ``body_wanted`` and ``over`` say what is next; ``clean``, once over, that the
    server has nothing left of it."""

    def __init__(self, transaction: Transaction, peer: str, extensions: Mapping[str, str], lmtp: bool) -> None:
        self._transaction = transaction
        self._peer = peer
        self._outcomes: list[Outcome | None] = [None] * len(transaction.recipients)
        self._dot_written = False
        self._dsn = "DSN" in extensions
        self._lmtp = lmtp
        self._pipelining = "PIPELINING" in extensions
        #: The message is to be sent by BDAT.
        self.chunked = self._pipelining and "CHUNKING" in extensions and not lmtp
        self._early = self.chunked and transaction.size <= transaction.early
        self.body_wanted = False
        self.over = False
        self.clean = False
        self._refuse_what_cannot_go(extensions)
        self._plan = [Command(Step.MAIL, mail_line(transaction, extensions))]
        self._plan += [
            Command(Step.RCPT, rcpt_line(transaction.recipients[index], extensions), index) for index in self._open()
        ]
        self._last_asked = self._plan[-1].index
        if len(self._plan) == 1:
            self._finish(clean=True)
        elif not self.chunked:
            self._plan.append(Command(Step.DATA, b"DATA\r\n"))

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """One a recipient, once ``over``."""
        return tuple(outcome for outcome in self._outcomes if outcome is not None)

    def commands(self) -> list[Command]:
        """What to write now; to be asked whenever no reply is awaited."""
        count = len(self._plan) if self._pipelining else 1
        now, self._plan = self._plan[:count], self._plan[count:]
        if now and self._early and now[0].step is Step.MAIL:
            self.body_wanted = True
        return now

    def take(self, step: Step, index: int, reply: Reply) -> None:
        """The reply to a command; ProtocolError if it makes no sense there."""
        if step is Step.MAIL:
            self._take_mail(reply)
        elif step is Step.RCPT:
            self._take_rcpt(index, reply)
            if self.chunked and not self._early and index == self._last_asked:
                self._take_last_rcpt()
        elif step is Step.DATA:
            self._take_data(reply)
        elif step is Step.CHUNK:
            self._take_chunk(reply)
        elif step is Step.RSET:
            self._finish(clean=reply.positive)
        else:
            self._take_dot(index, reply)

    @property
    def answers(self) -> list[int]:
        """Whose answers follow the final dot: in LMTP one each (RFC 2033 §4.2), else one (-1) for all."""
        return self._open() if self._lmtp else [-1]

    def end_body(self) -> None:
        """The final dot was written."""
        self.body_wanted = False
        self._dot_written = True

    def cut(self, text: str, answered: bool) -> None:
        """The session is gone: whoever is undecided is delayed.  ``answered``: it ended with a reply, so that even
        after the final dot it is known that the message was not taken."""
        step = Step.DOT if self._dot_written and not answered else Step.BODY
        for index in self._open():
            self._outcomes[index] = cut_off(self._address(index), self._peer, step, text)
        self._finish(clean=False)

    def early(self, reply: Reply) -> None:
        """A reply while the message is being sent: the server has decided before its end."""
        self._refuse_open(Step.DOT, reply)
        self._finish(clean=False)

    # -- replies ---------------------------------------------------------------------------------------------------

    def _take_mail(self, reply: Reply) -> None:
        if reply.positive:
            return
        self._refuse_open(Step.MAIL, reply)
        if self._plan:  # not pipelined: nothing else was asked
            self._finish(clean=True)

    def _take_rcpt(self, index: int, reply: Reply) -> None:
        if not reply.positive and self._outcomes[index] is None:
            self._outcomes[index] = refused(self._address(index), self._peer, Step.RCPT, reply)
        if len(self._plan) == 1 and not self._open():  # only DATA is left, and nobody to send it to
            self._reset()

    def _take_last_rcpt(self) -> None:
        if self._open():
            self.body_wanted = True
        else:
            self._reset()

    def _take_data(self, reply: Reply) -> None:
        if reply.code == 354 and self._open():
            self.body_wanted = True
        elif reply.code == 354 and self._lmtp:  # it would not answer the dot: RFC 2033 §4.2
            self._finish(clean=False)
        elif reply.code == 354:  # RFC 2920 §3.1: pipelined, every recipient refused, and still it wants a message
            self._plan = [Command(Step.DOT, b".\r\n")]
        else:
            self._refuse_open(Step.DATA, reply)
            self._reset()

    def _take_chunk(self, reply: Reply) -> None:
        """RFC 3030 §2: once one is refused, so is the message."""
        if not reply.positive:
            self._refuse_open(Step.DOT, reply)
            if not self._dot_written:  # else the answer to the last one is still to come
                self._finish(clean=False)

    def _take_dot(self, index: int, reply: Reply) -> None:
        if self._lmtp:
            self._take_one(index, reply)
            return
        if self.chunked and not reply.positive:
            self._refuse_open(Step.DOT, reply)
            self._reset()
            return
        if not reply.positive:
            self._refuse_open(Step.DOT, reply)
        for one in self._open():
            self._outcomes[one] = Delivered(self._address(one), self._peer, words(reply), dsn=self._dsn)
        self._finish(clean=True)

    def _take_one(self, index: int, reply: Reply) -> None:
        """RFC 2033 §4.2: a recipient is in the mailbox, or is not."""
        address = self._address(index)
        if reply.positive:
            self._outcomes[index] = Delivered(address, self._peer, words(reply), final=True, dsn=self._dsn)
        else:
            self._outcomes[index] = refused(address, self._peer, Step.DOT, reply)
        if not self._open():
            self._finish(clean=True)

    def _reset(self) -> None:
        """Everybody is decided about; the server still has the transaction."""
        self.body_wanted = False
        self._plan = [Command(Step.RSET, b"RSET\r\n")]

    # -- recipients ------------------------------------------------------------------------------------------------

    def _address(self, index: int) -> Address:
        return self._transaction.recipients[index].address

    def _open(self) -> list[int]:
        """Whose fate is not known."""
        return [index for index, outcome in enumerate(self._outcomes) if outcome is None]

    def _refuse_open(self, step: Step, reply: Reply) -> None:
        for index in self._open():
            self._outcomes[index] = refused(self._address(index), self._peer, step, reply)

    def _refuse_what_cannot_go(self, extensions: Mapping[str, str]) -> None:
        """Without asking the server: what it said it cannot take, and what cannot be written on a line."""
        for_all = obstacle(self._transaction, extensions)
        for index, recipient in enumerate(self._transaction.recipients):
            found = for_all or obstacle_of(recipient, extensions)
            if found is not None:
                text = f"{found.text} (host {self._peer})"
                self._outcomes[index] = Failed(recipient.address, found.status, text, self._peer)

    def _finish(self, clean: bool) -> None:
        self.over, self.clean, self.body_wanted = True, clean, False
        self._plan = []
