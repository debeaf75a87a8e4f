"""The parts of a message: one scan over its octets that finds boundaries with ``bytes.find``.

``Scanner`` takes the message in pieces and keeps only what it has not yet understood (a header block, half a line), so
a message of any size costs one piece of memory; ``scan`` is for a message at hand.  Offsets and sizes are octets of the
CRLF form whatever line ends come in.  Malformed input always gives a tree.  Bounded: nesting by ``MAX_DEPTH`` (64),
parts by ``MAX_PARTS`` (10,000), a header by ``MAX_HEADER`` (1 MiB); what lies beyond is body text of the last part that
was accepted.  RFC 2046 §5.1.1, §5.1.2, §5.2.1.
"""

from __future__ import annotations

import enum

import msgspec

from mailsuite.mime import header
from mailsuite.mime.lines import to_lf
from mailsuite.mime.parameters import Value, is_type, parse_value

MAX_DEPTH = 64
MAX_PARTS = 10_000
MAX_HEADER = 1 << 20
#: RFC 2046 §5.1.1 allows 70; mail that has more is real.
MAX_BOUNDARY = 1024

TEXT_PLAIN = Value(b"text/plain", ((b"charset", b"us-ascii"),))  # RFC 2045 §5.2
MESSAGE_RFC822 = Value(b"message/rfc822")  # the default within multipart/digest, RFC 2046 §5.1.5
#: What ENVELOPE shows, RFC 9051 §7.5.2.
ENVELOPE = frozenset(b"date subject from sender reply-to to cc bcc in-reply-to message-id".split())
_MESSAGES = frozenset((b"message/rfc822", b"message/global"))  # RFC 2046 §5.2.1, RFC 6532 §3.7


class Kind(enum.Enum):
    """What a part holds, as far as it was taken apart."""

    LEAF = "leaf"
    MULTIPART = "multipart"
    MESSAGE = "message"


class Part(msgspec.Struct):
    """A message or body part.  ``start``, ``body`` and ``end`` are octets of the whole message's CRLF form: header
    from ``start`` to ``body``, content from ``body`` to ``end``; ``lines`` counts the content's line ends.

    ``fields`` are the first header fields of each name (lower case, unfolded): all of the message itself, those of
    ENVELOPE and Content-* of an embedded message, Content-* of a body part.  ``children`` of a MULTIPART are its parts,
    of a MESSAGE the one message in it.
    """

    start: int
    body: int = 0
    end: int = 0
    lines: int = 0
    kind: Kind = Kind.LEAF
    type: Value = TEXT_PLAIN
    fields: dict[bytes, bytes] = msgspec.field(default_factory=dict)
    children: list[Part] = msgspec.field(default_factory=list)

    @property
    def size(self) -> int:
        """Octets of the content."""
        return self.end - self.body


def parts_of(multipart: Part) -> list[Part]:
    """What a multipart shows: one part at least (RFC 9051 §9 ``body-type-mpart``), which is an empty text where none
    was found."""
    end = multipart.end
    return multipart.children or [Part(end, end, end)]


def scan(data: bytes) -> Part:
    """The whole message at once."""
    scanner = Scanner()
    scanner.feed(data)
    return scanner.finish()


class _Frame(msgspec.Struct):
    """An open part.  ``delimiter`` is what stands before each of its children: empty if it has none, or no more.
    ``found`` is where in the LF form it stands next, ``searched`` how far that was looked for; ``lines`` counts the
    line ends before the part's content."""

    part: Part
    default: Value
    delimiter: bytes = b""
    found: int = -1
    searched: int = 0
    lines: int = 0


class _Mode(enum.Enum):
    HEADER = enum.auto()
    BODY = enum.auto()
    REST_OF_DELIMITER = enum.auto()


