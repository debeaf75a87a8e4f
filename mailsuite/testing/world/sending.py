"""A client of SMTP, submission or LMTP that knows what was promised to it."""

from __future__ import annotations

import base64

from mailsuite.testing.world.ledger import Ledger, Taken
from mailsuite.testing.world.letters import Letter
from mailsuite.testing.world.reactor import HostReactor
from mailsuite.testing.world.site import PASSWORD, PORTS
from mailsuite.testing.world.stream import Broken, Stream, connect


class Sender:
    """Sends over ``reactor``'s host; ``login`` is an account, empty for a stranger.  ``lmtp``: to local accounts, each
    of which is answered for."""

    def __init__(
        self,
        reactor: HostReactor,
        ledger: Ledger,
        address: str,
        login: str = "",
        password: str = PASSWORD,
        *,
        lmtp: bool = False,
    ) -> None:
        self._reactor, self._ledger = reactor, ledger
        self._address, self._login, self._password, self._lmtp = address, login, password, lmtp
        self._port = PORTS["lmtp" if lmtp else "submission" if login else "smtp"]

    async def send(self, letter: Letter) -> None:
        """One attempt.  Never fails: what became of it is in the ledger."""
        accepted: list[str] = []
        answers = dict.fromkeys(letter.recipients, Taken.NO)
        try:
            stream = await connect(self._reactor, self._address, self._port)
        except Broken:
            stream = None
        if stream is not None:
            try:
                await self._transact(stream, letter, accepted, answers)
            except Broken:
                stream.abort()
        for recipient, taken in answers.items():
            self._ledger.answered(letter, recipient, taken)

    async def _transact(self, stream: Stream, letter: Letter, accepted: list[str], answers: dict[str, Taken]) -> None:
        if await _reply(stream) != 220:
            raise Broken("not welcome")
        await _say(stream, f"{'LHLO' if self._lmtp else 'EHLO'} client.test")
        if self._login:
            secret = base64.b64encode(f"\0{self._login}\0{self._password}".encode()).decode()
            if await _say(stream, f"AUTH PLAIN {secret}") != 235:
                raise Broken("no login")
        eight = " BODY=8BITMIME" if letter.eight_bit else ""
        if await _say(stream, f"MAIL FROM:<{letter.sender}>{eight}") == 250:
            for recipient in letter.recipients:
                if await _say(stream, f"RCPT TO:<{recipient}>") == 250:
                    accepted.append(recipient)
            if accepted and await _say(stream, "DATA") == 354:
                stream.write(letter.octets.replace(b"\r\n.", b"\r\n..") + b".\r\n")
                answers.update(dict.fromkeys(accepted, Taken.PERHAPS))
                for some in [[each] for each in accepted] if self._lmtp else [accepted]:  # RFC 2033 §4.2
                    taken = Taken.YES if await _reply(stream) == 250 else Taken.NO
                    answers.update(dict.fromkeys(some, taken))
        await _say(stream, "QUIT")
        stream.close()


async def _say(stream: Stream, line: str) -> int:
    stream.write(line.encode() + b"\r\n")
    return await _reply(stream)


async def _reply(stream: Stream) -> int:
    while (line := await stream.line())[3:4] == b"-":
        pass
    return int(line[:3])
