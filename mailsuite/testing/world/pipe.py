"""One direction of a simulated TCP connection: octets arrive later, in order, in pieces, or not at all.

Keeps TCP's rules: what cannot be delivered (a partition, a host that is down) is sent again, less and less often, and
given up after ``GIVE_UP`` seconds, when the sender is told; what meets a host that does not know the connection is
answered with a reset; a receiver that does not read holds up the sender.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from twisted.internet import error

if TYPE_CHECKING:
    from mailsuite.testing.world.network import Network
    from mailsuite.testing.world.transport import End

#: Octets that travel together at most.
SEGMENT = 16 * 1024
#: Octets that the kernels of both sides hold: what is less counts as sent.
KERNEL = 64 * 1024
#: Seconds until what was not acknowledged is sent again, at first and at most; and until the sender gives up.
RESEND, RESEND_MOST, GIVE_UP = 0.3, 60.0, 900.0


class Pipe:
    """From ``sender`` to ``receiver``."""

    def __init__(self, network: Network, sender: End, receiver: End) -> None:
        self._network = network
        self.sender, self.receiver = sender, receiver
        self._waiting: deque[bytes] = deque()
        self.size = 0
        self._ended = False  # a FIN follows
        self._reset = False
        self._moving = False
        self._resend, self._since = RESEND, -1.0
        #: Octets after which the connection is cut, below 0 for never; and whether both sides learn of it.
        self.cut_at, self.cut_silently = -1, False
        self._carried = 0

    def write(self, data: bytes) -> None:
        for at in range(0, len(data), SEGMENT):
            self._waiting.append(data[at : at + SEGMENT])
        self.size += len(data)
        self._move()

    def end(self) -> None:
        self._ended = True
        self._move()

    def reset(self) -> None:
        """The sender has aborted: what was not delivered is lost."""
        self._waiting.clear()
        self.size = 0
        self._reset = True
        self._move()

    def keep_flying(self) -> None:
        """The sender is gone; what is under way arrives."""
        flying = self._waiting[0] if self._moving and self._waiting else b""
        self.drop()
        if flying:
            self._waiting.append(flying)
            self.size = len(flying)

    def drop(self) -> None:
        """Nobody sends any more."""
        self._waiting.clear()
        self.size = 0
        self._ended = self._reset = False

    def _move(self) -> None:
        if not self._moving and (self._waiting or self._ended or self._reset):
            self._moving = True
            self._network.later(self._network.latency(), self._arrive)

    def nudge(self) -> None:
        """The receiver reads again."""
        self._move()

    def _arrive(self) -> None:
        self._moving = False
        if not (self._waiting or self._ended or self._reset):
            return
        if not self._network.reaches(self.sender, self.receiver):
            self._send_again()
            return
        self._resend, self._since = RESEND, -1.0
        if not self.receiver.open:  # its host knows nothing of it
            if not self._reset:
                self._network.later(self._network.latency(), self.sender.broken, error.ConnectionLost("reset by peer"))
            self.drop()
        elif self._reset:
            self.drop()
            self.receiver.broken(error.ConnectionLost("reset by peer"))
        elif not self.receiver.reading:
            return  # ``nudge`` follows
        elif self._waiting:
            self._deliver(self._waiting.popleft())
            self._move()
        else:
            self._ended = False
            self.receiver.peer_ended()

    def _deliver(self, data: bytes) -> None:
        self.size -= len(data)
        if 0 <= self.cut_at <= self._carried + len(data):
            data = data[: self.cut_at - self._carried]
        self._carried += len(data)
        cut = self._carried == self.cut_at
        if data:
            self.receiver.take(data)
        if cut:
            self.cut_at = -1
            self._network.cut(self.sender, self.receiver, self.cut_silently)
        self.sender.sent()

    def _send_again(self) -> None:
        now = self._network.now
        self._since = now if self._since < 0 else self._since
        if now - self._since > GIVE_UP:
            self.drop()
            self.sender.broken(error.TimeoutError())
            return
        self._moving = True
        self._network.later(self._resend, self._arrive)
        self._resend = min(2 * self._resend, RESEND_MOST)