class Scanner:
    """``feed`` the message in pieces of any size and with any line ends, then ``finish``.

    Inside, positions are those of the LF form.  Up to ``_at`` everything is understood and its line ends counted in
    ``_lines``, so that the CRLF position is the sum of both.
    """

    def __init__(self) -> None:
        self._root = Part(0)
        self._open = [_Frame(self._root, TEXT_PLAIN)]
        self._parts = 1
        self._mode = _Mode.HEADER
        self._buffer = b""
        self._base = 0  # position of the buffer's first octet
        self._at = 0
        self._lines = 0
        self._carry = b""  # a CR at the end of a piece
        self._final = False

    def feed(self, data: bytes) -> None:
        """The next octets."""
        data = self._carry + data
        self._carry = b"\r" if data.endswith(b"\r") else b""
        self._take(to_lf(data[:-1] if self._carry else data))

    def finish(self) -> Part:
        """The message ends here; its tree."""
        self._final = True
        self._take(self._carry)
        self._close_down_to(0, self._base + len(self._buffer))
        return self._root

    def _take(self, data: bytes) -> None:
        seen = max(self._at - 1 - self._base, 0)  # a delimiter may begin with the line end before ``_at``
        self._buffer = self._buffer[seen:] + data
        self._base += seen
        while self._step():
            pass

    def _step(self) -> bool:
        """One step further; False when more octets are needed."""
        if self._mode is _Mode.BODY:
            return self._read_body()
        if self._mode is _Mode.HEADER:
            return self._read_header()
        return self._read_rest_of_delimiter()

    # -- header --------------------------------------------------------------------------------------------------

    def _read_header(self) -> bool:
        found = self._next_delimiter()
        stop = self._header_stop(found.found if found is not None else -1)
        if stop < 0 or (found is not None and stop == found.found and self._undecided(stop)):
            return False
        self._begin_content(max(stop, self._at))
        return True

    def _header_stop(self, delimiter: int) -> int:
        """The position after the empty line, or where the header ends without one: at a delimiter, its limit, the
        end of the message; -1 if not yet known."""
        buffer, start = self._buffer, self._at - self._base
        if buffer.startswith(b"\n", start):
            return self._at + 1
        limit = start + MAX_HEADER
        if 0 <= delimiter < self._base + limit:
            empty = buffer.find(b"\n\n", start, delimiter - self._base + 1)
            return self._base + empty + 2 if empty >= 0 else delimiter
        empty = buffer.find(b"\n\n", start, limit)
        if empty >= 0:
            return self._base + empty + 2
        return self._base + min(len(buffer), limit) if self._final or len(buffer) >= limit else -1

    def _begin_content(self, stop: int) -> None:
        """The header of the innermost part ends at ``stop``: see what it holds."""
        frame = self._open[-1]
        part = frame.part
        part.fields = self._fields(header.index(self._buffer[self._at - self._base : stop - self._base]))
        self._advance(stop)
        part.body = stop + self._lines
        frame.lines = self._lines
        self._mode = _Mode.BODY
        part.type = frame.default
        if b"content-type" in part.fields:
            given = parse_value(part.fields[b"content-type"])
            part.type = _with_charset(given) if is_type(given.main) else TEXT_PLAIN
        self._take_apart(frame)

    def _fields(self, found: dict[bytes, bytes]) -> dict[bytes, bytes]:
        """What is kept of a header: all of the message's own, of the others what describes them."""
        if len(self._open) == 1:
            return found
        if self._open[-2].part.kind is Kind.MESSAGE:
            return {name: found[name] for name in found if name in ENVELOPE or name.startswith(b"content-")}
        return {name: found[name] for name in found if name.startswith(b"content-")}

    def _take_apart(self, frame: _Frame) -> None:
        part = frame.part
        if len(self._open) >= MAX_DEPTH:
            return
        main = part.type.main.lower()
        if main.startswith(b"multipart/"):
            boundary = part.type.parameter(b"boundary").rstrip()
            if 0 < len(boundary) <= MAX_BOUNDARY:
                part.kind = Kind.MULTIPART
                frame.delimiter = b"\n--" + boundary
        elif main in _MESSAGES and self._parts < MAX_PARTS:
            part.kind = Kind.MESSAGE
            self._begin_part(frame, TEXT_PLAIN)

    def _begin_part(self, parent: _Frame, default: Value) -> None:
        part = Part(self._at + self._lines)
        parent.part.children.append(part)
        self._open.append(_Frame(part, default))
        self._parts += 1
        self._mode = _Mode.HEADER

    # -- content -------------------------------------------------------------------------------------------------

    def _read_body(self) -> bool:
        found = self._next_delimiter()
        if found is None:
            longest = max(len(frame.delimiter) for frame in self._open)
            self._advance(self._base + len(self._buffer) - (0 if self._final else longest))
            return False
        if self._undecided(found.found):
            return False
        self._end_at(found)
        return True

    def _end_at(self, frame: _Frame) -> None:
        """A delimiter of ``frame``: the parts within it end before it."""
        after = frame.found + len(frame.delimiter)
        last = self._buffer.startswith(b"--", after - self._base)
        if not last and self._parts >= MAX_PARTS:
            for each in self._open:
                each.delimiter = b""
            return
        self._close_down_to(self._open.index(frame) + 1, frame.found)
        self._advance(after)
        if last:
            frame.delimiter = b""
            self._mode = _Mode.BODY
        else:
            self._mode = _Mode.REST_OF_DELIMITER

    def _read_rest_of_delimiter(self) -> bool:
        end = self._buffer.find(b"\n", self._at - self._base)
        if end < 0:
            self._advance(self._base + len(self._buffer))
            return False
        self._advance(self._base + end + 1)
        parent = self._open[-1]
        digest = parent.part.type.main.lower() == b"multipart/digest"
        self._begin_part(parent, MESSAGE_RFC822 if digest else TEXT_PLAIN)
        return True

    def _close_down_to(self, depth: int, position: int) -> None:
        """End the parts from the innermost to the one at ``depth``."""
        self._advance(position)
        for frame in self._open[depth:]:
            frame.part.end = self._at + self._lines
            frame.part.lines = self._lines - frame.lines
        del self._open[depth:]

    # -- positions -----------------------------------------------------------------------------------------------

    def _advance(self, position: int) -> None:
        """Everything before ``position`` is understood."""
        if position > self._at:
            self._lines += self._buffer.count(b"\n", self._at - self._base, position - self._base)
            self._at = position

    def _next_delimiter(self) -> _Frame | None:
        """The open multipart whose delimiter comes first; at one place the longest counts, then the innermost
        (RFC 2046 §5.1.2: a delimiter of an outer part ends the inner ones)."""
        best: _Frame | None = None
        earliest = self._at - 1
        for frame in self._open:
            if not frame.delimiter:
                continue
            if frame.found < earliest:
                self._look_for(frame, earliest)
            if frame.found >= 0 and (best is None or _before(frame, best)):
                best = frame
        return best

    def _look_for(self, frame: _Frame, earliest: int) -> None:
        start = max(frame.searched, earliest, self._base)
        found = self._buffer.find(frame.delimiter, start - self._base)
        if found >= 0:
            frame.found = frame.searched = self._base + found
        else:
            frame.found = -1
            frame.searched = max(start, self._base + len(self._buffer) - len(frame.delimiter) + 1)

    def _undecided(self, position: int) -> bool:
        """Whether octets still to come could make this another delimiter, or a last one."""
        if self._final:
            return False
        longest = max(len(frame.delimiter) for frame in self._open)
        start = position - self._base
        return len(self._buffer) < start + longest + 2 and self._buffer.find(b"\n", start + 1) < 0


def _with_charset(given: Value) -> Value:
    """RFC 2045 §5.2: text is US-ASCII unless it says otherwise."""
    if given.main[:5].lower() != b"text/" or given.parameter(b"charset"):
        return given
    return Value(given.main, (*given.parameters, *TEXT_PLAIN.parameters))


def _before(frame: _Frame, other: _Frame) -> bool:
    if frame.found != other.found:
        return frame.found < other.found
    return len(frame.delimiter) >= len(other.delimiter)
