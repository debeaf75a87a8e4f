"""What every part of the store works with."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from mailsuite.disk.findable import Examine, examine_files
from mailsuite.disk.summary import Summarize, summarize_files
from mailsuite.interfaces import IDisk, IOffload
from mailsuite.model import Account
from mailsuite.store.amounts import USUAL, Amounts
from mailsuite.store.contents import Shelf
from mailsuite.store.filename import Unique
from mailsuite.store.lately_read import LatelyRead


class Resources(msgspec.Struct, frozen=True):
    """``now`` gives epoch seconds, ``quota`` the limits of an account (blocking, called in threads),
    ``shelf`` bounds what mailboxes keep in memory, ``lately_read`` has what was fetched from them."""

    disk: IDisk
    offload: IOffload
    now: Callable[[], float]
    unique: Unique
    quota: Callable[[str], Account]
    summarize: Summarize = summarize_files
    examine: Examine = examine_files
    amounts: Amounts = USUAL
    shelf: Shelf = msgspec.field(default_factory=Shelf)
    lately_read: LatelyRead = msgspec.field(default_factory=LatelyRead)
