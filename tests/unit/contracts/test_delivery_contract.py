"""What every IDelivery and IDraft does: the double in memory, and the delivery to Maildir and queue."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from delivery_worlds import FULL, NO_MAILBOX, InMemory, OnDisk, OnDiskSmall, World
from twisted.internet.defer import CancelledError, Deferred
from zope.interface.verify import verifyObject

from mailsuite.disk.spool import BLOCK
from mailsuite.errors import MailError, NotFound, OverQuota, Temporary
from mailsuite.interfaces import IDelivery, IDraft
from mailsuite.model import NULL_SENDER, Address, Destination, Envelope, Recipient, ToMailbox, ToRemote
from mailsuite.testing.results import failure_of, unfired

ANN, BOB = ToMailbox("ann@a.test"), ToMailbox(FULL)
FAR, OUT = Address("far", "b.test"), Address("out", "c.test")
TO_FAR, TO_OUT = ToRemote(Recipient(FAR)), ToRemote(Recipient(OUT))
SENDER = Address("sender", "c.test")
TRACE = b"X-Policy: ok\r\nReceived: from x\r\n\tby y\r\n"
MESSAGE = b"Subject: hi\r\n\r\n.hello\r\n"
MAX_HEADER = 256 * 1024


@pytest.fixture(params=[InMemory, OnDisk, OnDiskSmall])
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(os, "fsync", lambda fd: None)
    world = request.param(tmp_path)
    yield world
    if isinstance(world, OnDisk):
        world.close()


def drafted(world: World, *pieces: bytes) -> Any:
    draft = world.delivery.draft()
    for piece in pieces:
        waiting = draft.write(piece)
        if waiting is not None:
            world.done(waiting)
    return draft


def commit(world: World, *to: Destination, message: bytes = MESSAGE, sender: Address = SENDER) -> Deferred[None]:
    return world.delivery.commit(drafted(world, message), Envelope("ID1", sender, (), 1.0), TRACE, to)


def nothing_is_visible(world: World) -> bool:
    return not (world.mail(ANN.account) or world.mail(BOB.account) or world.relayed())


# -- drafts ------------------------------------------------------------------------------------------------------------

HEADER = b"Received: one\r\nRECEIVED : two\r\n x\r\nX-Received: no\r\nSubject: y\r\n\r\n"
TEXT = b"Received: in the body\r\n\r\n" + b"line\r\n" * 50


def test_they_are_a_delivery_and_a_draft(world: World) -> None:
    assert verifyObject(IDelivery, world.delivery)
    assert verifyObject(IDraft, world.delivery.draft())


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_a_draft_tells_and_gives_back_what_was_written(world: World, step: int) -> None:
    octets = HEADER + TEXT
    draft = drafted(world, *(octets[at : at + step] for at in range(0, len(octets), step)))
    assert (draft.size, draft.received, draft.header()) == (len(octets), 2, HEADER)
    body = world.done(draft.body())
    assert world.done(body.read_at(0, 10_000)) == octets
    body.close()
    draft.discard()


@pytest.mark.parametrize(
    ("octets", "header", "received"),
    [
        (b"", b"", 0),
        (b"Received: x\r\nA: b\r\n", b"Received: x\r\nA: b\r\n", 1),
        (b"\r\nReceived: x\r\n\r\n", b"\r\n", 0),
        (b"Received: x\nA: b\n\nReceived: y\n", b"Received: x\r\nA: b\r\n\r\n", 1),
        (b"Received: x\r\n" * 40_000, (b"Received: x\r\n" * 40_000)[:MAX_HEADER], None),
    ],
)
def test_the_header_so_far_has_crlf_and_a_bound(
    world: World, octets: bytes, header: bytes, received: int | None
) -> None:
    draft = drafted(world, octets)
    assert draft.header() == header
    if received is not None:
        assert draft.received == received
    draft.discard()


def test_an_empty_draft_is_a_message_too(world: World) -> None:
    draft = drafted(world)
    assert (draft.size, draft.received) == (0, 0)
    assert world.done(draft.body()).size == 0


def test_a_discarded_draft_leaves_nothing(world: World) -> None:
    draft = drafted(world, b"x" * (2 * BLOCK), b"more")
    draft.discard()
    draft.discard()
    assert world.left() == 0


def test_after_a_failed_write_nothing_comes_of_the_draft(world: World) -> None:
    draft = drafted(world, MESSAGE)
    world.spoil_writes()
    waiting = next(filter(None, (draft.write(b"x" * BLOCK) for _ in range(8))))
    for failing in (waiting, draft.write(b"more"), draft.body()):
        with pytest.raises(Temporary):
            world.done(failing)
    with pytest.raises(Temporary):
        world.done(world.delivery.commit(draft, Envelope("ID1", SENDER, (), 1.0), TRACE, [ANN, TO_FAR]))
    assert nothing_is_visible(world)


# -- commits -----------------------------------------------------------------------------------------------------------


def test_every_destination_gets_the_message_with_its_trace(world: World) -> None:
    world.done(commit(world, ANN, TO_FAR, BOB, TO_OUT))
    stored = b"Return-Path: <sender@c.test>\r\n" + TRACE + MESSAGE
    assert world.mail(ANN.account) == world.mail(BOB.account) == [stored]
    assert world.relayed() == [((FAR, OUT), TRACE + MESSAGE)]
    assert world.left() == 0


def test_the_null_sender_is_an_empty_return_path(world: World) -> None:
    world.done(commit(world, ANN, sender=NULL_SENDER))
    assert world.mail(ANN.account)[0].startswith(b"Return-Path: <>\r\n")


def test_messages_of_a_mailbox_keep_their_order(world: World) -> None:
    for number in range(3):
        world.done(commit(world, ANN, message=b"N: %d\r\n\r\n" % number))
    assert [octets[-8:-4] for octets in world.mail(ANN.account)] == [b"N: 0", b"N: 1", b"N: 2"]


def test_it_fires_when_the_message_is_there(world: World) -> None:
    world.hold()
    answer = commit(world, ANN, TO_FAR)
    assert unfired(answer)
    world.done(answer)
    assert len(world.mail(ANN.account)) == len(world.relayed()) == 1


@pytest.mark.parametrize(
    ("error", "culprit"),
    [(OverQuota, BOB), (NotFound, ToMailbox(BOB.account, NO_MAILBOX)), (Temporary, BOB)],
)
@pytest.mark.parametrize("last", [True, False])
def test_what_one_cannot_take_nobody_gets(world: World, error: type[MailError], culprit: ToMailbox, last: bool) -> None:
    world.spoil(error)
    others: list[Destination] = [ANN, TO_FAR]
    draft = drafted(world, MESSAGE)
    to = [*others, culprit] if last else [culprit, *others]
    answer = world.delivery.commit(draft, Envelope("ID1", SENDER, (), 1.0), TRACE, to)
    with pytest.raises(error):
        world.done(answer)
    assert nothing_is_visible(world)
    assert world.left() == 0, "the draft is spent either way"
    draft.discard()
    world.done(commit(world, ANN, TO_FAR))
    assert len(world.mail(ANN.account)) == len(world.relayed()) == 1


def test_discarding_after_a_commit_harms_nothing(world: World) -> None:
    draft = drafted(world, MESSAGE)
    world.done(world.delivery.commit(draft, Envelope("ID1", SENDER, (), 1.0), TRACE, [ANN]))
    draft.discard()
    draft.discard()
    assert len(world.mail(ANN.account)) == 1


def test_a_cancelled_commit_is_finished_though_nobody_waits(world: World) -> None:
    world.hold()
    answer = commit(world, ANN, TO_FAR)
    answer.cancel()
    failure_of(answer, CancelledError)
    world.done(commit(world, BOB))
    assert len(world.mail(ANN.account)) == len(world.relayed()) == 1
    assert world.left() == 0
