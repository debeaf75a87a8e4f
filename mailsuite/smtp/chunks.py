"""BDAT: RFC 3030 §2.  Whether a chunk's octets belong to a message, or must be swallowed before they are refused."""

from __future__ import annotations

from mailsuite.smtp.esmtp.body import parse_chunk_size
from mailsuite.smtp.reply import Reply, reply
from mailsuite.smtp.states import State

#: Nobody can tell where the next command begins, and whoever guessed would run a message's text as commands.
CHUNKS_UNKNOWN = reply(421, "4.7.0", "Without its size the end of a chunk cannot be found; connect again")

_NOT_OFFERED = reply(502, "5.5.1", "BDAT is not available; use DATA")
#: Where a chunk belongs to no message; one that was pipelined behind a refusal is no mistake of the client.
_REFUSED = {
    State.START: reply(503, "5.5.1", "Greet first"),
    State.READY: reply(503, "5.5.1", "MAIL comes first"),
    State.MAIL: reply(503, "5.5.1", "No valid recipients; RCPT comes first"),
    State.BROKEN: reply(503, "5.5.1", "An earlier chunk was refused; RSET ends this transaction"),
}


class Incoming:
    """A chunk whose octets are coming; ``refused`` is the answer to one that is swallowed."""

    __slots__ = ("last", "left", "refused")

    def __init__(self, size: int, last: bool, refused: Reply | None) -> None:
        self.left = size
        self.last = last
        self.refused = refused


def is_bdat(line: bytes) -> bool:
    """Whether a line that cannot be read, for a NUL in it or the like, was meant as BDAT."""
    return line.lstrip(b" \t")[:4].upper() == b"BDAT"


def begin_chunk(argument: str, state: State, offered: bool) -> Incoming | None:
    """What follows ``BDAT argument``; None where that cannot be known."""
    chunk = parse_chunk_size(argument)
    if chunk is None:
        return None
    return Incoming(chunk.size, chunk.last, _REFUSED.get(state) if offered else _NOT_OFFERED)
