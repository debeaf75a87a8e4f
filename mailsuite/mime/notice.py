"""What a delivery status notification is about, and the means to quote others in it without harm."""

from __future__ import annotations

import re

import msgspec

from mailsuite.mime.orcpt import looks_like_one, plain
from mailsuite.model import Address, Delayed, Delivered, Envelope, Failed, Outcome

#: Characters of somebody's words that are quoted on one line; RFC 5322 §2.1.1 allows 998 octets.
WORDS_LIMIT = 900

#: Everything that some program takes for the end of a line.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class Notice(msgspec.Struct, frozen=True):
    """``id`` is the notification's own, ``hostname`` its writer's; ``written`` is now, epoch seconds."""

    id: str
    hostname: str
    written: float
    #: The envelope of the message that it is about, all of its recipients.
    envelope: Envelope
    #: What became of those recipients that are to be spoken of; at least one.
    outcomes: tuple[Outcome, ...]
    #: The header of that message, CRLF.
    header: bytes
    #: Who gets it: the message's sender, or the postmaster for a message that has none.
    to: Address
    #: Until when what is delayed is tried, epoch seconds.
    retry_until: float = 0.0
    #: The whole message is returned; ``eight_bit``: it has octets above 127.
    whole: bool = False
    eight_bit: bool = False

    def written_to(self, recipient: Address) -> str:
        """The address that the sender knows, on one line: it may have been rewritten, or be an alias."""
        for one in self.envelope.recipients:
            if one.address == recipient:
                known = line(plain(one.original))
                return known if looks_like_one(known) else line(str(recipient))
        return line(str(recipient))

    @property
    def failed(self) -> tuple[Failed, ...]:
        return tuple(one for one in self.outcomes if isinstance(one, Failed))

    @property
    def delayed(self) -> tuple[Delayed, ...]:
        return tuple(one for one in self.outcomes if isinstance(one, Delayed))

    @property
    def delivered(self) -> tuple[Delivered, ...]:
        return tuple(one for one in self.outcomes if isinstance(one, Delivered))


def line(text: str) -> str:
    """Somebody's words on one line of bounded length."""
    return _CONTROLS.sub(" ", text).strip()[:WORDS_LIMIT]


def ascii_line(text: str) -> str:
    """The same for where only ASCII is allowed."""
    return line(text).encode("ascii", "replace").decode()
