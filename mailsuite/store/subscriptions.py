"""The ``subscriptions`` file of a Maildir, as Dovecot keeps it: a name a line, spelled like its folder (``A.B``).

Both of Dovecot's forms are read: the plain one, and version 2 with tabs between levels; the plain one is written.
Until there is such a file, Courier's ``courierimapsubscribed`` counts (``INBOX.A.B``).
"""

from __future__ import annotations

import os

from mailsuite.errors import InvalidName
from mailsuite.interfaces import IDisk
from mailsuite.model import INBOX
from mailsuite.store.names import from_folder, to_folder

FILE = "subscriptions"
COURIER_FILE = "courierimapsubscribed"
_VERSION_2 = b"V\t2\n"
_BELOW_INBOX = INBOX + "."


def read(disk: IDisk, maildir: str) -> set[str]:
    """The names that are subscribed in a Maildir.  Blocking."""
    for file, understand in ((FILE, parse), (COURIER_FILE, parse_courier)):
        try:
            return understand(disk.read(os.path.join(maildir, file)))
        except FileNotFoundError:
            continue
    return set()


def parse_courier(data: bytes) -> set[str]:
    """Courier's file: like ``parse``, everything below ``INBOX``."""
    lines = data.decode("ascii", "replace").splitlines()
    return {name for line in lines if line.startswith(INBOX) and (name := _name(line.removeprefix(_BELOW_INBOX)))}


def parse(data: bytes) -> set[str]:
    """The names; lines that name no possible mailbox are left out."""
    lines = data.decode("ascii", "replace").splitlines()
    if data.startswith(_VERSION_2):
        lines = [line.replace("\t", ".") for line in lines[1:]]
    return {name for line in lines if line and (name := _name(line))}


def _name(line: str) -> str:
    try:
        return INBOX if line.upper() == INBOX else from_folder("." + line)
    except InvalidName:
        return ""


def dump(names: set[str]) -> bytes:
    """The plain form, sorted."""
    return "".join(f"{to_folder(name)[1:] or INBOX}\n" for name in sorted(names)).encode("ascii")
