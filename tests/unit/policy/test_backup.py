"""Domains that mail is taken for on behalf of others: for whom, and that a list may change."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred, succeed

from mailsuite.errors import InvalidName
from mailsuite.model import Accept, Address, Client, Local, Refuse, Remote, Resolution, Unknown
from mailsuite.policy.backup import Backup, everybody, parse_recipients
from mailsuite.policy.ordered import OrderedPolicy, standard_checks
from mailsuite.testing.results import result_of

STRANGER = Client("192.0.2.1", 1, "smtp")
FRIEND = Client("192.0.2.1", 1, "smtp", trusted=True)
KNOWN = parse_recipients("# who\nAnn@b.test OK\n\nbob@b.test # comment\n@all.test\nkim@Bücher.test\n")
ELSEWHERE = Remote()
BACKUP = Backup(
    [
        ("b.test", lambda: KNOWN),
        (".sub.test", lambda: succeed(KNOWN)),
        ("all.test", lambda: KNOWN),
        ("any.test", everybody),
        ("xn--bcher-kva.test", lambda: KNOWN),
    ]
)


def answer(recipient: str, client: Client = STRANGER, resolution: Resolution = ELSEWHERE) -> str:
    policy = OrderedPolicy(standard_checks(100, 50, backup=BACKUP))
    local, _, domain = recipient.partition("@")
    found = policy.at_recipient(client, Address("al", "x.test"), Address(local, domain), resolution, 0)
    verdict = result_of(found) if isinstance(found, Deferred) else found
    return str(verdict.status) if isinstance(verdict, Refuse) else type(verdict).__name__


@pytest.mark.parametrize(
    ("recipient", "expected"),
    [
        ("ann@b.test", "Accept"),
        ("ANN@B.test", "Accept"),
        ("kim@xn--bcher-kva.test", "Accept"),
        ("tom@xn--bcher-kva.test", "5.1.1"),
        ("ann+shop@b.test", "Accept"),
        ("eve@b.test", "5.1.1"),
        ("postmaster@b.test", "Accept"),
        ("Postmaster@x.sub.test", "Accept"),
        ("ann@x.b.test", "5.7.1"),
        ("eve@sub.test", "5.1.1"),
        ("eve@x.y.sub.test", "5.1.1"),
        ("eve@notsub.test", "5.7.1"),
        ("anybody@all.test", "Accept"),
        ("anybody@any.test", "Accept"),
        ("anybody@elsewhere.test", "5.7.1"),
        ("anybody@[192.0.2.1]", "5.7.1"),
    ],
)
def test_strangers_reach_the_recipients_that_are_listed(recipient: str, expected: str) -> None:
    assert answer(recipient) == expected


@pytest.mark.parametrize(("recipient", "expected"), [("eve@b.test", "5.1.1"), ("eve@elsewhere.test", "Accept")])
def test_an_unknown_recipient_is_refused_to_friends_too(recipient: str, expected: str) -> None:
    assert answer(recipient, FRIEND) == expected


@pytest.mark.parametrize(("resolution", "expected"), [(Local("x"), "Accept"), (Unknown(), "5.1.1")])
def test_what_is_ours_is_not_asked_for(resolution: Resolution, expected: str) -> None:
    assert answer("eve@b.test", resolution=resolution) == expected


def test_a_line_without_an_address_is_told() -> None:
    for text in ("ann\n", "ann@b.test\nbob@\n"):
        with pytest.raises(InvalidName, match="line"):
            parse_recipients(text)


def test_no_list_is_no_verdict() -> None:
    assert isinstance(Backup(()).at_recipient(STRANGER, Address("a", "b"), Address("a", "b"), Remote(), 0), Accept)
