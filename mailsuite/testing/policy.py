"""IPolicy that says what a test wrote down, and remembers what it was asked.

Points are called ``connect greeting sender recipient message``; where nothing is written down, all is well.  Whatever
the script says, unknown users are refused and strangers do not relay: a session relies on that.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from mailsuite.interfaces import IPolicy
from mailsuite.model import Accept, Address, Client, Envelope, Resolution, Verdict
from mailsuite.policy.checks import ACCEPT, RelayRights

#: A verdict, one that comes later, or what the check fails with.
Answer: TypeAlias = Verdict | Deferred[Verdict] | Exception


@implementer(IPolicy)
class ScriptedPolicy:
    """``answers`` by point; ``asked`` lists (point, arguments...) in order."""

    def __init__(self, **answers: Answer) -> None:
        self.checks = ("relay",)
        self.answers = answers
        self.asked: list[tuple[Any, ...]] = []
        self._rights = RelayRights()

    def at_connect(self, client: Client) -> Deferred[Verdict]:
        return self._say("connect", client)

    def at_greeting(self, client: Client) -> Deferred[Verdict]:
        return self._say("greeting", client)

    def at_sender(self, client: Client, sender: Address, size: int) -> Deferred[Verdict]:
        return self._say("sender", client, sender, size)

    def at_recipient(
        self, client: Client, sender: Address, recipient: Address, resolution: Resolution, size: int
    ) -> Deferred[Verdict]:
        said = self._say("recipient", client, sender, recipient, resolution, size)
        rights = self._rights.at_recipient(client, sender, recipient, resolution, size)
        return said if isinstance(rights, Accept) else succeed(rights)  # type: ignore[arg-type]

    def at_message(self, client: Client, envelope: Envelope, header: bytes, size: int) -> Deferred[Verdict]:
        return self._say("message", client, envelope, header, size)

    def _say(self, point: str, *arguments: Any) -> Deferred[Verdict]:
        self.asked.append((point, *arguments))
        answer = self.answers.get(point, ACCEPT)
        if isinstance(answer, Deferred):
            return answer
        return fail(answer) if isinstance(answer, Exception) else succeed(answer)
