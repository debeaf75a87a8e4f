"""ICourier that carries nothing: what each host does to each recipient is written down beforehand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from mailsuite.interfaces import IBody, ICourier
from mailsuite.model import Address, Delayed, Delivered, Envelope, Hop, Outcome, Recipient, Status

#: Makes the outcome of one recipient at one hop.
Answer = Callable[[Hop, Address], Outcome]


def accept(hop: Hop, recipient: Address) -> Outcome:
    """The host takes it."""
    return Delivered(recipient, hop.host, "250 2.0.0 Ok")


def unreachable(hop: Hop, recipient: Address) -> Outcome:
    """Nobody answers there; the next hop may be tried."""
    return Delayed(recipient, Status(4, 4, 1), f"{hop.host}: connection refused")


@implementer(ICourier)
class ScriptedCourier:
    """``answers`` by host name; hosts not in it accept.  ``carried`` lists (host, queue id, recipients) in order;
    with ``paused`` a delivery waits for ``resume``."""

    def __init__(self, answers: dict[str, Answer] | None = None) -> None:
        self.answers: dict[str, Answer] = answers or {}
        self.carried: list[tuple[str, str, tuple[str, ...]]] = []
        self.paused = False
        self.most_at_once = 0
        self._waiting: list[tuple[Deferred[Sequence[Outcome]], Sequence[Outcome]]] = []

    def deliver(
        self, hop: Hop, envelope: Envelope, recipients: Sequence[Recipient], body: IBody
    ) -> Deferred[Sequence[Outcome]]:
        self.carried.append((hop.host, envelope.id, tuple(str(one.address) for one in recipients)))
        answer = self.answers.get(hop.host, accept)
        outcomes = [answer(hop, one.address) for one in recipients]
        if not self.paused:
            return succeed(outcomes)
        waiting: Deferred[Sequence[Outcome]] = Deferred()
        self._waiting.append((waiting, outcomes))
        self.most_at_once = max(self.most_at_once, len(self._waiting))
        return waiting

    def resume(self) -> None:
        """Let everything that waits arrive."""
        while self._waiting:
            waiting, outcomes = self._waiting.pop(0)
            waiting.callback(outcomes)
