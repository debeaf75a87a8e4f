"""What every IPolicy does: the double with its script, and checks asked in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from mailsuite.errors import Temporary
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
from mailsuite.policy.checks import Check
from mailsuite.policy.ordered import OrderedPolicy, standard_checks
from mailsuite.testing.policy import ScriptedPolicy
from mailsuite.testing.results import failure_of, result_of, unfired

STRANGER = Client("192.0.2.1", 4000, "smtp")
TRUSTED = Client("127.0.0.1", 4000, "smtp", trusted=True)
USER = Client("192.0.2.1", 4000, "submission", account="alice@here.test")
AL, BOB = Address("al", "far.test"), Address("bob", "here.test")
HERE = Local("bob@here.test")
ENVELOPE = Envelope("id", AL, (Recipient(BOB),), 0.0)

#: What a session hands over at each point.
SESSION: dict[str, tuple[Any, ...]] = {
    "connect": (STRANGER,),
    "greeting": (STRANGER,),
    "sender": (STRANGER, AL, 20),
    "recipient": (STRANGER, AL, BOB, HERE, 20),
    "message": (STRANGER, ENVELOPE, b"Subject: x\r\n\r\n", 20),
}
points = pytest.mark.parametrize("point", SESSION)


def scripted(**answers: Any) -> IPolicy:
    return ScriptedPolicy(**answers)


def ordered(**answers: Any) -> IPolicy:
    """The standard checks, and before them one that says what it is told to."""

    def saying(answer: Any) -> Callable[..., Any]:
        def say(self: Check, *arguments: Any) -> Any:
            if isinstance(answer, Exception):
                raise answer
            return answer

        return say

    said = type("Said", (Check,), {f"at_{point}": saying(answer) for point, answer in answers.items()})
    return OrderedPolicy([said(), *standard_checks(1000, 50)])


@pytest.fixture(params=[scripted, ordered])
def make(request: pytest.FixtureRequest) -> Callable[..., IPolicy]:
    return request.param


def ask(policy: Any, point: str) -> Deferred[Verdict]:
    return getattr(policy, f"at_{point}")(*SESSION[point])


def test_it_is_a_policy(make: Callable[..., IPolicy]) -> None:
    assert verifyObject(IPolicy, make())


@points
def test_nothing_is_held_against_an_innocent_session(make: Callable[..., IPolicy], point: str) -> None:
    assert result_of(ask(make(), point)) == Accept()


@pytest.mark.parametrize(
    ("client", "resolution", "status"),
    [
        (STRANGER, HERE, ""),
        (STRANGER, Forward((), (Address("x", "far.test"),)), ""),
        (STRANGER, Remote(), "5.7.1"),
        (TRUSTED, Remote(), ""),
        (USER, Remote(), ""),
        (STRANGER, Unknown(), "5.1.1"),
        (TRUSTED, Unknown(), "5.1.1"),
        (USER, Unknown(), "5.1.1"),
    ],
)
@pytest.mark.parametrize("said", [Accept(), AddHeader(b"A: 1\r\n")])
def test_unknown_users_and_relaying_strangers_are_refused_whatever_else_is_said(
    make: Callable[..., IPolicy], client: Client, resolution: Resolution, status: str, said: Verdict
) -> None:
    verdict = result_of(make(recipient=said).at_recipient(client, NULL_SENDER, BOB, resolution, 0))
    if status:
        assert isinstance(verdict, Refuse)
        assert str(verdict.status) == status
    else:
        assert verdict == said


@points
@pytest.mark.parametrize(
    "verdict", [Refuse(Status(5, 7, 1), "no"), Later(Status(4, 7, 1), "wait"), AddHeader(b"A: 1\r\n")]
)
def test_a_verdict_is_given_at_its_point_only(make: Callable[..., IPolicy], point: str, verdict: Verdict) -> None:
    policy = make(**{point: verdict})
    assert {each: result_of(ask(policy, each)) for each in SESSION} == {
        **dict.fromkeys(SESSION, Accept()),
        point: verdict,
    }


@points
def test_an_answer_may_take_time(make: Callable[..., IPolicy], point: str) -> None:
    slow: Deferred[Verdict] = Deferred()
    answer = ask(make(**{point: slow}), point)
    assert unfired(answer)
    slow.callback(AddHeader(b"A: 1\r\n"))
    assert result_of(answer) == AddHeader(b"A: 1\r\n")


@points
def test_a_check_that_breaks_fails_the_call_and_raises_nothing(make: Callable[..., IPolicy], point: str) -> None:
    failure_of(ask(make(**{point: Temporary("no answer")}), point), Temporary)


@points
def test_the_same_session_may_come_again(make: Callable[..., IPolicy], point: str) -> None:
    policy = make(**{point: Later(Status(4, 7, 1), "wait")})
    assert result_of(ask(policy, point)) == result_of(ask(policy, point))


def test_the_double_remembers_what_it_was_asked() -> None:
    policy = ScriptedPolicy()
    for point in SESSION:
        result_of(ask(policy, point))
    assert policy.asked == [(point, *arguments) for point, arguments in SESSION.items()]
