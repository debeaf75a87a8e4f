"""Who looks after the servers of a town: accounts, aliases and passwords change while a server runs, and what it is
configured to do when it is started again.

The directory is changed as ``mailsuite account`` changes it: by another process, and the server is not told.
"""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Callable, Iterator, Sequence

import msgspec

from mailsuite.directory.database import Database
from mailsuite.directory.lookup import Lookups
from mailsuite.directory.records import Records
from mailsuite.testing.world.imap_client import No
from mailsuite.testing.world.server import Server
from mailsuite.testing.world.site import PASSWORD
from mailsuite.testing.world.stream import Broken
from mailsuite.testing.world.town import ABROAD, BACKUP, PEOPLE, Town

#: Tables of a configuration, and what may be in them.
TABLES: dict[str, Sequence[str]] = {
    "limits": ("message_size = 1_000_000", "message_size = 10_000_000"),
    "retry": ("waits = [60, 600, 3600]", "waits = [30, 1800]"),
    "imap": ("compress = false\nindex_texts = false", "eight_bit_headers = false"),
    "pop3": ("exclusive = true", 'language = "de"'),
    "extensions": ('not_offered = ["PIPELINING", "CHUNKING"]', "messages_per_session = 1", "recipient_domains = 1"),
    "track": ("keep = 3600",),
    "timeouts": ("smtp_session = 60", "shutdown = 1"),
    "[transport]": (f'way = "host"\ndomains = ["{ABROAD}"]\nhost = "mx.{BACKUP}"',),
}
#: Of them at once.
_MOST = 3


class Administrator:
    """Of all servers of ``town``."""

    def __init__(self, town: Town, rng: random.Random) -> None:
        self._town, self._rng = town, rng
        self._count = 0

    # -- the configuration -----------------------------------------------------------------------------------------

    def configure(self, server: Server) -> None:
        """Start it again with another configuration."""
        possible = [table for table in TABLES if server.name != BACKUP or table != "[transport]"]
        tables = self._rng.sample(possible, self._rng.randint(1, _MOST))
        more = "".join(f"\n[{table}]\n{self._rng.choice(TABLES[table])}\n" for table in tables)
        server.restart(msgspec.structs.replace(server.site, more=server.first_site.more + more))

    # -- the directory ---------------------------------------------------------------------------------------------

    def change_accounts(self, server: Server) -> None:
        """Something about them, while it runs or does not."""
        self._count += 1
        self._rng.choice((self._add_account, self._add_alias, self._change_password))(server)

    def _add_account(self, server: Server) -> None:
        name = f"new{self._count}"
        with self._records(server) as records:
            records.add_account(f"{name}@{server.name}", PASSWORD, weak=True, keep_scram=False)
        address = self._town.move_in(server, name)
        self._write_soon(address)

    def _add_alias(self, server: Server) -> None:
        name, targets = f"list{self._count}", sorted({self._town.anybody(), self._town.anybody()})
        with self._records(server) as records:
            records.add_alias(f"{name}@{server.name}", targets)
        self._town.lead(server, name, targets)
        self._write_soon(f"{name}@{server.name}")

    def _write_soon(self, address: str) -> None:
        for _ in range(2):
            self._later(1, 60, lambda: self._town.write_one(address))

    def _change_password(self, server: Server) -> None:
        account = f"{self._rng.choice(PEOPLE)}@{server.name}"
        old = self._town.passwords.of(account)
        with self._records(server) as records:
            records.set_password(account, self._town.passwords.change(account))
        self._later(1, 120, lambda: self._town.world.begin(self._try(account, old)))

    async def _try(self, account: str, old: str) -> None:
        with contextlib.suppress(Broken, No):
            await self._town.readers[account].log_in(old)
            self._town.world.problem(f"{account} was let in with a password that was changed")

    @contextlib.contextmanager
    def _records(self, server: Server) -> Iterator[Records]:
        """Changed at the time that it is on that host."""
        path = f"{server.folder}/etc/directory.sqlite"
        with contextlib.closing(Database(path)) as database:
            yield Records(database, Lookups(database))
        now = server.clock.seconds() if server.clock else self._town.world.timeline.now
        os.utime(path, (now, now))

    def _later(self, shortest: float, longest: float, work: Callable[[], object]) -> None:
        self._town.world.network.later(self._rng.uniform(shortest, longest), work)
