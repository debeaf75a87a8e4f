"""The noes of one connection: whom to ask about each, and the id under which the log tells more.

Within a transaction it is the transaction's id; all other noes share one, made for the first of them.  What is said
again under the same id is logged once, so a client that repeats itself fills no log; how many different mistakes it may
make is ``Limits.errors``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from twisted.logger import Logger

from mailsuite.happenings import Refused
from mailsuite.interfaces import IObserver
from mailsuite.model import Address, Client
from mailsuite.net.smtp_replies import Stage, referred
from mailsuite.net.smtp_transaction import Transaction
from mailsuite.observers import NOBODY
from mailsuite.smtp.reply import Reply


class Refusals:
    """``within`` is the id of the open transaction, or empty; ``peer`` whom the log names as the client."""

    __slots__ = ("_hostname", "_id", "_ids", "_observer", "_said", "_seconds", "peer", "since", "within")
    log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        hostname: str,
        ids: Callable[[], str],
        observer: IObserver = NOBODY,
        seconds: Callable[[], float] = float,
    ) -> None:
        """``observer`` is told of what is refused of an envelope, with the time that ``seconds`` gives."""
        self._observer = observer
        self._seconds = seconds
        self.peer = ""
        #: When the connection was made, in seconds since the epoch.
        self.since = 0.0
        self.within = ""
        self._hostname = hostname
        self._ids = ids
        self._id = ""
        #: The last no, and its id.
        self._said = ("", Reply(0, None, ()))

    @property
    def has_id(self) -> bool:
        """A no was said already, or a transaction is open."""
        return bool(self.within or self._id)

    def refer(self, no: Reply) -> Reply:
        """A command that is wrong, comes at the wrong time, or asks for too much."""
        return self._logged(no, "")

    def shut_out(self, no: Reply, stage: Stage) -> Reply:
        """The whole session is refused."""
        return self._logged(no, f" at {stage.value}")

    def envelope(self, no: Reply, transaction: Transaction, client: Client, address: Address | None = None) -> Reply:
        """A sender, a recipient (``address``) or a part of a message is refused."""
        no = referred(no, transaction.id, self._hostname, address)
        self.log.info(
            "{id}: refused from=<{sender}> to=<{to}> client={peer} helo={helo!r}: {answer}",
            id=transaction.id,
            sender=transaction.sender,
            to=address or "",
            peer=self.peer,
            helo=client.helo,
            answer=no,
        )
        if self._observer.listens:
            to, at = str(address) if address is not None else "", self._seconds()
            self._observer.happened(
                Refused(
                    *(at, transaction.id, str(transaction.sender), to, self.peer, str(no), client.helo),
                    *(client.service, client.tls, client.account, self.since, client.trusted),
                )
            )
        return no

    def _logged(self, no: Reply, where: str) -> Reply:
        id = self.within or self._shared_id()
        if self._said != (id, no):
            self._said = (id, no)
            self.log.info("{id}: {peer} refused{where}: {answer}", id=id, peer=self.peer, where=where, answer=no)
        return referred(no, id, self._hostname)

    def _shared_id(self) -> str:
        self._id = self._id or self._ids()
        return self._id
