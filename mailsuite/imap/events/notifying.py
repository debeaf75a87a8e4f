"""NOTIFY."""

from __future__ import annotations

from mailsuite.imap.events.connection import Command
from mailsuite.imap.notices import Wishes


class Notify(Command, frozen=True):
    """RFC 5465.  ``wishes`` replace those from before; NOTIFY NONE has none.  ``status``: tell the STATUS of each
    mailbox that is watched before ok."""

    wishes: Wishes
    status: bool
