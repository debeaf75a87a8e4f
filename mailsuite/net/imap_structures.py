"""BODYSTRUCTURE and BODY for clients that know no UTF-8: to them message/global is a part like any other.

RFC 3501 §9 ``media-message`` takes only message/rfc822 apart, RFC 9051 §9 and RFC 9755 §6 message/global too, and so
does what the index keeps.  The few messages that have such a part are read and shown anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from mailsuite.errors import Expunged
from mailsuite.interfaces import IMailbox
from mailsuite.mime.render import rev1_structures
from mailsuite.mime.structure import Part, Scanner
from mailsuite.model import Fetched
from mailsuite.net.imap_session import Session

_GLOBAL = b'"global"'
#: Items of ``IMailbox.fetch``, as ``rev1_structures`` gives them.
_ITEMS = ("structure", "body")
#: Octets of a message that are read at a time.
_PIECE = 256 * 1024


async def for_client(session: Session, items: Sequence[str], found: Fetched) -> Fetched:
    """The same, as this client knows it."""
    places = [place for place, item in enumerate(items) if item in _ITEMS]
    if not places or session.core.dialect.utf8:
        return found
    first = cast(Sequence[bytes], found.columns[places[0]])
    rows = [row for row, shown in enumerate(first) if _GLOBAL in shown.lower()]
    if not rows:
        return found
    columns = [list(column) for column in found.columns]
    for row in rows:
        try:
            shown = rev1_structures(await _tree(session.selection.mailbox, found.uids[row]))
        except Expunged:  # the index knew it still
            continue
        for place in places:
            columns[place][row] = shown[_ITEMS.index(items[place])]
    return Fetched(found.uids, tuple(columns))


async def _tree(mailbox: IMailbox, uid: int) -> Part:
    body = await mailbox.body(uid)
    try:
        scanner = Scanner()
        for at in range(0, body.size, _PIECE):
            scanner.feed(await body.read_at(at, _PIECE))
        return scanner.finish()
    finally:
        body.close()
