"""GETMETADATA: RFC 5464 section 4.2."""

from __future__ import annotations

import re
from typing import Any

from mailsuite.imap.events import GetMetadata
from mailsuite.imap.items import Depth
from mailsuite.imap.syntax import entries, strings
from mailsuite.imap.syntax.cursor import Cursor, ProtocolError

_OPTIONS = re.compile(rb" \((?=MAXSIZE |DEPTH )", re.IGNORECASE)
_OPTION = re.compile(rb"MAXSIZE (?=[0-9])|DEPTH (?:0|1|infinity)(?=[ )])", re.IGNORECASE)


def parse(cursor: Cursor, tag: bytes) -> GetMetadata:
    """getmetadata = "GETMETADATA" [SP getmetadata-options] SP mailbox SP entries

    The examples of the RFC have the options behind the mailbox, and so do clients: both are read."""
    options: dict[str, Any] = {}
    _read_options(cursor, options)
    cursor.space()
    mailbox = strings.mailbox(cursor)
    _read_options(cursor, options)
    cursor.space()
    wanted = entries.entries(cursor)
    cursor.end()
    return GetMetadata(tag, mailbox, wanted, **options)


def _read_options(cursor: Cursor, options: dict[str, Any]) -> None:
    """getmetadata-options = "(" getmetadata-option *(SP getmetadata-option) ")", the space in front too."""
    if cursor.match(_OPTIONS) is None:
        return
    while True:
        option = cursor.take(_OPTION, "MAXSIZE and a number, or DEPTH 0, 1 or infinity")
        name, _, depth = option.decode().upper().partition(" ")
        attribute = "depth" if depth else "largest"
        if attribute in options:
            raise ProtocolError(f"{name} stands there twice")
        options[attribute] = Depth(depth) if depth else strings.number64(cursor, "MAXSIZE")
        if not cursor.skip(b" "):
            break
    cursor.need(b")")
