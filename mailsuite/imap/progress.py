"""What a session is in the middle of: the command that is being read, and the one that awaits its answer."""

from __future__ import annotations

import enum

from mailsuite.imap import table
from mailsuite.imap.appending import Appending
from mailsuite.imap.events import Command
from mailsuite.imap.syntax.cursor import ProtocolError


class Mode(enum.Enum):
    """What the next octets are."""

    COMMAND = "a line of a command"
    LITERAL = "a literal of a command"
    MESSAGE = "a message of APPEND"
    SASL = "a line of AUTHENTICATE"
    IDLE = "the DONE that ends IDLE"
    ENDED = "nothing: the session is over"


class Reading:
    """A command of which more lines or literals are to come."""

    __slots__ = ("admitted", "data", "literals", "text", "wrong")

    def __init__(self) -> None:
        self.data = bytearray()
        #: Octets of its lines, and of its literals.
        self.text = 0
        self.literals = 0
        #: A literal of it was let in, so its name and the state were looked at.
        self.admitted = False
        #: The first thing that is wrong with it; the rest is read and dropped, then this is answered.
        self.wrong: ProtocolError | None = None


class InHand:
    """The command that the adapter has; with an empty ``tag`` it has none."""

    __slots__ = ("appending", "done", "layer", "row", "tag")

    def __init__(self, tag: bytes = b"", row: table.Row | None = None) -> None:
        self.tag = tag
        self.row = row
        #: STARTTLS or COMPRESS: what the client sends before it is answered is not wanted.
        self.layer: type[Command] | None = None
        #: IDLE: the line that ended it was DONE.
        self.done = True
        #: APPEND and REPLACE: the messages that come.
        self.appending: Appending | None = None

    @property
    def taken(self) -> bool:
        """Whether the adapter has begun to take messages."""
        return self.appending is not None and self.appending.taken
