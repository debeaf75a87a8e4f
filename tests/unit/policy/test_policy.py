"""policy: relay rights, size, loops and quota, and the order in which checks are asked."""

from __future__ import annotations

from collections import Counter

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from mailsuite.interfaces import IPolicy
from mailsuite.model import (
    NULL_SENDER,
    Accept,
    AddHeader,
    Address,
    Client,
    Envelope,
    Forward,
    Later,
    Local,
    Recipient,
    Refuse,
    Remote,
    Resolution,
    Status,
    Unknown,
    Verdict,
)
from mailsuite.policy.backup import Backup, everybody
from mailsuite.policy.checks import Answer, Check, Loop, Quota, RelayRights, Size
from mailsuite.policy.ordered import OrderedPolicy, standard_checks
from mailsuite.policy.rates import RateLimits, Rates
from mailsuite.testing.results import failure_of, result_of, unfired

STRANGER = Client("192.0.2.1", 4000, "smtp")
TRUSTED = Client("127.0.0.1", 4000, "smtp", trusted=True)
USER = Client("192.0.2.1", 4000, "submission", account="alice@here.test")
BOB = Address("bob", "here.test")
ENVELOPE = Envelope("id", NULL_SENDER, (Recipient(BOB),), 0.0)


def at_recipient(policy: OrderedPolicy, client: Client, resolution: Resolution, size: int = 0) -> Verdict:
    return result_of(policy.at_recipient(client, NULL_SENDER, BOB, resolution, size))


def status(verdict: Verdict) -> str:
    return str(verdict.status) if isinstance(verdict, Refuse | Later) else ""


@pytest.mark.parametrize(
    ("client", "resolution", "expected"),
    [
        (STRANGER, Local("bob@here.test"), ""),
        (STRANGER, Forward((), (Address("x", "far.test"),)), ""),
        (STRANGER, Remote(), "5.7.1"),
        (TRUSTED, Remote(), ""),
        (USER, Remote(), ""),
        (STRANGER, Unknown(), "5.1.1"),
        (TRUSTED, Unknown(), "5.1.1"),
        (USER, Unknown(), "5.1.1"),
    ],
)
def test_only_known_clients_relay_and_nobody_reaches_unknown_users(
    client: Client, resolution: Resolution, expected: str
) -> None:
    assert status(at_recipient(OrderedPolicy([RelayRights()]), client, resolution)) == expected


def test_too_large_is_refused_as_declared_and_as_it_came() -> None:
    policy = OrderedPolicy([Size(100)])
    assert result_of(policy.at_sender(STRANGER, NULL_SENDER, 100)) == Accept()
    assert status(result_of(policy.at_sender(STRANGER, NULL_SENDER, 101))) == "5.3.4"
    assert result_of(policy.at_message(STRANGER, ENVELOPE, b"", 100)) == Accept()
    assert status(result_of(policy.at_message(STRANGER, ENVELOPE, b"", 101))) == "5.3.4"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"Received: a\r\n" * 2, ""),
        (b"Received: a\r\n" * 3, "5.4.6"),
        (b"Subject: x\r\nRECEIVED : a\r\n" * 3, "5.4.6"),
        (b"X-Received: a\r\n" * 9, ""),
        (b"Subject: x\r\n Received: folded\r\n" * 9, ""),
    ],
)
def test_many_received_fields_are_a_loop(header: bytes, expected: str) -> None:
    policy = OrderedPolicy([Loop(3)])
    assert status(result_of(policy.at_message(STRANGER, ENVELOPE, header, 1))) == expected


