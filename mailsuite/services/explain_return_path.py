"""Which return path mail for another server would leave with, and which option says so (``services.return_paths``)."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred

from mailsuite.config.locate import Path
from mailsuite.config.schema import Settings
from mailsuite.interfaces import IDirectory
from mailsuite.model import Address, Envelope, ToRemote
from mailsuite.services import addresses
from mailsuite.services.explained import Answer, Rules, Step
from mailsuite.services.return_paths import ReturnPaths


class ReturnPathsTold:
    def __init__(self, settings: Settings, rules: Rules, directory: IDirectory, seconds: Callable[[], float]) -> None:
        self._settings = settings
        self._rules = rules
        self._resolve = directory.resolve
        self._seconds = seconds
        #: Made when it is first needed: the secret of SRS is a file that not everybody may read.
        self._made: ReturnPaths | None = None

    async def of(self, sender: Address, to: ToRemote) -> tuple[Address, list[Step]]:
        """The return path, and what is to be said about it; nothing if it is the sender's own address.  Raises
        Temporary."""
        try:
            self._made = made = self._made or addresses.return_paths(self._settings, self._resolve, self._seconds)
        except (OSError, ValueError) as error:
            words = f"the return path cannot be told, for the secret cannot be read: {error}"
            return sender, [self._rules.step("rewrite", str(sender), Answer.NOTE, words, "srs", "secret_file")]
        chosen = made.choose(Envelope("explained", sender, (to.recipient,), self._seconds()), [to])
        (destination,) = await chosen if isinstance(chosen, Deferred) else chosen
        path = destination.recipient.return_path if isinstance(destination, ToRemote) else None
        if path is None:
            return sender, []
        words = f"leaves with the return path {path}"
        return path, [self._rules.step("rewrite", str(sender), Answer.NOTE, words, *self._option(sender))]

    def _option(self, sender: Address) -> Path:
        senders = [one.lower() for one in self._settings.verp.senders]
        name = str(sender).lower()
        return ("verp", "senders", senders.index(name)) if name in senders else ("srs", "domain")
