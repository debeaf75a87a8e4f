"""A server whose clock is set goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailsuite.testing.world.ledger import Leads, Ledger, Taken
from mailsuite.testing.world.sending import Sender
from mailsuite.testing.world.site import Site
from mailsuite.testing.world.world import World


@pytest.mark.parametrize("jump", [-7200, 7200])
def test_mail_is_answered_while_the_clock_is_set(jump: float, scratch: Path) -> None:
    """In each of forty deliveries at some moment."""
    site = Site("a.test", "10.0.1.1", ("ann", "bob"))
    with World(1, str(scratch)) as world:
        server = world.serve(site)
        server.start()
        assert world.run(60, lambda: server.ready)
        ledger = Ledger(lambda address: Leads(frozenset(), (address,)), world.problem)
        sender = Sender(world.host("client", "10.0.9.1"), ledger, site.address, "ann@a.test")
        for _ in range(40):
            letter = ledger.write(world.rng, "ann@a.test", ["bob@a.test"])
            sending = world.begin(sender.send(letter))
            world.network.later(world.rng.uniform(0.1, 0.3), server.set_clock, jump)
            assert world.run(60, lambda sending=sending: sending.called), f"letter {letter.number}"  # type: ignore[misc]
            if jump < 0:  # set forward, the session's time may be over
                assert ledger.taken[letter.number] == {"bob@a.test": Taken.YES}
        server.stop()
        assert world.run(60, lambda: server.running is None)
        assert world.problems == []
