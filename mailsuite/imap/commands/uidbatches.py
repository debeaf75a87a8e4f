"""UIDBATCHES: RFC 10022."""

from __future__ import annotations

import re

from mailsuite.imap import codes
from mailsuite.imap.events import UidBatches
from mailsuite.imap.sets import MAX_NUMBER
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor, ProtocolError

#: Messages of the smallest batch that may be asked for.
FEWEST = 500

# SP nz-number ":" nz-number
_RANGE = re.compile(rb" ([1-9][0-9]{0,9}):([1-9][0-9]{0,9})\Z")


def parse(cursor: Cursor, tag: bytes) -> UidBatches:
    """uidbatches = "UIDBATCHES" SP nz-number [SP nz-number ":" nz-number]"""
    cursor.space()
    size = strings.number(cursor, "a number of messages")
    wanted = cursor.match(_RANGE)
    cursor.end()
    first, last = (int(wanted.group(1)), int(wanted.group(2))) if wanted is not None else (1, MAX_NUMBER)
    if first > last:
        raise ProtocolError("the batches are named backwards", codes.CLIENTBUG)
    if size < FEWEST:
        raise ProtocolError(f"a batch is of at least {FEWEST} messages", codes.TOOFEW, b"NO")
    return UidBatches(tag, size, first, last)
