"""Messages put together, replaced and passed on by URL, through a whole server with all that stands between.

With Python's imaplib, which knows none of these commands.
"""

from __future__ import annotations

import imaplib
import re
from pathlib import Path

from mailsuite.testing.instance import Instance, running


def say(imap: imaplib.IMAP4, command: str, *arguments: str, literal: bytes = b"") -> bytes:
    """The text of its OK."""
    if literal:
        imap.literal = literal  # type: ignore[attr-defined]
    word, [text] = imap.xatom(command, *arguments)
    assert word == "OK", text
    return bytes(text)


def test_messages_are_put_together_replaced_and_passed_on(tmp_path: Path) -> None:
    instance = Instance(tmp_path / "i")
    with running(instance), imaplib.IMAP4("127.0.0.1", instance.ports["imap"], timeout=20) as imap:
        imap.login(instance.account, instance.password)
        imap.append("INBOX", "", "", b"Subject: one\r\n\r\nfirst\r\n")
        imap.select()
        say(imap, "APPEND", "INBOX", 'CATENATE (URL "/INBOX/;UID=1/;SECTION=HEADER" TEXT {8+}\r\nsecond\r\n)')
        assert imap.uid("FETCH", "2", "(BODY.PEEK[])")[1][0][1] == b"Subject: one\r\n\r\nsecond\r\n"  # type: ignore[index]
        say(imap, "REPLACE", "1", "INBOX", r"(\Draft)", literal=b"Subject: three\r\n\r\nthird\r\n")
        assert imap.uid("SEARCH", "ALL")[1] == [b"2 3"]
        assert imap.uid("FETCH", "3", "(FLAGS PREVIEW)")[1] == [rb'2 (UID 3 FLAGS (\Draft \Recent) PREVIEW "third")']
        [size] = imap.uid("FETCH", "3", "(BINARY.SIZE[1] SAVEDATE)")[1]
        assert re.fullmatch(rb'2 \(UID 3 BINARY\.SIZE\[1\] 7 SAVEDATE "[^"]+"\)', size)  # type: ignore[arg-type]
        say(imap, "APPEND", "INBOX", "~{49+}\r\nContent-Transfer-Encoding: binary\r\n\r\n\0\1\2\3nul\r\nxyz")
        data = imap.uid("FETCH", "4", "(BODY.PEEK[TEXT])")[1][0][1]  # type: ignore[index]
        assert data == b"AAECA251bA0KeHl6\r\n"
