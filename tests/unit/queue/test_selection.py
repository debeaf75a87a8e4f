"""Which messages are meant by what somebody types."""

from __future__ import annotations

import pytest

from mailsuite.model import EVERYTHING, NULL_SENDER, Address, Envelope, Pending, Queued, Recipient, Selection
from mailsuite.queue.selection import selected

NOW = 1_700_000_000.0
AL, BOB, EVE = Address("al", "a.test"), Address("bob", "b.test"), Address("Eve", "sub.c.test")


def message(sender: Address = AL, held: bool = False) -> Queued:
    """An hour old; bob was greylisted, eve never tried."""
    envelope = Envelope(
        "m1", sender, (Recipient(BOB), Recipient(EVE), Recipient(Address("gone", "g.test"))), NOW - 3600
    )
    pending = (Pending(Recipient(BOB), 1, "4.2.1", "mx said: 450 Greylisted"), Pending(Recipient(EVE)))
    return Queued(envelope, pending, NOW, NOW + 86400, 10, held=held)


@pytest.mark.parametrize(
    ("selection", "meant"),
    [
        (EVERYTHING, True),
        (Selection(ids=("m1", "m2")), True),
        (Selection(ids=()), False),
        (Selection(sender="AL@a.test"), True),
        (Selection(sender="@a.test"), True),
        (Selection(sender="@test"), False),
        (Selection(sender="a.test"), False),
        (Selection(sender="<>"), False),
        (Selection(recipient="bob@B.test"), True),
        (Selection(recipient="eve@sub.c.test"), True),
        (Selection(recipient="gone@g.test"), False),
        (Selection(domain="B.TEST"), True),
        (Selection(domain="c.test"), False),
        (Selection(domain="c.test", subdomains=True), True),
        (Selection(domain="test", subdomains=True), True),
        (Selection(domain="g.test"), False),
        (Selection(older=3600), True),
        (Selection(older=3601), False),
        (Selection(younger=3601), True),
        (Selection(younger=3600), False),
        (Selection(error="greylist"), True),
        (Selection(error="4.2.1"), True),
        (Selection(error="refused"), False),
        (Selection(held=True), False),
        (Selection(held=False), True),
        (Selection(sender="al@a.test", domain="z.test"), False),
    ],
)
def test_everything_that_is_asked_must_hold(selection: Selection, meant: bool) -> None:
    assert selected(selection, message(), NOW) is meant


def test_conditions_on_a_recipient_must_hold_of_the_same_one() -> None:
    assert selected(Selection(domain="b.test", error="greylisted"), message(), NOW)
    assert not selected(Selection(recipient="Eve@sub.c.test", error="greylisted"), message(), NOW)


def test_the_null_sender_and_held_messages_can_be_asked_for() -> None:
    assert selected(Selection(sender="<>"), message(NULL_SENDER), NOW)
    assert selected(Selection(held=True), message(held=True), NOW)
