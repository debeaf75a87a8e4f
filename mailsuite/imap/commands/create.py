"""CREATE: RFC 3501 section 6.3.3, with RFC 6154's USE."""

from __future__ import annotations

import re

from mailsuite.imap import codes
from mailsuite.imap.events import Create
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor, ProtocolError
from mailsuite.model import DELIMITER

_USE = re.compile(rb" \(USE \(", re.IGNORECASE)
# use-attr = "\All" / "\Archive" / "\Drafts" / "\Flagged" / "\Junk" / "\Sent" / "\Trash" / use-attr-ext
_ATTRIBUTE = re.compile(rb"\\[A-Za-z]+")
#: Those that name a real mailbox; \All and \Flagged would be virtual ones, which are not here.
_USES = {use.upper(): use for use in ("\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash")}


def parse(cursor: Cursor, tag: bytes) -> Create:
    """create = "CREATE" SP mailbox [SP "(" "USE" SP "(" [use-attr *(SP use-attr)] ")" ")"]

    A trailing delimiter only says that names below will be made (RFC 3501): it is dropped."""
    cursor.space()
    mailbox = strings.mailbox(cursor)
    special_use = _use(cursor) if cursor.match(_USE) else ""
    cursor.end()
    return Create(tag, mailbox.removesuffix(DELIMITER), special_use)


def _use(cursor: Cursor) -> str:
    uses: list[str] = []
    while not cursor.skip(b"))"):
        if uses:
            cursor.space()
        uses.append(cursor.take(_ATTRIBUTE, "a special use").decode())
    if len(uses) > 1 or (uses and uses[0].upper() not in _USES):
        raise ProtocolError("a mailbox has one special use of " + " ".join(_USES.values()), codes.USEATTR, b"NO")
    return _USES[uses[0].upper()] if uses else ""
