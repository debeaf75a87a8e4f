"""From credentials to an account."""

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from zope.interface import implementer

from mailsuite.errors import BadCredentials, NotAllowed, NotFound, Unsupported
from mailsuite.interfaces import IDirectory
from mailsuite.model import Account, Address, Resolution, Unknown
from mailsuite.net.login import Exchange, Login
from mailsuite.net.throttle import Throttle
from mailsuite.sasl.values import Challenge, Credentials, Malformed
from mailsuite.testing.results import failure_of, result_of

PEER = "192.0.2.7"
TIM = Account("tim@example.org")


@implementer(IDirectory)
class OneUser:
    """Knows tim; counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def authenticate(self, login: str, password: str) -> Deferred[Account]:
        self.asked += 1
        if password == "slow":
            return Deferred()
        if login.lower() in ("tim", TIM.name) and password == "secret":
            return succeed(TIM)
        return fail(BadCredentials("wrong name or password"))

    def resolve(self, address: Address) -> Deferred[Resolution]:
        return succeed(Unknown())

    def account(self, name: str) -> Deferred[Account]:
        return fail(NotFound(name))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def directory() -> OneUser:
    return OneUser()


@pytest.fixture
def login(clock: Clock, directory: OneUser) -> Login:
    return Login(directory, Throttle(clock), clock)


def check(login: Login, *credentials: str) -> Deferred[Account]:
    return Deferred.fromCoroutine(login.check(Credentials(*credentials), PEER, "pop3"))


def test_the_right_password_opens_the_account(login: Login) -> None:
    assert result_of(check(login, "tim", "secret")) == TIM


@pytest.mark.parametrize("authzid", ["tim", "TIM", "tim@example.org", "Tim@Example.ORG"])
def test_one_may_act_as_oneself(login: Login, authzid: str) -> None:
    assert result_of(check(login, "tim", "secret", authzid)) == TIM


def test_one_may_not_act_as_another(login: Login) -> None:
    failure_of(check(login, "tim", "secret", "root"), NotAllowed)


def test_after_a_wrong_password_the_next_try_is_checked_later(login: Login, clock: Clock, directory: OneUser) -> None:
    failure_of(check(login, "tim", "guess"), BadCredentials)
    second = check(login, "tim", "secret")
    assert directory.asked == 1
    assert not second.called
    clock.advance(1)
    assert result_of(second) == TIM


def test_a_client_that_leaves_while_it_waits_is_not_checked(login: Login, clock: Clock, directory: OneUser) -> None:
    failure_of(check(login, "tim", "guess"), BadCredentials)
    second = check(login, "tim", "secret")
    second.addErrback(lambda _: None)
    second.cancel()
    assert clock.getDelayedCalls() == []
    assert directory.asked == 1


def test_leaving_before_the_answer_counts_as_a_wrong_guess(login: Login, clock: Clock) -> None:
    first = check(login, "tim", "slow")
    first.addErrback(lambda _: None)
    first.cancel()
    assert not check(login, "tim", "secret").called


def test_an_exchange_carries_challenges_until_there_is_an_account(login: Login) -> None:
    exchange = Exchange(login, "login", True, PEER, "smtp")
    assert exchange.begin() == Challenge(b"Username:")
    assert result_of(exchange.respond(b"tim")) == Challenge(b"Password:")
    assert result_of(exchange.respond(b"secret")) == TIM


def test_an_exchange_fails_for_what_is_malformed(login: Login, directory: OneUser) -> None:
    failure_of(Exchange(login, "PLAIN", True, PEER, "smtp").respond(b"tim"), Malformed)
    assert directory.asked == 0


def test_an_exchange_needs_a_known_mechanism_and_privacy(login: Login) -> None:
    with pytest.raises(Unsupported):
        Exchange(login, "X-UNKNOWN", True, PEER, "smtp")
    with pytest.raises(NotAllowed):
        Exchange(login, "PLAIN", False, PEER, "smtp")


def test_the_log_names_the_account_and_never_the_password(login: Login) -> None:
    lines: list[str] = []

    def observe(event: LogEvent) -> None:
        lines.append(formatEvent(event) + repr(event))

    globalLogPublisher.addObserver(observe)
    try:
        failure_of(check(login, "tim", "guess-guess"), BadCredentials)
        result_of(check(Login(OneUser(), Throttle(Clock()), Clock()), "tim", "secret"))
    finally:
        globalLogPublisher.removeObserver(observe)
    assert len(lines) == 2
    assert "'tim'" in lines[0]
    assert "tim@example.org" in lines[1]
    assert "guess-guess" not in lines[0]
    assert "secret" not in lines[1]
