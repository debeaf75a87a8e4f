"""What a core's ``next_event`` answers when it has no event."""

from __future__ import annotations

import enum


class Signal(enum.Enum):
    #: Everything received so far has been turned into events; more must arrive first.
    NEED_DATA = "need data"
    #: The previous command awaits its reply; input waits in the buffer.
    PAUSED = "paused"


NEED_DATA = Signal.NEED_DATA
PAUSED = Signal.PAUSED
