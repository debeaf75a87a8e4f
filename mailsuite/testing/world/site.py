"""What an administrator sets up on one server of a world: its configuration, its accounts and aliases."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence

import msgspec

from mailsuite.config.load import parse
from mailsuite.config.schema import Settings
from mailsuite.directory.database import Database, create
from mailsuite.directory.lookup import Lookups
from mailsuite.directory.records import Records

#: Of every account at first.
PASSWORD = "the same for everybody"
#: Letters that may be on their way to one destination at a time.
PLACES = 10
NAMESERVER = "10.0.0.53"
_SETTINGS = """
hostname = "{host}"
trusted_networks = []
[paths]
directory = "{etc}/directory.sqlite"
store = "{disk}/store"
queue = "{disk}/queue"
spool = "{spool}"
[relay]
per_destination = {places}
tls = "never"
dane = false
mta_sts = false
[dns]
nameservers = ["{nameserver}"]
[sendmail]
folder = ""
"""
_LISTENER = """
[[listener]]
service = "{service}"
address = "{address}"
port = {port}
tls = "none"
allow_plaintext_login = true
"""
PORTS = {"smtp": 25, "lmtp": 24, "submission": 587, "imap": 143, "pop3": 110}


class Passwords:
    """Of all accounts: ``PASSWORD`` until somebody changes theirs."""

    def __init__(self) -> None:
        self._changed: dict[str, str] = {}
        self._count = 0

    def of(self, account: str) -> str:
        return self._changed.get(account, PASSWORD)

    def change(self, account: str) -> str:
        """Gives the new one."""
        self._count += 1
        self._changed[account] = f"not the same any more since change {self._count}"
        return self._changed[account]


class Site(msgspec.Struct, frozen=True):
    """``accounts`` are local parts; ``aliases`` lead from local parts to addresses."""

    domain: str
    address: str
    accounts: Sequence[str]
    aliases: Mapping[str, Sequence[str]] = {}
    #: Messages that accounts may keep.
    quotas: Mapping[str, int] = {}
    #: More configuration: TOML tables.
    more: str = ""

    @property
    def host(self) -> str:
        return f"mx.{self.domain}"

    def names(self) -> dict[str, dict[str, Sequence[str]]]:
        """What DNS says of it."""
        return {self.domain: {"MX": [f"10 {self.host}"]}, self.host: {"A": [self.address]}}

    def settings(self, folder: str, disk: str) -> Settings:
        """``folder`` holds what belongs to the server, ``disk`` its mail."""
        text = _SETTINGS.format(
            host=self.host,
            etc=f"{folder}/etc",
            disk=disk,
            spool=f"{folder}/spool",
            nameserver=NAMESERVER,
            places=PLACES,
        )
        listeners = (_LISTENER.format(service=name, address=self.address, port=port) for name, port in PORTS.items())
        return parse(text + self.more + "".join(listeners), f"{folder}/etc/mailsuite.toml")

    def write_directory(self, path: str, when: float) -> None:
        """Made at that time; an older one is replaced."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        create(path)
        with contextlib.closing(Database(path)) as database:
            records = Records(database, Lookups(database))
            records.add_domain(self.domain)
            for name in self.accounts:
                quota = self.quotas.get(name, 0)
                records.add_account(
                    f"{name}@{self.domain}", PASSWORD, quota_messages=quota, weak=True, keep_scram=False
                )
            for name, targets in self.aliases.items():
                records.add_alias(f"{name}@{self.domain}", targets)
        os.utime(path, (when, when))
