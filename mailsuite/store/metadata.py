"""Annotations of a mailbox (RFC 5464) in the file ``mailsuite-metadata`` of its folder, plain text.

A line an annotation: whose it is (``-`` for a shared one), the entry, the value, all with ``%XX`` for what is no
letter, digit or common mark.  Those of the server that a user keeps for himself are in ``mailsuite-server-metadata`` of
his Maildir.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from urllib.parse import quote, quote_from_bytes, unquote, unquote_to_bytes

from mailsuite.errors import TooMany, Unsupported
from mailsuite.interfaces import IDisk
from mailsuite.model import SPECIAL_USES

FILE = "mailsuite-metadata"
SERVER_FILE = "mailsuite-server-metadata"
#: Annotations of a mailbox that are shared, and of each user's; and of all together.
MAX_ENTRIES = 100
MAX_TOGETHER = 1000
#: RFC 6154 section 4: not kept in the file, but with the mailbox.
SPECIAL_USE = "/private/specialuse"
_SHARED = "-"
_PRIVATE = "/private/"
_PLAIN = " /:;,.?!@()[]+=*&'#"

#: Whose, entry -> value.
_Held = dict[tuple[str, str], bytes]


def seen_by(disk: IDisk, path: str, user: str) -> dict[str, bytes]:
    """Those in the file ``path`` that ``user`` may see.  Blocking."""
    return {entry: value for (whose, entry), value in _read(disk, path).items() if whose in (user, _SHARED)}


def annotate(disk: IDisk, path: str, user: str, values: Mapping[str, bytes], removed: Collection[str]) -> None:
    """Change some.  Blocking; TooMany."""
    held = _read(disk, path)
    before = dict(held)
    for entry in removed:
        held.pop((_whose(entry, user), entry), None)
    for entry, value in values.items():
        held[_whose(entry, user), entry] = value
    for whose in {_whose(entry, user) for entry in values}:
        if sum(other == whose for other, _ in held) > MAX_ENTRIES:
            raise TooMany(f"at most {MAX_ENTRIES} annotations are kept")
    if values and len(held) > MAX_TOGETHER:
        raise TooMany(f"at most {MAX_TOGETHER} annotations of all users together are kept")
    if held != before:
        disk.replace(path, _dump(held))


def _whose(entry: str, user: str) -> str:
    return user if entry.startswith(_PRIVATE) else _SHARED


def special_use_of(value: bytes) -> str:
    """The value of SPECIAL_USE as ``MailboxInfo.special_use``; Unsupported."""
    words = value.decode("ascii", "replace").split()
    known = {use.upper(): use for use in SPECIAL_USES}
    if any(word.upper() not in known for word in words):
        raise Unsupported("the special uses are " + " ".join(SPECIAL_USES))
    return " ".join(sorted({known[word.upper()] for word in words}))


def copy(disk: IDisk, source: str, target: str) -> None:
    """Those of one folder to another (RFC 5464 section 4.1, RENAME of INBOX).  Blocking."""
    held = _read(disk, os.path.join(source, FILE))
    if held:
        disk.replace(os.path.join(target, FILE), _dump(held))


def _read(disk: IDisk, path: str) -> _Held:
    try:
        lines = disk.read(path).decode("ascii", "replace").splitlines()
    except FileNotFoundError:
        return {}
    parts = [line.split(" ", 2) for line in lines]
    return {(unquote(part[0]), unquote(part[1])): unquote_to_bytes(part[2]) for part in parts if len(part) == 3}


def _dump(held: _Held) -> bytes:
    lines = [
        f"{quote(whose, '@')} {quote(entry, '/')} {quote_from_bytes(value, _PLAIN)}\n"
        for (whose, entry), value in sorted(held.items())
    ]
    return "".join(lines).encode("ascii")
