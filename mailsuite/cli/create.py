"""Makes the folder of a new instance: configuration, directory, store, queue, certificate.

Promises: nothing that exists is overwritten, and what goes wrong leaves nothing behind that was not there before.
Files are 0600 and folders 0700 (the authority's certificate, which clients need, 0644).  The configuration file is
written last: where it is, the instance is whole, also after a power cut.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time

import msgspec

from mailsuite.config.option import TlsMode
from mailsuite.config.sample import render
from mailsuite.config.schema import EVERYWHERE, Listener, Paths, Service, Settings, Tls
from mailsuite.directory.database import Database, create
from mailsuite.directory.lookup import Lookups
from mailsuite.directory.names import account_name, canonical_domain
from mailsuite.directory.passwords import require_usable
from mailsuite.directory.records import Records
from mailsuite.disk.real import RealDisk
from mailsuite.errors import Exists, InvalidName
from mailsuite.net.certificate import make_self_signed

CONFIG, AUTHORITY, CERTIFICATE, KEY = "mailsuite.toml", "ca.pem", "certificate.pem", "key.pem"
#: Account and random password of a demo, to be shown again at the next `make run`.
DEMO_PASSWORD = "demo-password.txt"  # noqa: S105 - a file's name
#: Days; clients refuse server certificates that run for much longer.
_CERTIFICATE_DAYS = 825
#: No letters and digits that look alike.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"

#: service, standard port, TLS: what a demo listens on, each at its base plus the standard port.
DEMO_PORTS = (
    (Service.SMTP, 25, TlsMode.STARTTLS),
    (Service.SUBMISSION, 587, TlsMode.STARTTLS),
    (Service.SUBMISSION, 465, TlsMode.IMPLICIT),
    (Service.POP3, 110, TlsMode.STARTTLS),
    (Service.POP3, 995, TlsMode.IMPLICIT),
    (Service.IMAP, 143, TlsMode.STARTTLS),
    (Service.IMAP, 993, TlsMode.IMPLICIT),
)
_PUBLIC_PORTS = tuple(row for row in DEMO_PORTS if row[1] != 110)

_HEAD = """\
# Configuration of a mailsuite instance. Options that are not here have their defaults:
# `mailsuite config print --sample` explains every one, `mailsuite config check` checks this file.

"""


class Demo(msgspec.Struct, frozen=True):
    """What a demo has besides: an account, and ports of its own on loopback."""

    account: str
    password: str
    #: whether the password was made up here, so that it must be kept to be known
    made_up: bool
    port_base: int


def public_settings(hostname: str) -> Settings:
    """A server for the world: standard ports on every address, logins under TLS only."""
    listeners = tuple(Listener(service, EVERYWHERE, port, tls) for service, port, tls in _PUBLIC_PORTS)
    return _settings(hostname, listeners, ("host",))


def demo_settings(hostname: str, port_base: int) -> Settings:
    """A server for one machine: loopback only, logins without TLS allowed.  Raises InvalidName (the base)."""
    if not 0 <= port_base <= 65535 - 995:
        raise InvalidName(f"the port base must be 0 to {65535 - 995}, so that every port is at most 65535")
    listeners = tuple(
        Listener(service, "127.0.0.1", port_base + port, tls, allow_plaintext_login=tls is not TlsMode.IMPLICIT)
        for service, port, tls in DEMO_PORTS
    )
    return _settings(hostname, listeners, ("127.0.0.0/8", "::1"))


def _settings(hostname: str, listeners: tuple[Listener, ...], trusted: tuple[str, ...]) -> Settings:
    name = canonical_domain(hostname)
    return Settings(hostname=name, listeners=listeners, trusted_networks=trusted, tls=Tls(CERTIFICATE, KEY))


def random_password() -> str:
    """Some 79 bits, in groups that a person can type."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))


def create_instance(folder: str, domain: str, settings: Settings, demo: Demo | None = None) -> str:
    """Write it all; gives the path of the configuration file.  Raises InvalidName, Exists, Temporary, OSError."""
    domain = canonical_domain(domain)
    if demo is not None:
        account_name(demo.account)
        require_usable(demo.password)
    paths = Paths()
    names = (CONFIG, AUTHORITY, CERTIFICATE, KEY, paths.directory, paths.store, paths.queue, paths.spool)
    for name in (*names, DEMO_PASSWORD):
        if os.path.lexists(os.path.join(folder, name)):
            raise Exists(f"{os.path.join(folder, name)} exists already; nothing was changed")
    disk = RealDisk()
    with contextlib.ExitStack() as undo:
        _make_folder(disk, folder, undo)
        for name in (paths.store, paths.queue, paths.spool):
            _make_folder(disk, os.path.join(folder, name), undo)
        _fill_directory(os.path.join(folder, paths.directory), domain, demo, undo)
        made = make_self_signed([settings.hostname, domain], _CERTIFICATE_DAYS, time.time())
        _write(os.path.join(folder, AUTHORITY), made.ca, undo, 0o644)
        _write(os.path.join(folder, CERTIFICATE), made.certificate, undo)
        _write(os.path.join(folder, KEY), made.key, undo)
        if demo is not None and demo.made_up:
            _write(os.path.join(folder, DEMO_PASSWORD), f"{demo.account}\n{demo.password}\n".encode(), undo)
        disk.sync_folder(folder)  # a power cut may not leave the configuration alone
        config = os.path.join(folder, CONFIG)
        _write(config, (_HEAD + render(settings, everything=False, explained=True)).encode(), undo)
        disk.sync_folder(folder)
        undo.pop_all()
    return config


def _fill_directory(path: str, domain: str, demo: Demo | None, undo: contextlib.ExitStack) -> None:
    create(path)
    undo.callback(os.unlink, path)
    with contextlib.closing(Database(path)) as database:
        records = Records(database, Lookups(database))
        records.add_domain(domain)
        if demo is not None:
            records.add_account(demo.account, demo.password, weak=True)


def _make_folder(disk: RealDisk, path: str, undo: contextlib.ExitStack) -> None:
    """Durable, with the folders above it."""
    missing, above = "", os.path.abspath(path)
    while not os.path.lexists(above):
        missing, above = above, os.path.dirname(above)
    if missing:
        undo.callback(shutil.rmtree, missing, ignore_errors=True)
    disk.make_folder(path)


def _write(path: str, data: bytes, undo: contextlib.ExitStack, mode: int = 0o600) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    undo.callback(os.unlink, path)
    with open(fd, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
