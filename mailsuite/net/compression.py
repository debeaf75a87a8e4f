"""The compression layer of one connection (RFC 4978): ``wire.deflate`` with the bounds that a server needs.

Octets are inflated as far as the language takes them, and only so many before others have their turn; what goes on
without end and gives no command is ``Endless``.  After ``REST`` seconds without an answer the compressor's memory is
given back, so a session that waits costs what its peer's window takes.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from mailsuite.wire.deflate import Deflate

#: Octets inflated before other connections have their turn.
TURN = 256 * 1024
#: Octets that may wait to be inflated before no more are read.
MAX_BUFFERED = 64 * 1024
#: Octets without a command: more than the literals that a language swallows.
MAX_UNHEARD = 512 * 1024 * 1024
#: Seconds until the compressor is forgotten.
REST = 2.0


class Endless(Exception):
    """What was inflated is more than any command, and none."""


class Compression:
    """See the module; ``clock`` is the reactor, ``go_on`` is called when it is this connection's turn again."""

    def __init__(self, clock: IReactorTime, go_on: Callable[[], None]) -> None:
        self._deflate = Deflate()
        self._clock = clock
        self._go_on = go_on
        self._turn = self._unheard = 0
        self._next_turn: IDelayedCall | None = None
        self._sent_at = 0.0
        self._resting: IDelayedCall | None = None

    def receive(self, data: bytes) -> None:
        """Octets as they came."""
        self._deflate.receive(data)

    @property
    def behind(self) -> bool:
        """Nothing more should be received for now."""
        return self._next_turn is not None or self._deflate.buffered > MAX_BUFFERED

    def heard(self) -> None:
        """A command came of what was inflated."""
        self._unheard = 0

    def next(self) -> bytes:
        """The next octets for the language; none if there are none, or others have their turn.

        Raises ``Garbled``, ``Endless``."""
        if self._turn >= TURN:
            if self._next_turn is None:
                self._next_turn = self._clock.callLater(0, self._begin_turn)
            return b""
        data = self._deflate.next()
        if not data:
            self._turn = 0
        self._turn += len(data)
        self._unheard += len(data)
        if self._unheard > MAX_UNHEARD:
            raise Endless(f"more than {MAX_UNHEARD // 2**20} MiB, and no command")
        return data

    def _begin_turn(self) -> None:
        self._next_turn = None
        self._turn = 0
        self._go_on()

    def send(self, data: bytes) -> bytes:
        """These octets compressed."""
        self._sent_at = self._clock.seconds()
        if self._resting is None:
            self._resting = self._clock.callLater(REST, self._rest)
        return self._deflate.send(data)

    def _rest(self) -> None:
        self._resting = None
        left = self._sent_at + REST - self._clock.seconds()
        if left > 0:
            self._resting = self._clock.callLater(left, self._rest)
        else:
            self._deflate.forget()

    def finish(self) -> bytes:
        """The octets that end it; behind them ``send`` leaves octets as they are."""
        return self._deflate.finish()

    @property
    def over(self) -> bool:
        """The other side has ended it too."""
        return self._deflate.over

    def leftover(self) -> bytes:
        """What came behind that."""
        return self._deflate.leftover()

    def close(self) -> None:
        """It is needed no more."""
        for call in (self._resting, self._next_turn):
            if call is not None and call.active():
                call.cancel()
        self._resting = self._next_turn = None
