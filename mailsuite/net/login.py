"""From what a client sends to an account: SASL mechanism, throttle, directory, authorization identity.

Shared by SMTP, POP3 and IMAP, which only carry challenges and responses.  One line is logged for each success and each
failure, with the name and never the password.
"""

from __future__ import annotations

from typing import TypeAlias

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from mailsuite.errors import BadCredentials, NotAllowed, Unsupported
from mailsuite.interfaces import IDirectory
from mailsuite.model import Account
from mailsuite.net.throttle import Throttle
from mailsuite.sasl.table import MECHANISMS
from mailsuite.sasl.values import Challenge, Credentials, Step

#: What a round of an exchange leads to.
Round: TypeAlias = Challenge | Account


class Login:
    """Checks names and passwords."""

    log = Logger()

    def __init__(self, directory: IDirectory, throttle: Throttle, clock: IReactorTime) -> None:
        self._directory = directory
        self._throttle = throttle
        self._clock = clock

    async def check(self, credentials: Credentials, address: str, service: str) -> Account:
        """The account they open, for a client at ``address``.  Raises BadCredentials, NotAllowed (to act as the
        authorization identity), Temporary.  ``service`` is for the log."""
        wait = self._throttle.wait(address, credentials.login)
        if wait > 0:
            await deferLater(self._clock, wait)
        try:
            account = await self._directory.authenticate(credentials.login, credentials.password)
        except (BadCredentials, CancelledError) as error:
            self._throttle.failed(address, credentials.login)
            self.log.info(
                "{service} login failed for {login!r} from {address}: {error}",
                service=service,
                login=credentials.login,
                address=address,
                error="the client left" if isinstance(error, CancelledError) else error,
            )
            raise
        self._throttle.succeeded(address, credentials.login)
        _check_identity(credentials, account)
        self.log.info(
            "{service} login {account} from {address}", service=service, account=account.name, address=address
        )
        return account

    def account(self, name: str) -> Deferred[Account]:
        """The account of a session that is logged in, as it is now.  Fails with NotFound once it was removed, with
        Temporary while nobody can tell."""
        return self._directory.account(name)


def _check_identity(credentials: Credentials, account: Account) -> None:
    """RFC 4616 §2: an authorization identity must be one that the account may act as: here only itself."""
    wanted = credentials.authzid.lower()
    if wanted and wanted not in (credentials.login.lower(), account.name.lower()):
        raise NotAllowed("this account may not act as another")


class Exchange:
    """One SASL exchange.  Responses come in decoded (``sasl.base64``), challenges go out before encoding."""

    def __init__(self, login: Login, mechanism: str, private: bool, address: str, service: str) -> None:
        """``private``: under TLS, or plain passwords are allowed without.  Raises Unsupported if there is no such
        mechanism, NotAllowed if it needs privacy first."""
        row = MECHANISMS.get(mechanism.upper())
        if row is None:
            raise Unsupported("no such authentication mechanism")
        if row.sends_password and not private:
            raise NotAllowed("start TLS first")
        self._mechanism = row.server()
        self._login = login
        self._address = address
        self._service = service

    def begin(self) -> Challenge:
        """For a client that sent no initial response."""
        return self._mechanism.begin()

    async def respond(self, response: bytes) -> Round:
        """Raises sasl.Malformed and what ``Login.check`` does; the exchange is over then."""
        step: Step = self._mechanism.step(response)
        if isinstance(step, Challenge):
            return step
        return await self._login.check(step, self._address, self._service)
