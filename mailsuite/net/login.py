"""From what a client sends to an account: SASL mechanism, throttle, directory, authorization identity.

Shared by SMTP, POP3 and IMAP, which only carry challenges and responses.  One line is logged for each success and each
failure, with the name and never the password.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TypeAlias

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from mailsuite.errors import BadCredentials, NotAllowed, NotFound, Unsupported
from mailsuite.interfaces import IDirectory
from mailsuite.model import Account, Pop3Rules, ScramKeys
from mailsuite.net.logged_in import LoggedIn
from mailsuite.net.throttle import Throttle
from mailsuite.sasl.table import MECHANISMS, offered
from mailsuite.sasl.values import Beginning, Challenge, Channel, Claim, Credentials, KeysWanted, Malformed, Proof

#: What a round of an exchange leads to.
Round: TypeAlias = Challenge | Account


class Entrance(msgspec.Struct, frozen=True):
    """Where a client tries to log in: its connection, the mechanisms of the listener, its address, the service for the
    log."""

    channel: Channel
    mechanisms: tuple[str, ...]
    address: str
    service: str

    @property
    def offered(self) -> tuple[str, ...]:
        """What to say of it in a list of capabilities."""
        return offered(self.channel, self.mechanisms)


def random_nonce() -> str:
    """144 bits."""
    return secrets.token_urlsafe(18)


class Login:
    """Checks names and passwords.  ``sessions`` are those that have passed."""

    log = Logger()

    def __init__(
        self, directory: IDirectory, throttle: Throttle, clock: IReactorTime, nonce: Callable[[], str] = random_nonce
    ) -> None:
        self.nonce = nonce
        self.sessions = LoggedIn(directory, clock)
        self._directory = directory
        self._throttle = throttle
        self._clock = clock

    async def check(self, credentials: Credentials, address: str, service: str) -> Account:
        """The account they open, for a client at ``address``.  Raises BadCredentials, NotAllowed (to act as the
        authorization identity), Temporary.  ``service`` is for the log."""
        login = credentials.login
        account = await self._admit(
            login, address, service, lambda: self._directory.authenticate(login, credentials.password)
        )
        return await self._enter(account, credentials.authzid, address, service)

    async def check_apop(self, login: str, timestamp: str, digest: str, address: str, service: str) -> Account:
        """The same for APOP; see ``IDirectory.authenticate_apop``."""
        account = await self._admit(
            login, address, service, lambda: self._directory.authenticate_apop(login, timestamp, digest)
        )
        return await self._enter(account, "", address, service)

    async def check_proof(self, proof: Proof, address: str, service: str) -> Account:
        """The same for SCRAM.  A wrong proof is a wrong password."""
        account = await self._admit(proof.login, address, service, lambda: Deferred.fromCoroutine(self._proven(proof)))
        return await self._enter(account, proof.authzid, address, service)

    async def check_claim(self, claim: Claim, identities: tuple[str, ...], address: str, service: str) -> Account:
        """The same for a client certificate that names ``identities``."""
        login = claim.authzid or ", ".join(identities)
        account = await self._admit(
            login, address, service, lambda: Deferred.fromCoroutine(self._named(claim, identities))
        )
        return await self._enter(account, "", address, service)

    def scram_keys(self, login: str) -> Deferred[ScramKeys]:
        """What a proof of ``login`` is checked with."""
        return self._directory.scram_keys(login)

    def pop3_extremes(self) -> Deferred[Pop3Rules]:
        """See ``IDirectory``."""
        return self._directory.pop3_extremes()

    def account(self, name: str) -> Deferred[Account]:
        """The account of that canonical name; fails with NotFound, NotAllowed."""
        return self._directory.account(name)

    async def confirm(self, account: Account) -> None:
        """The login of a session still counts.  Raises NotFound once the account was removed, NotAllowed once it was
        disabled or its password changed, Temporary while nobody can tell."""
        now = await self._directory.account(account.name)
        if now.fingerprint != account.fingerprint:
            raise NotAllowed(f"the account {account.name} has another password now")

    # -- inside ----------------------------------------------------------------------------------------------------

    async def _admit(self, login: str, address: str, service: str, ask: Callable[[], Deferred[Account]]) -> Account:
        """``ask`` when it is this attempt's turn."""
        wait = self._throttle.wait(address, login)
        if wait > 0:
            await deferLater(self._clock, wait)
        try:
            account = await ask()
        except (BadCredentials, CancelledError) as error:
            self._throttle.failed(address, login)
            self.log.info(
                "{service} login failed for {login!r} from {address}: {error}",
                service=service,
                login=login,
                address=address,
                error="the client left" if isinstance(error, CancelledError) else error,
            )
            raise
        self._throttle.succeeded(address, login)
        return account

    async def _enter(self, account: Account, authzid: str, address: str, service: str) -> Account:
        """RFC 4422 §3.4.1: an authorization identity must be one that the account may act as: here only itself."""
        if authzid:
            try:
                other = await self._directory.find(authzid)
            except NotFound:
                other = Account("")
            if other.name != account.name:
                raise NotAllowed("this account may not act as another")
        self.log.info(
            "{service} login {account} from {address}", service=service, account=account.name, address=address
        )
        return account

    async def _proven(self, proof: Proof) -> Account:
        """The password may have been changed while the exchange was going on."""
        now = await self._found(proof.account.name) if proof.right and proof.account.name else None
        if now is None or now.fingerprint != proof.account.fingerprint:
            raise BadCredentials("the login name or the password is wrong")
        return now

    async def _named(self, claim: Claim, identities: tuple[str, ...]) -> Account:
        """RFC 4422 Appendix A.1: the account claimed if the certificate names it, or the first that it names."""
        named = [account for account in [await self._found(identity) for identity in identities] if account is not None]
        claimed = await self._found(claim.authzid) if claim.authzid else None
        for account in named:
            if not claim.authzid or account == claimed:
                return account
        raise BadCredentials("the certificate names no such account")

    async def _found(self, login: str) -> Account | None:
        try:
            return await self._directory.find(login)
        except NotFound:
            return None


