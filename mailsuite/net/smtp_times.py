"""How long an SMTP session, its greeting and a message may take; the pump's one timer asks (``net.connection``).

Silence is its own limit between commands and within a message.  A message that is too big is taken to its end, and its
octets count as life though they give no events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailsuite.net import smtp_replies as replies
from mailsuite.net.connection import Connection
from mailsuite.net.smtp_refusals import Refusals
from mailsuite.smtp.reply import Reply
from mailsuite.smtp.server import ServerCore
from mailsuite.smtp.states import State

if TYPE_CHECKING:
    from mailsuite.net.smtp_factory import SMTPServerFactory


class TimedSession(Connection[ServerCore]):
    """Base of ``SMTPConnection``."""

    def __init__(self, factory: SMTPServerFactory, core: ServerCore, refusals: Refusals) -> None:
        settings = factory.settings
        super().__init__(core, factory.clock, settings.idle_limit)
        self.look_every = min(settings.idle_limit, settings.data_limit)
        self.factory = factory
        self.refusals = refusals
        #: A greeting was accepted, once.
        self.greeted = False
        self._data_began = 0.0

    def body_begins(self) -> None:
        """Octets of a message are due."""
        self._data_began, self.idle_limit = self.clock.seconds(), self.factory.settings.data_limit

    def body_ended(self) -> None:
        """Commands are due again."""
        self.idle_limit = self.factory.settings.idle_limit

    def timed_out(self) -> None:
        slow = self.too_slow()
        self._give_up("limits.data_rate" if slow else "timeouts.smtp", replies.TOO_SLOW if slow else replies.TIMED_OUT)

    def ends_at(self) -> float:
        settings = self.factory.settings
        limit = settings.session_limit
        return self.connected_at + (limit if self.greeted else min(limit, settings.greeting_limit))

    def expired(self) -> None:
        if self.greeted:
            self._give_up("timeouts.smtp_session", replies.SESSION_TOO_LONG)
        else:
            self._give_up("timeouts.smtp_greeting", replies.NO_GREETING)

    def progress(self) -> int:
        return max(0, self.core.body_size - self.factory.settings.limits.message)

    def too_slow(self) -> bool:
        if self.core.state not in (State.DATA, State.CHUNKS):
            return False
        settings, taken = self.factory.settings, self.clock.seconds() - self._data_began
        return taken >= settings.data_limit and self.core.body_size < settings.data_rate * taken

    def _give_up(self, limit: str, answer: Reply) -> None:
        self.factory.hits[limit] += 1
        self.core.hang_up(self.refusals.refer(answer))
        self.close()
