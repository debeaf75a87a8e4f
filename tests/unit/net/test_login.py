"""From credentials to an account."""

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from mailsuite.errors import BadCredentials, MailError, NotAllowed, NotFound, Unsupported
from mailsuite.model import Account
from mailsuite.net.login import Entrance, Exchange, Login
from mailsuite.net.throttle import Throttle
from mailsuite.sasl.table import MECHANISMS
from mailsuite.sasl.values import Binding, Challenge, Channel, Credentials, Malformed, SASLError
from mailsuite.testing.directory import MemoryDirectory
from mailsuite.testing.results import failure_of, result_of
from mailsuite.testing.sasl_clients import ScramClient

PEER = "192.0.2.7"
TIM = Account("tim@example.org")
EXPORTER = Binding("tls-exporter", b"of this connection")
PRIVATE = Channel(private=True, bindings=(EXPORTER,), identities=(TIM.name,))


def entrance(channel: Channel = PRIVATE, mechanisms: tuple[str, ...] = tuple(MECHANISMS)) -> Entrance:
    return Entrance(channel, mechanisms, PEER, "smtp")


class OneUser(MemoryDirectory):
    """Knows tim, and ann who keeps no keys; answers the password ``slow`` never."""

    def __init__(self) -> None:
        super().__init__(["example.org"], {TIM.name: "secret", "ann@example.org": "secret"})
        self.without_scram.add("ann@example.org")

    def authenticate(self, login: str, password: str) -> Deferred[Account]:
        answer = super().authenticate(login, password)
        return Deferred() if password == "slow" else answer


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
    assert len(directory.logins) == 1
    assert not second.called
    clock.advance(1)
    assert result_of(second) == TIM


def test_a_client_that_leaves_while_it_waits_is_not_checked(login: Login, clock: Clock, directory: OneUser) -> None:
    failure_of(check(login, "tim", "guess"), BadCredentials)
    second = check(login, "tim", "secret")
    second.addErrback(lambda _: None)
    second.cancel()
    assert clock.getDelayedCalls() == []
    assert len(directory.logins) == 1


def test_leaving_before_the_answer_counts_as_a_wrong_guess(login: Login, clock: Clock) -> None:
    first = check(login, "tim", "slow")
    first.addErrback(lambda _: None)
    first.cancel()
    assert not check(login, "tim", "secret").called


def test_an_exchange_carries_challenges_until_there_is_an_account(login: Login) -> None:
    exchange = Exchange(login, "login", entrance())
    assert exchange.begin() == Challenge(b"Username:")
    assert result_of(exchange.respond(b"tim")) == Challenge(b"Password:")
    assert result_of(exchange.respond(b"secret")) == TIM


def test_an_exchange_fails_for_what_is_malformed(login: Login, directory: OneUser) -> None:
    failure_of(Exchange(login, "PLAIN", entrance()).respond(b"tim"), Malformed)
    assert len(directory.logins) == 0


@pytest.mark.parametrize("name", ["X-UNKNOWN", "", "EXTERNAL", "SCRAM-SHA-256-PLUS"])
def test_an_exchange_needs_a_mechanism_that_is_possible(login: Login, name: str) -> None:
    with pytest.raises(Unsupported):
        Exchange(login, name, entrance(Channel(private=True)))


def test_an_exchange_needs_a_mechanism_that_is_allowed(login: Login) -> None:
    with pytest.raises(Unsupported):
        Exchange(login, "PLAIN", entrance(mechanisms=("SCRAM-SHA-256",)))


@pytest.mark.parametrize("name", sorted(MECHANISMS))
def test_an_exchange_needs_privacy(login: Login, name: str) -> None:
    with pytest.raises(NotAllowed):
        Exchange(login, name, entrance(msgspec.structs.replace(PRIVATE, private=False)))


# -- SCRAM ---------------------------------------------------------------------------------------------------------


def prove(login: Login, client: ScramClient, name: str = "SCRAM-SHA-256") -> Deferred[Challenge | Account]:
    """An exchange up to what the server says to the proof."""
    exchange = Exchange(login, name, entrance())
    first = result_of(exchange.respond(client.respond(b"")))
    assert isinstance(first, Challenge)
    return Deferred.fromCoroutine(exchange.respond(client.respond(first.data)))


def test_a_proof_opens_the_account_and_the_server_has_the_last_word(login: Login) -> None:
    client = ScramClient("tim", "secret")
    exchange = Exchange(login, "scram-sha-256", entrance())
    first = result_of(exchange.respond(client.respond(b"")))
    last = result_of(exchange.respond(client.respond(first.data)))
    assert client.respond(last.data) == b""
    assert client.verified
    assert result_of(exchange.respond(b"")) == TIM


def test_the_last_word_is_answered_with_nothing(login: Login) -> None:
    client = ScramClient("tim", "secret")
    exchange = Exchange(login, "SCRAM-SHA-256", entrance())
    first = result_of(exchange.respond(client.respond(b"")))
    result_of(exchange.respond(client.respond(first.data)))
    failure_of(exchange.respond(b"more"), Malformed)


def test_plus_is_bound(login: Login) -> None:
    client = ScramClient("tim", "secret", "p=tls-exporter", EXPORTER.data)
    assert isinstance(result_of(prove(login, client, "SCRAM-SHA-256-PLUS")), Challenge)