class Exchange:
    """One SASL exchange.  Responses come in decoded (``sasl.base64``), challenges go out before encoding."""

    def __init__(self, login: Login, mechanism: str, entrance: Entrance) -> None:
        """Raises Unsupported if the listener has no such mechanism, NotAllowed if it needs privacy first."""
        row = MECHANISMS.get(mechanism.upper())
        if row is None or row.name not in entrance.mechanisms:
            raise Unsupported("no such authentication mechanism")
        if not entrance.channel.private:
            raise NotAllowed("start TLS first")
        if not row.possible(entrance.channel):
            raise Unsupported("no such authentication mechanism on this connection")
        self._mechanism = row.server(Beginning(_offered_channel(entrance), login.nonce()))
        self._login = login
        self._entrance = entrance
        self._proven: Account | None = None

    def begin(self) -> Challenge:
        """For a client that sent no initial response."""
        return self._mechanism.begin()

    async def respond(self, response: bytes) -> Round:
        """Raises sasl.Malformed and what ``Login.check`` does; the exchange is over then."""
        if self._proven is not None:
            if response:
                raise Malformed("the last response is empty")
            return self._proven
        step = self._mechanism.step(response)
        address, service = self._entrance.address, self._entrance.service
        match step:
            case Challenge():
                return step
            case Credentials():
                return await self._login.check(step, address, service)
            case KeysWanted():
                return step.take(await self._login.scram_keys(step.login))
            case Proof():
                self._proven = await self._login.check_proof(step, address, service)
                return Challenge(step.answer)
            case Claim():
                return await self._login.check_claim(step, self._entrance.channel.identities, address, service)


def _offered_channel(entrance: Entrance) -> Channel:
    """Without bindings where -PLUS is not offered: a client that says so is right then (RFC 5802 §6)."""
    if "SCRAM-SHA-256-PLUS" in entrance.mechanisms:
        return entrance.channel
    return msgspec.structs.replace(entrance.channel, bindings=())
