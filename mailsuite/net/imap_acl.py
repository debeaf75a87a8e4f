"""SETACL, DELETEACL, GETACL, LISTRIGHTS, MYRIGHTS: RFC 4314.

Which rights each command takes is looked at where mailboxes are shared (``INotes``), here as for every other command.
"""

from __future__ import annotations

from mailsuite.access import RIGHTS
from mailsuite.errors import MailError, Unsupported
from mailsuite.imap import responses
from mailsuite.imap.events import Command, GetAcl, ListRights, MyRights, SetAcl
from mailsuite.net.imap_session import Session


async def set_acl(session: Session, event: SetAcl) -> None:
    """§3.1, §3.2."""
    _must_share(session)
    await session.store.notes.permit(event.mailbox, event.identifier, event.op, event.rights)
    session.log.info(
        "{account} at {mailbox}: {identifier} {op} {rights!r}",
        account=session.account,
        mailbox=event.mailbox,
        identifier=event.identifier,
        op=event.op.name.lower(),
        rights=event.rights,
    )
    await session.complete(event, b"set")


async def get_acl(session: Session, event: GetAcl) -> None:
    """§3.3: the owner's rights stand in front."""
    _must_share(session)
    access = await session.store.notes.access(event.mailbox)
    owner = session.store.notes.owner(event.mailbox)
    session.core.untagged(
        responses.acl(session.written(event.mailbox), {owner: RIGHTS, **dict(sorted(access.items()))})
    )
    await _told(session, event)


async def list_rights(session: Session, event: ListRights) -> None:
    """§3.4: an owner has all rights, others may be given each for itself."""
    _must_share(session)
    await session.store.notes.access(event.mailbox)  # which takes the right
    required = RIGHTS if event.identifier == session.store.notes.owner(event.mailbox) else ""
    session.core.untagged(responses.list_rights(session.written(event.mailbox), event.identifier, required))
    await _told(session, event)


async def my_rights(session: Session, event: MyRights) -> None:
    """§3.5."""
    _must_share(session)
    rights = await session.store.notes.rights(event.mailbox, session.account)
    session.core.untagged(responses.my_rights(session.written(event.mailbox), rights))
    await _told(session, event)


async def uids_told(session: Session, mailbox: str) -> bool:
    """Whether UIDs in this mailbox may be told: not to who cannot open it (RFC 9051 §6.3.12, RFC 4315 §3)."""
    notes = session.store.notes
    if notes.owner(mailbox) == session.account:
        return True
    try:
        return "r" in await notes.rights(mailbox, session.account)
    except MailError:  # it has gone since
        return False


async def _told(session: Session, event: Command) -> None:
    await session.complete(event, b"told")


def _must_share(session: Session) -> None:
    if not session.settings.other_users:
        raise Unsupported("mailboxes are not shared here")
