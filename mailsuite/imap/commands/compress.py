"""COMPRESS: RFC 4978."""

from __future__ import annotations

import re

from mailsuite.imap.events import Compress
from mailsuite.imap.syntax.cursor import Cursor

_ALGORITHM = re.compile(rb"DEFLATE(?![^ ])", re.IGNORECASE)


def parse(cursor: Cursor, tag: bytes) -> Compress:
    """compress = "COMPRESS" SP algorithm ; algorithm = "DEFLATE" """
    cursor.space()
    cursor.take(_ALGORITHM, "DEFLATE")
    cursor.end()
    return Compress(tag)
