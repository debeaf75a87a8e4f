"""IPolicy: checks asked one after the other.  The first that refuses has the last word; header fields add up, the
first check's on top.  A check that breaks is a fault of ours and fails the call."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from twisted.internet.defer import Deferred, fail
from zope.interface import implementer

from mailsuite.interfaces import IPolicy
from mailsuite.model import AddHeader, Address, Client, Envelope, Later, Refuse, Resolution, Verdict
from mailsuite.policy.backup import Backup
from mailsuite.policy.checks import ACCEPT, Answer, Check, Loop, Quota, RelayRights, Room, Size


def standard_checks(
    message_size: int, hops: int, room: Room | None = None, backup: Backup | None = None
) -> tuple[Check, ...]:
    """What every server needs.  ``message_size`` in octets, ``hops`` counts Received fields; ``room`` is asked for
    quota, None where mailboxes have no limit; ``backup`` are the domains of others, if there are any."""
    others = backup or Backup(())
    quota = (Quota(room),) if room is not None else ()
    return (RelayRights(others.takes), others, Size(message_size), Loop(hops), *quota)


@implementer(IPolicy)
class OrderedPolicy:
    """The checks, in the order given; only those that override a point are asked there."""

    def __init__(self, checks: Sequence[Check]) -> None:
        self.checks = tuple(check.name for check in checks if check.name)
        self._connect = [check.at_connect for check in _with(checks, "at_connect")]
        self._greeting = [check.at_greeting for check in _with(checks, "at_greeting")]
        self._sender = [check.at_sender for check in _with(checks, "at_sender")]
        self._recipient = [check.at_recipient for check in _with(checks, "at_recipient")]
        self._message = [check.at_message for check in _with(checks, "at_message")]

    def at_connect(self, client: Client) -> Answer:
        return _ask(check(client) for check in self._connect)

    def at_greeting(self, client: Client) -> Answer:
        return _ask(check(client) for check in self._greeting)

    def at_sender(self, client: Client, sender: Address, size: int) -> Answer:
        return _ask(check(client, sender, size) for check in self._sender)

    def at_recipient(
        self, client: Client, sender: Address, recipient: Address, resolution: Resolution, size: int
    ) -> Answer:
        return _ask(check(client, sender, recipient, resolution, size) for check in self._recipient)

    def at_message(self, client: Client, envelope: Envelope, header: bytes, size: int) -> Answer:
        return _ask(check(client, envelope, header, size) for check in self._message)


def _with(checks: Sequence[Check], point: str) -> list[Check]:
    """Those that have something to say at a point."""
    return [check for check in checks if asks_at(check, point)]


def asks_at(check: Check, point: str) -> bool:
    """Whether it has something to say at ``at_connect`` and the like."""
    return getattr(type(check), point) is not getattr(Check, point)


def _ask(answers: Iterator[Answer]) -> Answer:
    """Each check answers when it is its turn; no Deferred as long as the answers are there at once."""
    fields: list[bytes] = []
    try:
        for answer in answers:
            if isinstance(answer, Deferred):
                return Deferred.fromCoroutine(_go_on(answer, answers, fields))
            if answer is not ACCEPT and _is_last_word(answer, fields):
                return answer
    except Exception:
        return fail()
    return _sum(fields)


async def _go_on(first: Deferred[Verdict], answers: Iterator[Answer], fields: list[bytes]) -> Verdict:
    for answer in itertools.chain((first,), answers):
        verdict = await answer if isinstance(answer, Deferred) else answer
        if _is_last_word(verdict, fields):
            return verdict
    return _sum(fields)


def _is_last_word(verdict: Verdict, fields: list[bytes]) -> bool:
    if isinstance(verdict, AddHeader):
        fields.append(verdict.field)
    return isinstance(verdict, Refuse | Later)


def _sum(fields: list[bytes]) -> Verdict:
    return AddHeader(b"".join(fields)) if fields else ACCEPT
