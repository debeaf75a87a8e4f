"""AUTH of one SMTP connection: RFC 4954, driven through ``net.login``.

Gives back the reply to each round, and counts failures; how long who fails has to wait is ``net.throttle``'s rule.
"""

from __future__ import annotations

from mailsuite.errors import BadCredentials, MailError, NotAllowed, Throttled, Unsupported
from mailsuite.model import Account
from mailsuite.net.login import Entrance, Exchange, Login
from mailsuite.net.smtp_replies import (
    AUTH_CANCELLED,
    AUTH_MALFORMED,
    AUTH_UNAVAILABLE,
    CERTIFICATE_OF_ANOTHER,
    WRONG_PASSWORD,
)
from mailsuite.sasl import base64
from mailsuite.sasl.values import Cancelled, Challenge, Malformed
from mailsuite.smtp.events import AuthBegin, AuthResponse
from mailsuite.smtp.reply import Reply, reply

SUCCESS = reply(235, "2.7.0", "Authentication successful")
_NOBODY = Account("")


class Auth:
    """``entered`` is the account once a login succeeded."""

    def __init__(self, login: Login) -> None:
        self.entered = _NOBODY
        self.failures = 0
        self._login = login
        self._exchange: Exchange | None = None
        self._mechanism = ""

    @property
    def account(self) -> str:
        """The canonical name of who has logged in, or empty."""
        return self.entered.name

    def forget(self) -> None:
        """TLS begins: nothing said before counts (RFC 3207 §4.2)."""
        self.entered = _NOBODY
        self._exchange = None

    async def take(self, event: AuthBegin | AuthResponse, entrance: Entrance) -> Reply:
        """The answer to a round."""
        try:
            if isinstance(event, AuthBegin):
                self._mechanism = event.mechanism
                self._exchange = Exchange(self._login, event.mechanism, entrance)
                if event.initial is None:
                    return _challenge(self._exchange.begin())
                return await self._respond(base64.decode_initial(event.initial))
            return await self._respond(base64.decode(event.data))
        except Cancelled:
            return AUTH_CANCELLED
        except Malformed:
            self.failures += 1
            return AUTH_MALFORMED
        except (BadCredentials, NotAllowed, Unsupported):
            self.failures += 1
            return CERTIFICATE_OF_ANOTHER if self._mechanism == "EXTERNAL" else WRONG_PASSWORD
        except Throttled:
            self.failures += 1
            return AUTH_UNAVAILABLE
        except MailError:
            return AUTH_UNAVAILABLE

    async def _respond(self, response: bytes) -> Reply:
        if self._exchange is None:
            raise RuntimeError("a response outside of an exchange")
        found = await self._exchange.respond(response)
        if isinstance(found, Account):
            self.entered = found
            return SUCCESS
        return _challenge(found)


def _challenge(challenge: Challenge) -> Reply:
    return reply(334, "", base64.encode(challenge.data).decode("ascii"))
