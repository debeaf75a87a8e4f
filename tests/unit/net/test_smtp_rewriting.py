"""Which headers are rewritten: those that are known whole."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from mailsuite.directory.address_map import parse
from mailsuite.directory.rewriting import Rewriting
from mailsuite.model import Client
from mailsuite.net.smtp_rewriting import rewritten_header, with_header
from mailsuite.testing.delivery import MemoryDelivery
from mailsuite.testing.results import result_of

TABLE = parse("ann@a.test anna@longer.test", "/t", ["a.test"])
REWRITES = Rewriting([TABLE], [TABLE])
CLIENT = Client("192.0.2.1", 1, "smtp")
LONG = b"X: " + b"y" * 300 + b"\r\n"


def changed(message: bytes) -> bytes:
    """What becomes of a message."""
    delivery = MemoryDelivery()
    draft = delivery.draft()
    draft.write(message)
    old = draft.header()
    new = rewritten_header(old, draft, REWRITES, CLIENT)
    if new is old:
        return message
    fresh = result_of(Deferred.fromCoroutine(with_header(draft, delivery, old, new)))
    assert delivery.open_drafts == 1
    body = result_of(fresh.body())
    octets = b"".join(result_of(body.read_at(at, 1 << 20)) for at in range(0, body.size, 1 << 20))
    fresh.discard()
    assert delivery.open_drafts == 0
    return octets


@pytest.mark.parametrize(
    "message",
    [
        b"From: ann@a.test\r\n\r\nFrom: ann@a.test\r\n",
        b"From: ann@a.test\r\n\r\n",
        b"From: ann@a.test\r\n",
        b"From: ann@a.test\r\n\r\n" + b"x" * 3_000_000,
        LONG * 100 + b"From: ann@a.test\r\n\r\nx\r\n",
    ],
    ids=["body", "no body", "no empty line", "large", "long"],
)
def test_the_header_changes_and_nothing_else(message: bytes) -> None:
    assert changed(message) == message.replace(b"ann@a.test", b"anna@longer.test", 1)


@pytest.mark.parametrize(
    "message",
    [b"\r\nFrom: ann@a.test\r\n", b"From: ann@a.test\r\n" + LONG * 1000 + b"\r\nx\r\n"],
    ids=["none", "endless"],
)
def test_what_is_no_header_or_not_known_whole_stays(message: bytes) -> None:
    assert changed(message) == message
