"""net.sessions: counting connections and ending them."""

from __future__ import annotations

import pytest

from mailsuite.net.sessions import Admission, Sessions, network_of
from mailsuite.testing.results import result_of, unfired


class OpenSession:
    def __init__(self) -> None:
        self.asked = 0
        self.was_cut = False

    def shut_down(self) -> None:
        self.asked += 1

    def cut(self) -> None:
        self.was_cut = True


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("no:address", "no:address"),
        ("", ""),
    ],
)
def test_an_ipv6_client_is_its_network(address: str, network: str) -> None:
    assert network_of(address) == network


def test_a_network_has_its_share_and_all_have_a_limit() -> None:
    admission = Admission(total=4, per_network=2)
    assert admission.enter("2001:db8::1", False)
    assert admission.enter("2001:db8::2", False)
    assert not admission.enter("2001:db8::3", False)
    assert admission.enter("2001:db8::3", True)
    assert admission.enter("192.0.2.1", False)
    assert not admission.enter("192.0.2.2", True)
    admission.leave("2001:db8::1")
    assert admission.enter("192.0.2.2", False)


def test_who_was_turned_away_is_not_counted() -> None:
    admission = Admission(total=10, per_network=1)
    assert admission.enter("192.0.2.1", False)
    for _ in range(20):
        assert not admission.enter("192.0.2.1", False)
    admission.leave("192.0.2.1")
    assert admission.enter("192.0.2.1", False)


def test_shutting_down_ends_when_the_last_session_does() -> None:
    sessions, one, two = Sessions(), OpenSession(), OpenSession()
    sessions.add(one)
    sessions.add(two)
    first, second = sessions.shut_down(), sessions.shut_down()
    sessions.remove(one)
    assert unfired(first)
    late = OpenSession()
    sessions.add(late)
    assert late.asked == 1
    sessions.remove(two)
    sessions.remove(late)
    assert result_of(first) is result_of(second) is None
    assert len(sessions) == 0


def test_without_sessions_it_is_done_at_once() -> None:
    assert result_of(Sessions().shut_down()) is None


def test_who_has_waited_enough_cancels_and_cuts() -> None:
    sessions, one = Sessions(), OpenSession()
    sessions.add(one)
    waiting = sessions.shut_down()
    waiting.addErrback(lambda failure: None)
    waiting.cancel()
    sessions.cut()
    assert one.was_cut
    sessions.remove(one)
