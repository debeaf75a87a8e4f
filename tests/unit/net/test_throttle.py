"""Failed logins make the next ones wait."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from mailsuite.directory.names import canonical_local
from mailsuite.directory.prepare import prepare
from mailsuite.errors import InvalidName, Temporary
from mailsuite.net.throttle import Throttle, ThrottleSettings, spelling

ATTACKER, USER = "192.0.2.66", "198.51.100.7"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def throttle(clock: Clock) -> Throttle:
    return Throttle(clock)


def fail(throttle: Throttle, clock: Clock, address: str, login: str, times: int = 1) -> list[float]:
    """Fail one after the other, each as soon as it may; how long each waited."""
    waits = []
    for _ in range(times):
        waits.append(throttle.wait(address, login))
        clock.advance(waits[-1])
        throttle.failed(address, login)
    return waits


def test_nobody_waits_at_first(throttle: Throttle) -> None:
    assert [throttle.wait(USER, "tim") for _ in range(50)] == [0] * 50


def test_the_wait_doubles_up_to_its_limit(throttle: Throttle, clock: Clock) -> None:
    assert fail(throttle, clock, ATTACKER, "tim", 7) == [0, 1, 2, 4, 8, 15, 15]


def test_other_names_from_the_same_address_wait_too(throttle: Throttle, clock: Clock) -> None:
    assert [fail(throttle, clock, ATTACKER, f"user{n}")[0] for n in range(5)] == [0, 1, 2, 4, 8]


def test_attempts_side_by_side_stand_in_line(throttle: Throttle, clock: Clock) -> None:
    fail(throttle, clock, ATTACKER, "tim", 3)
    assert [throttle.wait(ATTACKER, "tim") for _ in range(4)] == [4, 8, 12, 16]


def test_a_failure_does_not_shorten_the_line(throttle: Throttle, clock: Clock) -> None:
    fail(throttle, clock, ATTACKER, "tim", 3)
    for _ in range(5):
        throttle.wait(ATTACKER, "tim")
    throttle.failed(ATTACKER, "tim")
    assert throttle.wait(ATTACKER, "tim") == 24


def test_a_line_too_long_is_refused(throttle: Throttle, clock: Clock) -> None:
    fail(throttle, clock, ATTACKER, "tim", 8)
    for _ in range(3):
        throttle.wait(ATTACKER, "tim")
    with pytest.raises(Temporary):
        throttle.wait(ATTACKER, "tim")
    clock.advance(30)
    throttle.wait(ATTACKER, "tim")


def test_a_name_attacked_from_everywhere_waits_a_little_and_never_in_line(throttle: Throttle, clock: Clock) -> None:
    for n in range(40):
        throttle.failed(f"203.0.113.{n}", "Tim")
    assert [throttle.wait(USER, "tim") for _ in range(3)] == [4, 4, 4]
    clock.advance(4)
    assert throttle.wait(USER, "tim") == 0


def test_a_name_attacked_from_everywhere_is_not_slow_where_it_was_right_before(
    throttle: Throttle, clock: Clock
) -> None:
    throttle.succeeded(USER, "tim")
    for n in range(40):
        throttle.failed(f"203.0.113.{n}", "tim")
    assert throttle.wait(USER, "tim") == 0
    assert throttle.wait("198.51.100.8", "tim") > 0


def test_a_right_password_forgives_the_name_and_half_of_the_address(throttle: Throttle, clock: Clock) -> None:
    fail(throttle, clock, USER, "tim", 4)
    clock.advance(throttle.wait(USER, "tim"))
    throttle.failed("203.0.113.5", "tim")
    throttle.succeeded(USER, "tim")
    assert throttle.wait("198.51.100.8", "tim") == 0
    clock.advance(100)
    throttle.wait(USER, "tim")
    assert throttle.wait(USER, "tim") == 2


def test_a_single_mistake_is_forgotten_by_the_right_password(throttle: Throttle, clock: Clock) -> None:
    fail(throttle, clock, USER, "tim")
    throttle.succeeded(USER, "tim")
    assert throttle.wait(USER, "tim") == 0


def test_time_forgives(throttle: Throttle, clock: Clock) -> None:
    fail(throttle, clock, ATTACKER, "tim", 6)
    clock.advance(901)
    assert fail(throttle, clock, ATTACKER, "tim", 2) == [0, 1]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("fe80::1%eth0", "fe80::2", True),
        ("not an address", "not an address", True),
    ],
)
def test_networks(throttle: Throttle, one: str, other: str, same: bool) -> None:
    throttle.failed(one, "tim")
    assert (throttle.wait(other, "someone else") > 0) is same


def test_memory_is_bounded_and_the_oldest_goes_first(clock: Clock) -> None:
    throttle = Throttle(clock, ThrottleSettings(most=10))
    for n in range(30):
        throttle.failed(f"203.0.113.{n}", f"user{n}")
        throttle.succeeded(f"203.0.113.{n}", f"friend{n}")
        throttle.failed(f"203.0.113.{n}", f"user{n}")
    assert max(len(kept) for kept in (throttle._addresses, throttle._names, throttle._good)) == 10
    assert throttle.wait("203.0.113.29", "x") > 0
    assert throttle.wait("203.0.113.1", "x") == 0


def test_who_was_active_last_is_kept(clock: Clock) -> None:
    throttle = Throttle(clock, ThrottleSettings(most=2))
    throttle.failed("203.0.113.1", "one")
    throttle.failed("203.0.113.2", "two")
    throttle.failed("203.0.113.1", "one")
    throttle.failed("203.0.113.3", "three")
    assert throttle.wait("203.0.113.1", "x") > 0
    assert throttle.wait("203.0.113.2", "x") == 0
    throttle.succeeded(USER, "four")
    throttle.succeeded(USER, "five")
    throttle.succeeded(USER, "four")
    throttle.succeeded(USER, "six")
    throttle.failed("203.0.113.9", "four")
    throttle.failed("203.0.113.9", "five")
    assert throttle.wait(USER, "four") == 0
    assert throttle.wait(USER, "five") > 0


# -- spellings -----------------------------------------------------------------------------------------------------


def test_another_spelling_of_a_name_waits_as_well(throttle: Throttle, clock: Clock) -> None:
    for number, login in enumerate(("Tim@Example.org", "\uff34im@example.org")):
        fail(throttle, clock, f"203.0.{number}.1", login)
    assert throttle.wait(USER, "tim@example.org") == 2


#: Letters that become others, or nothing, when a name is prepared.
TRICKY = st.characters(categories=("Ll", "Lu", "Lm", "Lo", "Mn", "Cf", "Nl", "So", "Zs"))


@given(st.lists(st.one_of(TRICKY, st.sampled_from("tim")), max_size=8).map("".join))
def test_what_the_directory_takes_for_one_name_is_one_here(local: str) -> None:
    """Though the directory takes fewer for one than this does."""
    try:
        name = f"{canonical_local(prepare(local))}@example.org"
    except InvalidName:
        return
    if name.isascii():
        assert spelling(f"{local}@example.org") == name
        assert f"{spelling(local)}@example.org" == name


@pytest.mark.parametrize(
    "domain", ["EXAMPLE.org", "ex\u200bample.org", "example\u3002org", "\uff25xample.org", "b\u00fccher.test"]
)
def test_a_domain_has_two_spellings_at_most(domain: str) -> None:
    assert spelling(f"Tim@{domain}") in ("tim@example.org", "tim@")


def test_a_clock_that_is_set_back_shuts_nobody_out(throttle: Throttle, clock: Clock) -> None:
    clock.advance(100_000)
    fail(throttle, clock, ATTACKER, "tim", 5)
    clock.rightNow -= 90_000
    assert fail(throttle, clock, ATTACKER, "tim", 3) == [0, 1, 2]
