"""Puts a new message in the place of one of the account's (REPLACE, RFC 8508): both happen, as one unit, or nothing.

Only what the new one is larger needs room.  Blocking; takes the account's lock itself, and not to write a large body.
"""

from __future__ import annotations

from mailsuite.errors import Expunged
from mailsuite.model import Appended
from mailsuite.store import changing
from mailsuite.store.folder import Folder
from mailsuite.store.incoming import Incoming
from mailsuite.store.places import Rows


def replace(source: Folder, uid: int, incoming: Incoming) -> Appended:
    """See ``IMailStore.replace``."""
    account = source.account
    try:
        with account.locked():
            source.look()
            _reserve(source, uid, incoming)
        incoming.prepare()
        with account.locked():
            source.look()
            source.behind.finish()
            _exchange(source, uid, incoming)
    except BaseException:
        incoming.undo()
        raise
    return incoming.appended


def _reserve(source: Folder, uid: int, incoming: Incoming) -> None:
    """RFC 8508 §3.4: the quota is that of both steps together."""
    messages, octets = source.account.index.size_of(source.id, [uid])
    if not messages:
        raise Expunged("the message to be replaced is gone")
    source.account.usage.release(octets, messages)
    try:
        incoming.reserve()
    finally:
        source.account.usage.release(-octets, -messages)


def _exchange(source: Folder, uid: int, incoming: Incoming) -> None:
    account = source.account
    places = account.index.places(source.id, [uid])
    if not places:
        raise Expunged("the message to be replaced is gone")
    incoming.reserve()
    arrival = incoming.steps()
    with source.own_change():
        modseq, removal = changing.removal(source, places)
        missed = account.resources.disk.commit([*removal, *arrival])
        source.history.done()
    incoming.release()
    if incoming.row is not None:
        incoming.folder.add(Rows.of([incoming.row]))
    incoming.folder.announce()
    if missed:  # renamed by another program in this moment
        changing.expunge(source, [uid])
    else:
        source.forget([uid], modseq)