def test_a_full_mailbox_says_later_unless_others_share_the_address() -> None:
    full = {"bob@here.test": True, "eve@here.test": True, "ann@here.test": False}
    asked: list[tuple[str, int]] = []

    def room(account: str, size: int) -> Deferred[bool]:
        asked.append((account, size))
        return succeed(not full[account])

    policy = OrderedPolicy([Quota(room)])
    bob, eve, ann = Local("bob@here.test"), Local("eve@here.test"), Local("ann@here.test")
    assert status(at_recipient(policy, STRANGER, bob, 7)) == "4.2.2"
    assert asked == [("bob@here.test", 7)]
    assert at_recipient(policy, STRANGER, ann) == Accept()
    assert status(at_recipient(policy, STRANGER, Forward((bob, eve), ()))) == "4.2.2"
    assert at_recipient(policy, STRANGER, Forward((bob, ann), ())) == Accept()
    assert at_recipient(policy, STRANGER, Forward((bob,), (Address("x", "y"),))) == Accept()
    assert at_recipient(policy, TRUSTED, Remote()) == Accept()


class Says(Check):
    def __init__(self, answer: Answer, asked: list[Answer]) -> None:
        self.answer, self.asked = answer, asked

    def at_connect(self, client: Client) -> Answer:
        self.asked.append(self.answer)
        return self.answer


REFUSED, LATER = Refuse(Status(5, 7, 1), "no"), Later(Status(4, 7, 1), "wait")


def test_the_first_refusal_ends_the_questions() -> None:
    asked: list[Answer] = []
    policy = OrderedPolicy([Says(Accept(), asked), Says(LATER, asked), Says(REFUSED, asked)])
    assert result_of(policy.at_connect(STRANGER)) == LATER
    assert asked == [Accept(), LATER]


def test_header_fields_add_up_in_order() -> None:
    fields = [AddHeader(b"A: 1\r\n"), Accept(), AddHeader(b"B: 2\r\n")]
    for answers in (fields, [succeed(field) for field in fields]):
        policy = OrderedPolicy([Says(answer, []) for answer in answers])
        assert result_of(policy.at_connect(STRANGER)) == AddHeader(b"A: 1\r\nB: 2\r\n")


def test_an_answer_that_takes_time_holds_back_the_next_question() -> None:
    asked: list[Answer] = []
    slow: Deferred[Verdict] = Deferred()
    answer = OrderedPolicy([Says(slow, asked), Says(REFUSED, asked)]).at_connect(STRANGER)
    assert unfired(answer)
    assert asked == [slow]
    slow.callback(Accept())
    assert result_of(answer) == REFUSED


def test_a_check_that_breaks_fails_the_call() -> None:
    class Broken(Check):
        def at_sender(self, client: Client, sender: Address, size: int) -> Answer:
            raise ZeroDivisionError

    failure_of(OrderedPolicy([Broken()]).at_sender(STRANGER, NULL_SENDER, 0), ZeroDivisionError)


def test_the_standard_checks_keep_the_seam() -> None:
    policy = OrderedPolicy(standard_checks(100, 50))
    assert verifyObject(IPolicy, policy)
    assert result_of(policy.at_connect(STRANGER)) == Accept()
    assert result_of(policy.at_greeting(STRANGER)) == Accept()
    assert status(at_recipient(policy, STRANGER, Remote())) == "5.7.1"


def test_policy_names_what_it_looks_at() -> None:
    assert OrderedPolicy(standard_checks(100, 50)).checks == ("relay", "size", "loop")
    lists = Backup([("b.test", everybody)])
    room = standard_checks(100, 50, lambda account, octets: True, lists)
    hits: Counter[str] = Counter()
    rates = [Rates(RateLimits(address_messages=many), str, Clock(), hits) for many in (0, 1)]
    assert OrderedPolicy([*room, *rates]).checks == ("relay", "backup", "size", "loop", "quota", "rates")


def test_what_needs_no_waiting_is_answered_without_a_deferred() -> None:
    policy = OrderedPolicy(standard_checks(100, 25, lambda account, octets: account == "ann@here.test"))
    assert policy.at_connect(STRANGER) == Accept()
    assert policy.at_recipient(STRANGER, NULL_SENDER, BOB, Local("ann@here.test"), 7) == Accept()
    assert status(policy.at_recipient(STRANGER, NULL_SENDER, BOB, Local("bob@here.test"), 7)) == "4.2.2"
