"""What addresses become on their way in and out, and which line of which table says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred

from mailsuite.config.schema import Settings
from mailsuite.directory.address_map import AddressMap, Exchange
from mailsuite.directory.rewriting import Rewriting, Rule, exchanges
from mailsuite.model import Address, Client
from mailsuite.offload import Inline
from mailsuite.services.explained import Answer, Rules, Step
from mailsuite.services.rewriting import generic, rewriting

_STAGE = "rewrite"


class Rewritings:
    """By the tables as they are when they are ``read``, which has to be first."""

    def __init__(self, settings: Settings, rules: Rules, seconds: Callable[[], float]) -> None:
        self._settings = settings
        self._rules = rules
        self._seconds = seconds
        self._inwards = Rewriting()
        self._outwards: tuple[Rule, ...] = ()

    async def read(self) -> None:
        """Raises Temporary if a table cannot be read."""
        now = rewriting(self._settings, Inline(), self._seconds).now()
        found = await now if isinstance(now, Deferred) else now
        if isinstance(found, Rewriting):
            self._inwards = found
        table = generic(self._settings, Inline(), self._seconds)
        if table is not None:
            known = table()
            outwards: AddressMap = await known if isinstance(known, Deferred) else known
            self._outwards = (outwards,)

    def sender(self, address: Address) -> Address:
        """What it becomes."""
        return self._inwards.sender(address)

    def recipient(self, address: Address) -> Address:
        """What it becomes."""
        return self._inwards.recipient(address)

    def of_sender(self, address: Address, client: Client) -> list[Step]:
        """What happens to it, and whether to the header as well."""
        return [*self._steps(address, self._inwards.of_sender(address)), *self._header(client)]

    def of_recipient(self, address: Address) -> list[Step]:
        return self._steps(address, self._inwards.of_recipient(address))

    def outside(self, addresses: Sequence[Address]) -> list[Step]:
        """What they become when the message is sent to another server."""
        return [step for one in addresses for step in self._steps(one, exchanges(self._outwards, one), "leaves as")]

    def _steps(self, address: Address, made: Sequence[Exchange], what: str = "becomes") -> list[Step]:
        steps = []
        for one in made:
            words = f"{what} {one.address}" if one.address != address else "stays as it is"
            if one.file:
                place = f"{one.file}:{one.line}"
                steps.append(Step(_STAGE, str(address), Answer.NOTE, words, one.rule, place))
            else:
                path = ("rewriting", "masquerade", self._settings.rewriting.masquerade.index(one.rule))
                steps.append(self._rules.step(_STAGE, str(address), Answer.NOTE, words, *path))
            address = one.address
        return steps

    def _header(self, client: Client) -> list[Step]:
        own = self._settings.rewriting
        if not (own.canonical or own.sender_canonical or own.recipient_canonical or own.masquerade):
            return []
        words = "addresses in the header, too" if self._inwards.is_ours(client) else "the header stays as it is"
        return [self._rules.step(_STAGE, "", Answer.NOTE, words, "rewriting", "headers")]
