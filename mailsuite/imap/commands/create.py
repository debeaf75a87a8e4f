"""CREATE: RFC 3501 section 6.3.3, with RFC 6154's USE."""

from __future__ import annotations

import re

from mailsuite.imap import codes
from mailsuite.imap.events import Create
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor, ProtocolError
from mailsuite.model import DELIMITER, SPECIAL_USES

_USE = re.compile(rb" \(USE \(", re.IGNORECASE)
# use-attr = "\All" / "\Archive" / "\Drafts" / "\Flagged" / "\Junk" / "\Sent" / "\Trash" / use-attr-ext
_ATTRIBUTE = re.compile(rb"\\[A-Za-z]+")
_USES = {use.upper(): use for use in SPECIAL_USES}


def parse(cursor: Cursor, tag: bytes) -> Create:
    """create = "CREATE" SP mailbox [SP "(" "USE" SP "(" [use-attr *(SP use-attr)] ")" ")"]

    A trailing delimiter only says that names below will be made (RFC 3501): it is dropped."""
    cursor.space()
    mailbox = strings.new_mailbox(cursor)
    special_use = _use(cursor) if cursor.match(_USE) else ""
    cursor.end()
    return Create(tag, mailbox.removesuffix(DELIMITER), special_use)


def _use(cursor: Cursor) -> str:
    uses: list[str] = []
    while not cursor.skip(b"))"):
        if uses:
            cursor.space()
        uses.append(cursor.take(_ATTRIBUTE, "a special use").decode())
    if any(use.upper() not in _USES for use in uses):
        raise ProtocolError("the special uses are " + " ".join(SPECIAL_USES), codes.USEATTR, b"NO")
    return " ".join(sorted({_USES[use.upper()] for use in uses}))
