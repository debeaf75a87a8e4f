"""REPLACE and UID REPLACE: RFC 8508; which message, and where the new one goes.  The rest is like APPEND's."""

from __future__ import annotations

import re

from mailsuite.imap import sets
from mailsuite.imap.commands.append import Target
from mailsuite.imap.syntax import strings
from mailsuite.imap.syntax.cursor import Cursor, ProtocolError
from mailsuite.query import Numbers, Uids

# seq-number = nz-number / "*"
_NUMBER = re.compile(rb"(?:[1-9][0-9]{0,9}|\*)(?= )")


def parse(cursor: Cursor, tag: bytes) -> Target:
    """replace = "REPLACE" SP seq-number SP mailbox append-message"""
    return _parse(cursor, tag, uid=False)


def parse_uid(cursor: Cursor, tag: bytes) -> Target:
    """uid =/ "UID" SP replace"""
    return _parse(cursor, tag, uid=True)


def _parse(cursor: Cursor, tag: bytes, uid: bool) -> Target:
    cursor.space()
    number = cursor.take(_NUMBER, "the number of one message")
    try:
        ranges = sets.parse(number)
    except ValueError as error:
        raise ProtocolError(str(error)) from None
    cursor.space()
    return Target(tag, strings.mailbox(cursor), Uids(ranges) if uid else Numbers(ranges))