def test_a_hidden_plus_is_noticed_and_one_that_is_not_offered_not_missed(login: Login) -> None:
    first = ScramClient("tim", "secret", "y").respond(b"")
    failure_of(Exchange(login, "SCRAM-SHA-256", entrance()).respond(first), Malformed)
    without = entrance(mechanisms=("SCRAM-SHA-256",))
    assert isinstance(result_of(Exchange(login, "SCRAM-SHA-256", without).respond(first)), Challenge)


@pytest.mark.parametrize(
    ("name", "password"), [("tim", "wrong"), ("nobody", "secret"), ("ann", "secret"), ("ann", "wrong")]
)
def test_a_wrong_proof_is_a_wrong_password_for_everybody(login: Login, name: str, password: str) -> None:
    error = failure_of(prove(login, ScramClient(name, password)), BadCredentials)
    assert str(error) == "the login name or the password is wrong"


def test_a_wrong_proof_makes_the_next_one_wait(login: Login, clock: Clock) -> None:
    failure_of(prove(login, ScramClient("tim", "wrong")), BadCredentials)
    second = prove(login, ScramClient("tim", "secret"))
    assert not second.called
    clock.advance(1)
    assert isinstance(result_of(second), Challenge)


def test_a_password_changed_during_the_exchange_is_not_proven(login: Login, directory: OneUser) -> None:
    client = ScramClient("tim", "secret")
    exchange = Exchange(login, "SCRAM-SHA-256", entrance())
    first = result_of(exchange.respond(client.respond(b"")))
    directory.set_password(TIM.name, "another")
    failure_of(exchange.respond(client.respond(first.data)), BadCredentials)


def test_a_proof_allows_to_act_as_oneself_only(login: Login) -> None:
    assert isinstance(result_of(prove(login, ScramClient("tim", "secret", authzid=TIM.name))), Challenge)
    failure_of(prove(login, ScramClient("tim", "secret", authzid="ann@example.org")), NotAllowed)


PIECES = st.sampled_from(
    [
        b"n,,",
        b"y,,",
        b"p=tls-exporter,,",
        b"n=tim,",
        b"r=abc",
        b"n,,n=tim,r=abc",
        b"c=biws,r=abcnonce,p=AAAA",
        b"\0tim\0secret",
    ]
)


@given(
    st.sampled_from(sorted(MECHANISMS)), st.lists(st.one_of(PIECES, st.binary(max_size=30), st.just(b"")), max_size=4)
)
def test_whatever_a_client_says_ends_in_an_error_that_has_words(name: str, responses: list[bytes]) -> None:
    clock = Clock()
    login = Login(OneUser(), Throttle(clock), clock, lambda: "nonce")
    exchange = Exchange(login, name, entrance())
    with contextlib.suppress(SASLError, MailError):
        for response in responses:
            if isinstance(result_of(exchange.respond(response)), Account):
                break


# -- EXTERNAL ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "authzid", "found"),
    [
        ((TIM.name,), "", TIM.name),
        (("TIM@Example.ORG",), "tim", TIM.name),
        (("stranger@elsewhere.test", TIM.name), "", TIM.name),
        ((TIM.name, "ann@example.org"), "", TIM.name),
        ((TIM.name, "ann@example.org"), "ann@example.org", "ann@example.org"),
    ],
)
def test_a_certificate_opens_the_account_it_names(
    login: Login, names: tuple[str, ...], authzid: str, found: str
) -> None:
    exchange = Exchange(login, "EXTERNAL", entrance(Channel(private=True, identities=names)))
    assert result_of(exchange.respond(authzid.encode())).name == found


@pytest.mark.parametrize(
    ("names", "authzid"),
    [
        (("stranger@elsewhere.test",), ""),
        ((TIM.name,), "ann@example.org"),
        ((TIM.name,), "nobody@example.org"),
        (("stranger@elsewhere.test",), TIM.name),
    ],
)
def test_a_certificate_opens_no_other_account(login: Login, names: tuple[str, ...], authzid: str) -> None:
    exchange = Exchange(login, "EXTERNAL", entrance(Channel(private=True, identities=names)))
    failure_of(exchange.respond(authzid.encode()), BadCredentials)


def test_a_certificate_opens_no_disabled_account(login: Login, directory: OneUser) -> None:
    directory.disabled.add(TIM.name)
    failure_of(Exchange(login, "EXTERNAL", entrance()).respond(b""), BadCredentials)


# -- APOP, and what becomes of a login -----------------------------------------------------------------------------


def test_apop_opens_the_account_and_its_failures_count(login: Login, directory: OneUser, clock: Clock) -> None:
    directory.apop_secrets[TIM.name] = "tanstaaf"
    stamp, digest = "<1896.697170952@dbc.mtview.ca.us>", "c4c9334bac560ecc979e58001b3e22fb"
    assert result_of(login.check_apop("tim", stamp, digest, PEER, "pop3")) == TIM
    failure_of(login.check_apop("tim", stamp, "0" * 32, PEER, "pop3"), BadCredentials)
    second = Deferred.fromCoroutine(login.check_apop("tim", stamp, digest, PEER, "pop3"))
    assert not second.called
    clock.advance(1)
    assert result_of(second) == TIM


def test_a_login_counts_until_the_password_changes_or_the_account_goes(login: Login, directory: OneUser) -> None:
    account = result_of(check(login, "tim", "secret"))
    result_of(login.confirm(account))
    directory.set_password(TIM.name, "another")
    failure_of(login.confirm(account), NotAllowed)
    account = result_of(check(login, "tim", "another"))
    directory.disabled.add(TIM.name)
    failure_of(login.confirm(account), NotAllowed)
    directory.remove(TIM.name)
    failure_of(login.confirm(account), NotFound)


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
