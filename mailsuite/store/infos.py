"""What LIST tells of an account's mailboxes.  Blocking, with the account's lock held."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mailsuite.errors import InvalidName
from mailsuite.model import DELIMITER, INBOX, MailboxInfo
from mailsuite.store.names import checked_name, from_folder, parents, to_folder

if TYPE_CHECKING:
    from mailsuite.store.account import AccountMail


def every(account: AccountMail) -> Sequence[MailboxInfo]:
    """See ``IMailStore.list``."""
    there = account.names()
    subscribed = account.subscribed()
    with_children = {parent for name in there for parent in parents(name)}
    names = sorted(there | subscribed | with_children, key=lambda name: (name != INBOX, name))
    return [
        MailboxInfo(name, name in there, name in subscribed, name in with_children, account.special_use(name))
        for name in names
    ]


def only(account: AccountMail, name: str) -> Sequence[MailboxInfo]:
    """Of that name alone, however many others there are; nothing if it is none of a mailbox, and not subscribed."""
    try:
        name = checked_name(name)
    except InvalidName:
        return ()
    there = os.path.isdir(account.path(name))
    subscribed = name in account.subscribed()
    has_children = _has_children(account.maildir, name)
    if not (there or subscribed or has_children):
        return ()
    return (MailboxInfo(name, there, subscribed, has_children, account.special_use(name)),)


def _has_children(maildir: str, name: str) -> bool:
    below = to_folder(name + DELIMITER + "x").removesuffix("x")
    with os.scandir(maildir) as entries:
        for entry in entries:
            if entry.name.startswith(below) and entry.is_dir(follow_symlinks=False):
                with contextlib.suppress(InvalidName):
                    from_folder(entry.name)
                    return True
    return False
