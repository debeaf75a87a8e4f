"""GETQUOTA, GETQUOTAROOT and SETQUOTA, RFC 9208.

An account is a quota root, under its own name; all its mailboxes belong to it.  Others' are for administrators.
"""

from __future__ import annotations

from mailsuite.errors import NotAllowed
from mailsuite.imap import responses
from mailsuite.imap.events import GetQuota, GetQuotaRoot, SetQuota
from mailsuite.net.imap_session import Session


async def get_quota(session: Session, event: GetQuota) -> None:
    """§4.1.1."""
    if event.root != session.account and not session.administrator:  # §8: nor whether there is such an account
        raise NotAllowed("the quota of others is not told")
    session.core.untagged(responses.quota(event.root, await session.parts.quotas.quota(event.root)))
    await session.complete(event, b"told")


async def get_quota_root(session: Session, event: GetQuotaRoot) -> None:
    """§4.1.2; there need be no such mailbox, unless it is somebody else's, of which it takes the right r (§6)."""
    owner = session.store.notes.owner(event.mailbox)
    if owner != session.account:
        await session.store.status(event.mailbox)
    quota = await session.parts.quotas.quota(owner)
    session.core.untagged(responses.quota_root(session.written(event.mailbox), owner))
    session.core.untagged(responses.quota(owner, quota))
    await session.complete(event, b"told")


async def set_quota(session: Session, event: SetQuota) -> None:
    """§4.1.3."""
    if not session.administrator:
        raise NotAllowed("only administrators set quotas")
    quota = await session.parts.quotas.limit(event.root, event.octets, event.messages)
    session.log.info(
        "{account} set the quota of {root}: {octets} octets, {messages} messages",
        account=session.account,
        root=event.root,
        octets=event.octets,
        messages=event.messages,
    )
    session.core.untagged(responses.quota(event.root, quota))
    await session.complete(event, b"set")
