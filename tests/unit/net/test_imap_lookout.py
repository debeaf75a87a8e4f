"""Which mailboxes are looked at for idling sessions, and when."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import succeed
from twisted.internet.task import Clock

from mailsuite.net.imap_lookout import PROMPT_EVERY, Lookout


class Mailbox:
    account, name = "ann@example.org", "INBOX"

    def __init__(self, prompt: bool) -> None:
        self.prompt = prompt
        self.looks = 0

    def look(self) -> Any:
        self.looks += 1
        return succeed(None)


class Idler:
    def still_here(self) -> None: ...


@pytest.mark.parametrize(("prompt", "looks"), [(False, 60), (True, 60 // PROMPT_EVERY)])
def test_a_mailbox_that_hears_by_itself_is_looked_at_seldom(prompt: bool, looks: int) -> None:
    clock, mailbox, idler = Clock(), Mailbox(prompt), Idler()
    clock.advance(1e9)
    lookout = Lookout(clock, every=1.0, at_once=10, still_here=1000.0)
    lookout.add(idler, mailbox)  # type: ignore[arg-type]
    clock.pump([1.0] * 60)
    assert mailbox.looks == looks
    mailbox.prompt = False
    clock.pump([1.0] * 5)
    assert mailbox.looks == looks + 5
    lookout.remove(idler)
    assert clock.getDelayedCalls() == []
