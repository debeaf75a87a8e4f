"""The messages of an APPEND or REPLACE, read as they arrive: RFC 3501 §6.3.11, RFC 3502, RFC 3516, RFC 4469, RFC 6855,
RFC 8508.

A command comes in segments, each up to a literal's announcement or to the end of the command.  A segment becomes events
for the adapter, who takes them one by one; the literal itself is the core's to carry.  One ``Appending`` belongs to one
command.
"""

from __future__ import annotations

import re
from collections import deque

from mailsuite.imap import codes
from mailsuite.imap.commands.append import Target
from mailsuite.imap.events import AppendBegin, AppendEnd, AppendText, AppendUrl, Command
from mailsuite.imap.limits import Limits
from mailsuite.imap.reader import Announced
from mailsuite.imap.syntax import dates, flags, strings
from mailsuite.imap.syntax.cursor import Cursor, ProtocolError
from mailsuite.model import NO_FLAGS, Flags

# append-data = literal / literal8 / "CATENATE" SP "(" cat-part *(SP cat-part) ")"
# literal8 = "~{" number ["+"] "}" CRLF *OCTET
_DATA = re.compile(rb"(~?)\{[0-9]+\+?\}\r\n\Z")
_CATENATE = re.compile(rb"CATENATE \(", re.IGNORECASE)
# append-data =/ utf8-literal ; cat-part =/ utf8-literal ; utf8-literal = "UTF8" SP "(" literal8 ")", RFC 6855 §4
_UTF8 = re.compile(rb"UTF8 \((?=~\{)", re.IGNORECASE)
# cat-part = text-literal / url ; text-literal = "TEXT" SP literal ; url = "URL" SP astring
_TEXT = re.compile(rb"TEXT \{[0-9]+\+?\}\r\n\Z", re.IGNORECASE)
_URL = re.compile(rb"URL ", re.IGNORECASE)
_AWAITS_URL = re.compile(rb"[ (]URL \{[0-9]+\+?\}\r\n\Z", re.IGNORECASE)


def awaits_url(data: bytes | bytearray) -> bool:
    """Whether the literal announced at the end of a segment is a URL, which belongs to the segment."""
    return _AWAITS_URL.search(data, max(0, len(data) - 64)) is not None


class Appending:
    """``coming``: events for the adapter, in order.  ``announced``: the literal that the client offers with the last of
    them, until it is accepted; ``binary``: it may hold NUL.  ``taken``: the adapter has begun to take messages."""

    def __init__(self, target: Target, limits: Limits) -> None:
        self.coming: deque[Command] = deque()
        self.announced: Announced | None = None
        self.binary = False
        self.taken = False
        self._target = target
        self._limits = limits
        self._messages = 0
        self._parts = 0
        self._in_list = False  # between the parentheses of CATENATE
        self._in_utf8 = False  # and of UTF8

    def read(self, cursor: Cursor, announced: Announced | None) -> None:
        """The next segment, from the cursor to its end, where ``announced`` is offered, or the command ends.  Raises
        ProtocolError."""
        if self._in_utf8:
            cursor.need(b")")
            self._in_utf8 = False
        if self._in_list:
            self._read_parts(cursor, announced, first=False)
        while self.announced is None and not (cursor.at_end and self._messages):
            self._read_message(cursor, announced)
        if announced is None:
            self.coming.append(AppendEnd(self._target.tag))

    def accept(self) -> Announced | None:
        """The adapter goes on; the literal that is to come now, if there is no event before it."""
        self.taken = True
        if self.coming:
            return None
        announced, self.announced = self.announced, None
        return announced

    def _read_message(self, cursor: Cursor, announced: Announced | None) -> None:
        """append-message = [SP flag-list] [SP date-time] SP append-data"""
        if self._messages and self._target.replaces is not None:
            raise cursor.expected("the end of the command")  # RFC 8508 §4.7
        cursor.space()
        if self._messages:
            cursor.skip(b" ")  # imapclient puts two spaces between messages
        wanted: Flags = NO_FLAGS
        if cursor.looking_at(b"("):
            wanted = flags.flag_list(cursor)
            cursor.space()
        date = None
        if cursor.looking_at(b'"'):
            date = dates.moment(cursor)
            cursor.space()
        self._in_utf8 = cursor.match(_UTF8) is not None
        data = cursor.match(_DATA)
        if data is not None and announced is not None:
            self._limits.check_message(announced.size, self._messages)
            self._offer(announced, binary=bool(data.group(1)) and not self._in_utf8)
            self._begin(wanted, date, announced.size)
        elif not self._in_utf8 and cursor.match(_CATENATE):
            self._limits.check_messages(self._messages)
            self._begin(wanted, date, None)
            self._read_parts(cursor, announced, first=True)
        else:
            raise cursor.expected("a message as a literal, or CATENATE")

    def _begin(self, wanted: Flags, date: float | None, size: int | None) -> None:
        target = self._target
        self.coming.append(
            AppendBegin(
                target.tag, target.mailbox, wanted, date, size or 0, self._messages, self.binary, target.replaces
            )
        )
        self._messages += 1

    def _offer(self, announced: Announced, binary: bool = False) -> None:
        self.announced, self.binary = announced, binary

    def _read_parts(self, cursor: Cursor, announced: Announced | None, first: bool) -> None:
        """cat-part *(SP cat-part) ")" """
        self._in_list, self.binary = True, False
        while first or not cursor.skip(b")"):
            if not first:
                cursor.space()
            first = False
            self._count_part()
            if cursor.match(_URL):
                self.coming.append(AppendUrl(self._target.tag, strings.astring(cursor, "a URL")))
            elif self._at_text(cursor) and announced is not None:
                self._limits.check_part(announced.size)
                self._offer(announced)
                self.coming.append(AppendText(self._target.tag, announced.size))
                return
            else:
                raise cursor.expected("URL, or TEXT with a literal")
        self._in_list = False

    def _at_text(self, cursor: Cursor) -> bool:
        """Whether a part as octets is what comes."""
        self._in_utf8 = cursor.match(_UTF8) is not None
        return cursor.match(_DATA if self._in_utf8 else _TEXT) is not None

    def _count_part(self) -> None:
        self._parts += 1
        if self._parts > self._limits.parts:
            raise ProtocolError("too many parts in one command", codes.LIMIT, b"NO")
