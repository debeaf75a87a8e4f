"""net.sessions: counting connections and ending them."""

from __future__ import annotations

import pytest

from mailsuite.net.address import client_networks, network_of
from mailsuite.net.sessions import Admission, Described, Entry, Sessions
from mailsuite.testing.results import result_of, unfired


class OpenSession:
    def __init__(self) -> None:
        self.asked = 0
        self.was_cut = False

    def described(self, service: str) -> Described:
        return Described(service, "192.0.2.1:4000", "", "", 0.0, 0.0)

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
    assert admission.enter("2001:db8::1", False) is Entry.ADMITTED
    assert admission.enter("2001:db8::2", False) is Entry.ADMITTED
    assert admission.enter("2001:db8::3", False) is Entry.CROWDED
    assert admission.enter("2001:db8::3", True) is Entry.ADMITTED
    assert admission.enter("192.0.2.1", False) is Entry.ADMITTED
    assert admission.enter("192.0.2.2", True) is Entry.FULL
    admission.leave("2001:db8::1")
    assert admission.enter("192.0.2.2", False) is Entry.ADMITTED
    assert admission.hits == {"limits.connections_per_address": 1, "limits.connections": 1}


def test_what_one_network_is_can_be_said() -> None:
    admission = Admission(10, 1, client_networks(24, 48))
    assert admission.enter("192.0.2.1", False) is Entry.ADMITTED
    assert admission.enter("192.0.2.200", False) is Entry.CROWDED
    assert admission.enter("::ffff:192.0.2.3", False) is Entry.CROWDED
    assert admission.enter("192.0.3.1", False) is Entry.ADMITTED
    assert admission.enter("2001:db8:1:2::3", False) is Entry.ADMITTED
    assert admission.enter("2001:db8:1:7::3", False) is Entry.CROWDED


def test_programs_on_this_machine_share_no_network() -> None:
    admission = Admission(3, 1)
    assert [admission.enter("", False) for _ in range(4)] == [Entry.ADMITTED] * 3 + [Entry.FULL]


def test_a_listener_may_have_a_share_of_its_own() -> None:
    admission = Admission(3, 3)
    part = admission.part(1)
    assert part.enter("192.0.2.1", False) is Entry.ADMITTED
    assert part.enter("192.0.2.1", False) is Entry.LISTENER_FULL
    assert [admission.enter("192.0.2.2", False) for _ in range(3)] == [Entry.ADMITTED] * 2 + [Entry.FULL]
    part.leave("192.0.2.1")
    assert admission.enter("192.0.2.2", False) is Entry.ADMITTED
    assert part.enter("192.0.2.1", False) is Entry.FULL
    assert admission.part(0) is admission
    assert part.hits is admission.hits


def test_who_was_turned_away_is_not_counted() -> None:
    admission = Admission(total=10, per_network=1)
    assert admission.enter("192.0.2.1", False) is Entry.ADMITTED
    for _ in range(20):
        assert admission.enter("192.0.2.1", False) is Entry.CROWDED
    admission.leave("192.0.2.1")
    assert admission.enter("192.0.2.1", False) is Entry.ADMITTED


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
