"""AUTH of one SMTP connection: RFC 4954, driven through ``net.login``.

Gives back the reply to each round.  Every failure makes the next answer slower; who fails too often must go.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from mailsuite.errors import BadCredentials, MailError, NotAllowed, Unsupported
from mailsuite.model import Account, Client
from mailsuite.net.login import Exchange, Login
from mailsuite.net.smtp_replies import AUTH_CANCELLED, AUTH_MALFORMED, AUTH_UNAVAILABLE, WRONG_PASSWORD
from mailsuite.sasl import base64
from mailsuite.sasl.values import Cancelled, Challenge, Malformed
from mailsuite.smtp.events import AuthBegin, AuthResponse
from mailsuite.smtp.reply import Reply, reply

SUCCESS = reply(235, "2.7.0", "Authentication successful")


class Auth:
    """``account`` is the canonical name once a login succeeded, empty before."""

    def __init__(self, login: Login, clock: IReactorTime, delay: float) -> None:
        """``delay``: seconds before a failure is answered, times the failures so far."""
        self.account = ""
        self.failures = 0
        self._login = login
        self._clock = clock
        self._delay = delay
        self._exchange: Exchange | None = None

    def forget(self) -> None:
        """TLS begins: nothing said before counts (RFC 3207 §4.2)."""
        self.account = ""
        self._exchange = None

    async def take(self, event: AuthBegin | AuthResponse, client: Client, private: bool) -> Reply:
        """The answer to a round; ``private``: passwords may be sent here."""
        try:
            if isinstance(event, AuthBegin):
                self._exchange = Exchange(self._login, event.mechanism, private, client.address, client.service)
                if event.initial is None:
                    return _challenge(self._exchange.begin())
                return await self._respond(base64.decode_initial(event.initial))
            return await self._respond(base64.decode(event.data))
        except Cancelled:
            return AUTH_CANCELLED
        except Malformed:
            return AUTH_MALFORMED
        except (BadCredentials, NotAllowed, Unsupported):
            self.failures += 1
            await deferLater(self._clock, self._delay * self.failures)
            return WRONG_PASSWORD
        except MailError:
            return AUTH_UNAVAILABLE

    async def _respond(self, response: bytes) -> Reply:
        if self._exchange is None:
            raise RuntimeError("a response outside of an exchange")
        found = await self._exchange.respond(response)
        if isinstance(found, Account):
            self.account = found.name
            return SUCCESS
        return _challenge(found)


def _challenge(challenge: Challenge) -> Reply:
    return reply(334, "", base64.encode(challenge.data).decode("ascii"))
