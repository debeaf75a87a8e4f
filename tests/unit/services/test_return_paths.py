"""With which return path mail leaves: the sender's own, one of ours for what is forwarded, one for each recipient."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred, succeed

from mailsuite.directory.srs import Srs
from mailsuite.model import (
    NULL_SENDER,
    Address,
    Destination,
    Envelope,
    Local,
    Recipient,
    Remote,
    Resolution,
    ToMailbox,
    ToRemote,
)
from mailsuite.services.return_paths import ReturnPaths
from mailsuite.testing.results import result_of

SRS = Srs((b"a secret of this server",), "us.test")
ANN, OURS, LIST = Address("ann", "b.test"), Address("bob", "us.test"), Address("list-owner", "us.test")
FAR = Recipient(Address("far", "c.test"))
MAILBOX = ToMailbox("bob@us.test")


def resolve(address: Address) -> Deferred[Resolution]:
    return succeed(Local("x") if address.domain == "us.test" else Remote())


def chosen(sender: Address, *destinations: Destination, srs: Srs | None = SRS) -> list[Destination]:
    paths = ReturnPaths(resolve, lambda: 20_000 * 86_400.0, srs, ["list-owner@us.test"])
    found = paths.choose(Envelope("ID", sender, (), 0.0), destinations)
    return list(result_of(found) if isinstance(found, Deferred) else found)


def test_what_is_forwarded_gets_a_return_path_of_ours() -> None:
    mailbox, forwarded, relayed = chosen(ANN, MAILBOX, ToRemote(FAR, forwarded=True), ToRemote(FAR))
    assert mailbox == MAILBOX
    assert isinstance(forwarded, ToRemote)
    path = forwarded.recipient.return_path
    assert path is not None
    assert SRS.reverse(path.local, 20_000) == ANN
    assert relayed == ToRemote(FAR)


@pytest.mark.parametrize("sender", [OURS, NULL_SENDER])
def test_our_own_senders_and_notices_keep_theirs(sender: Address) -> None:
    assert chosen(sender, ToRemote(FAR, forwarded=True)) == [ToRemote(FAR, forwarded=True)]


def test_without_a_secret_nothing_is_rewritten() -> None:
    assert chosen(ANN, ToRemote(FAR, forwarded=True), srs=None) == [ToRemote(FAR, forwarded=True)]


def test_a_list_gets_one_return_path_for_each_recipient() -> None:
    gil = Recipient(Address("gil+x", "d.test"))
    mailbox, *others = chosen(LIST, MAILBOX, ToRemote(FAR), ToRemote(gil, forwarded=True))
    assert mailbox == MAILBOX
    assert [str(to.recipient.return_path) for to in others if isinstance(to, ToRemote)] == [
        "list-owner+far=c.test@us.test",
        "list-owner+gil+x=d.test@us.test",
    ]


def test_a_return_path_that_nobody_would_take_is_not_made() -> None:
    long = ToRemote(Recipient(Address("x" * 250, "d.test")))
    assert chosen(LIST, long) == [long]
