"""BODYSTRUCTURE and BODY for clients that know no UTF-8: to them message/global is a part like any other.

RFC 3501 §9 ``media-message`` takes only message/rfc822 apart, RFC 9051 §9 and RFC 9755 §6 message/global too, and so
does what the index keeps.  The few messages that have such a part are read and shown anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from mailsuite.mime.render import rev1_structures
from mailsuite.model import Fetched
from mailsuite.net.imap_session import Session

_GLOBAL = b'"global"'
#: Items of ``IMailbox.fetch``, as ``rev1_structures`` gives them.
_ITEMS = ("structure", "body")


async def for_client(session: Session, items: Sequence[str], found: Fetched) -> Fetched:
    """The same, as this client knows it.  What is too large to be read at once stays as it is."""
    places = [place for place, item in enumerate(items) if item in _ITEMS]
    if not places or session.core.dialect.utf8:
        return found
    first = cast(Sequence[bytes], found.columns[places[0]])
    rows = [row for row, shown in enumerate(first) if _GLOBAL in shown.lower()]
    if not rows:
        return found
    columns = [list(column) for column in found.columns]
    for row in rows:
        [octets] = await session.selection.mailbox.octets([found.uids[row]], 0)
        if isinstance(octets, bytes):
            shown = rev1_structures(octets)
            for place in places:
                columns[place][row] = shown[_ITEMS.index(items[place])]
    return Fetched(found.uids, tuple(columns))
