"""What a configuration must be beyond its shape: addresses, names, files and folders that can be used.

``check`` looks at everything before any port is opened; the first fault is a ``ConfigError`` of one line that names
file, key, value and what is allowed.  ``warnings`` tells what can be used and is hardly meant.  Blocking; leaves
nothing behind (whether a folder can be written is tried out).
"""

from __future__ import annotations

import contextlib
import errno
import grp
import ipaddress
import os
import pwd
import re
import socket
import stat
import tempfile
from collections.abc import Iterator, Sequence

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates
from OpenSSL import SSL

from mailsuite.config.check_addresses import check_backups, check_rewriting, check_srs, check_verp
from mailsuite.config.check_relay import (
    check_client_certificate,
    check_own_hosts,
    check_schedules,
    check_smarthost,
    check_tls_policies,
    check_transports,
    open_passwords,
)
from mailsuite.config.explain import Step, place
from mailsuite.config.fault import Fault, contents, named
from mailsuite.config.locate import spot
from mailsuite.config.networks import HOST, SUBNET, Network, is_address, nameserver, trusted_networks
from mailsuite.config.option import TlsMode
from mailsuite.config.place import Place, Systemd, Tcp, Unix, place_of
from mailsuite.config.schema import EVERYWHERE, Listener, Service, Settings
from mailsuite.directory.database import Database
from mailsuite.directory.names import canonical_domain, mail_address
from mailsuite.errors import ConfigError, MailError
from mailsuite.net.socket_path import PATH_LIMIT
from mailsuite.net.tls import server_options, trust_clients


def check(settings: Settings, path: str) -> None:
    """Raises ConfigError if the server cannot run on ``settings``, which were read from ``path``."""
    with _in_file(path):
        _check_names(settings)
        _check_listeners(settings)
        _check_networks(settings)
        _check_certificate(settings)
        _check_client_authorities(settings.listeners)
        check_smarthost(settings)
        check_tls_policies(settings)
        check_client_certificate(settings)
        check_own_hosts(settings)
        check_transports(settings.transports)
        check_schedules(settings)
        check_backups(settings)
        check_rewriting(settings)
        check_srs(settings)
        check_verp(settings)
        _check_message_limit(settings.imap.message_limit)
    check_places(settings, path)


def warnings(settings: Settings) -> list[str]:
    """What is allowed and dangerous, one line each."""
    networks = _networks(settings.trusted_networks)
    four = ipaddress.collapse_addresses(one for one in networks if isinstance(one, ipaddress.IPv4Network))
    six = ipaddress.collapse_addresses(one for one in networks if isinstance(one, ipaddress.IPv6Network))
    found: list[Network] = [*four, *six]
    return [
        *(line for index, listener in enumerate(settings.listeners) for line in _doubts(index, listener)),
        *_open_relay(found),
        *open_passwords(settings),
    ]


def _doubts(index: int, listener: Listener) -> Iterator[str]:
    """Of one listener."""
    where = place(("listener", index))
    for key, what in (("proxy_from", "claim"), ("xclient_from", "claim with XCLIENT")):
        if any(network.prefixlen == 0 for network in _networks(getattr(listener, key))):
            yield f"{where}, {key} contains every address: whoever can connect may {what} to be anybody"


def _networks(words: Sequence[str]) -> Sequence[Network]:
    """Those that are known without this machine's own."""
    return trusted_networks([word for word in words if word not in (HOST, SUBNET)], ())


def _open_relay(found: Sequence[Network]) -> list[str]:
    return [
        f"trusted_networks contain every IPv{network.version} address: whoever can connect may send mail anywhere "
        "through this server (an open relay)"
        for network in found
        if network.prefixlen == 0
    ]


def _check_message_limit(limit: int) -> None:
    """RFC 9738 §3: not lower than 1000."""
    if 0 < limit < 1000:
        raise Fault(("imap", "message_limit"), limit, "allowed is 0, or at least 1000")


def check_places(settings: Settings, path: str) -> None:
    """Only files and folders, which may look different to another user.  Raises ConfigError."""
    with _in_file(path):
        paths = settings.paths
        for key, folder in (("store", paths.store), ("queue", paths.queue), ("spool", paths.spool)):
            _check_folder(("paths", key), folder)
        if settings.relay.mta_sts:
            _check_folder(("relay", "mta_sts_folder"), settings.relay.mta_sts_folder)
        contents(("paths", "directory"), paths.directory, 1)
        try:
            Database(paths.directory).close()
        except MailError as error:
            raise Fault(("paths", "directory"), paths.directory, str(error)) from None


@contextlib.contextmanager
def _in_file(path: str) -> Iterator[None]:
    try:
        yield
    except Fault as fault:
        raise ConfigError(f"{spot(path, _text(path), fault.steps)}: {fault}") from None


def _text(path: str) -> str:
    """Of the file, or nothing: the settings may have come from elsewhere."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


# -- names and addresses -------------------------------------------------------------------------------------------


def _check_names(settings: Settings) -> None:
    named(canonical_domain, settings.hostname, "hostname")
    for index, domain in enumerate(settings.local_domains):
        named(canonical_domain, domain, "local_domains", index)
    if settings.default_domain:
        named(canonical_domain, settings.default_domain, "default_domain")
    if settings.postmaster:
        named(mail_address, settings.postmaster, "postmaster")


def _check_networks(settings: Settings) -> None:
    for index, word in enumerate(settings.trusted_networks):
        named(lambda text: trusted_networks([text], ()), word, "trusted_networks", index)
    for index, server in enumerate(settings.dns.nameservers):
        named(nameserver, server, "dns", "nameservers", index)
    if settings.relay.bind_address and not is_address(settings.relay.bind_address):
        raise Fault(("relay", "bind_address"), settings.relay.bind_address, "allowed is an IP address, or nothing")
    if settings.relay.bind_address:
        _check_own(("relay", "bind_address"), settings.relay.bind_address)


def _check_own(steps: Sequence[Step], address: str) -> None:
    """A socket can be bound to it."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
            probe.bind((address, 0))
    except OSError as error:
        gone = error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
        raise Fault(steps, address, "this machine has no such address" if gone else str(error.strerror)) from None


# -- listeners -----------------------------------------------------------------------------------------------------


def _check_listeners(settings: Settings) -> None:
    seen: dict[tuple[str, int], int] = {}
    for index, listener in enumerate(settings.listeners):
        steps = ("listener", index)
        where = place_of(listener.address, listener.port)
        if isinstance(where, Tcp):
            _check_tcp(steps, where)
        elif listener.port:
            raise Fault((*steps, "port"), listener.port, f"{where} has no port")
        if isinstance(where, Unix):
            _check_unix(steps, where, listener)
        first = seen.setdefault((listener.address, listener.port), index)
        if first != index:
            raise Fault(
                (*steps, "port") if listener.port else (*steps, "address"),
                listener.port or listener.address,
                f"{listener.address} has this port in {place(('listener', first))} too"
                if listener.port
                else f"{place(('listener', first))} listens there already",
            )
        _check_combinations(steps, where, listener, settings.limits.connections)


def _check_tcp(steps: Sequence[Step], where: Tcp) -> None:
    if where.address != EVERYWHERE and not is_address(where.address):
        allowed = 'allowed is an IP address, or "*" for all of them, "unix:PATH" or "systemd:NAME"'
        raise Fault((*steps, "address"), where.address, allowed)
    if not where.port:
        raise Fault((*steps, "port"), where.port, "allowed is a whole number from 1 to 65535")
    if where.address != EVERYWHERE:
        _check_own((*steps, "address"), where.address)


def _check_unix(steps: Sequence[Step], where: Unix, listener: Listener) -> None:
    """A socket can be made there, for those who are named."""
    here = (*steps, "address")
    if len(os.fsencode(where.path)) > PATH_LIMIT:
        raise Fault(here, listener.address, f"a path of a Unix socket has at most {PATH_LIMIT} octets")
    if not os.path.isdir(os.path.dirname(where.path)):
        raise Fault(here, listener.address, f"there is no folder {os.path.dirname(where.path)}")
    if os.path.lexists(where.path) and not stat.S_ISSOCK(os.lstat(where.path).st_mode):
        raise Fault(here, listener.address, "something else has this name, not a socket")
    if not re.fullmatch("0?[0-7]{3}", listener.mode):
        raise Fault((*steps, "mode"), listener.mode, 'allowed are octal permissions such as "0660"')
    for key, name, known in (("owner", listener.owner, pwd.getpwnam), ("group", listener.group, grp.getgrnam)):
        try:
            known(name or "root")
        except KeyError:
            raise Fault((*steps, key), name, f"this system has no such {'user' if key == 'owner' else key}") from None


def _check_combinations(steps: Sequence[Step], where: Place, listener: Listener, most: int) -> None:
    """Options that make no sense together."""
    default = Listener(listener.service, listener.address)
    if isinstance(where, Unix) and listener.tls is not TlsMode.NONE:
        raise Fault((*steps, "tls"), listener.tls.value, 'a Unix socket never leaves this machine: allowed is "none"')
    if listener.connections > most:
        raise Fault((*steps, "connections"), listener.connections, f"more than limits.connections = {most}")
    if isinstance(where, Systemd) and not where.name:
        raise Fault((*steps, "address"), listener.address, "needed is a name: FileDescriptorName= of the socket unit")
    if not isinstance(where, Unix):
        for key in ("mode", "owner", "group"):
            if getattr(listener, key) != getattr(default, key):
                raise Fault((*steps, key), getattr(listener, key), "only a Unix socket of our own has this")
    if listener.service is Service.LMTP and listener.tls is TlsMode.IMPLICIT:
        raise Fault((*steps, "tls"), "implicit", 'for lmtp allowed is "none" or "starttls"')
    if listener.xclient_from and listener.service not in (Service.SMTP, Service.SUBMISSION, Service.LMTP):
        raise Fault((*steps, "xclient_from"), list(listener.xclient_from), f"{listener.service.value} has no XCLIENT")
    for key in ("proxy_from", "xclient_from"):
        for number, word in enumerate(getattr(listener, key)):
            named(lambda text: trusted_networks([text], ()), word, *steps, key, number)


# -- TLS -----------------------------------------------------------------------------------------------------------


def _check_certificate(settings: Settings) -> None:
    tls = settings.tls
    if not tls.certificate and not tls.key:
        for index, listener in enumerate(settings.listeners):
            if listener.tls is not TlsMode.NONE:
                raise Fault(
                    ("listener", index, "tls"),
                    listener.tls.value,
                    "needs tls.certificate and tls.key, which are not set",
                )
        return
    for name, value in (("certificate", tls.certificate), ("key", tls.key)):
        if not value:
            raise Fault(("tls", name), value, "certificate and key are needed together")
    certificate = contents(("tls", "certificate"), tls.certificate)
    key = contents(("tls", "key"), tls.key)
    try:
        leaf = load_pem_x509_certificates(certificate)[0]
    except ValueError:
        raise Fault(("tls", "certificate"), tls.certificate, "the file holds no certificate in PEM") from None
    try:
        secret = load_pem_private_key(key, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Fault(("tls", "key"), tls.key, "the file holds no private key in PEM without a passphrase") from None
    if leaf.public_key() != secret.public_key():
        raise Fault(("tls", "key"), tls.key, f"this is not the key of the certificate {tls.certificate}")
    try:
        server_options(certificate, key)
    except ValueError as error:
        raise Fault(("tls", "certificate"), tls.certificate, str(error)) from None


def _check_client_authorities(listeners: Sequence[Listener]) -> None:
    for index, listener in enumerate(listeners):
        if not listener.client_ca:
            continue
        steps = ("listener", index, "client_ca")
        if listener.tls is TlsMode.NONE:
            raise Fault(steps, listener.client_ca, "certificates are shown under TLS only, and this listener has none")
        contents(steps, listener.client_ca)
        try:
            trust_clients(SSL.Context(SSL.TLS_METHOD), listener.client_ca)
        except ValueError as error:
            raise Fault(steps, listener.client_ca, str(error)) from None


# -- files and folders ---------------------------------------------------------------------------------------------


def _check_folder(steps: Sequence[Step], folder: str) -> None:
    """It may be used, or made when the server starts."""
    nearest = folder
    while not os.path.lexists(nearest):
        nearest = os.path.dirname(nearest)
    if not os.path.isdir(nearest):
        raise Fault(steps, folder, f"{nearest} is not a folder")
    if not os.access(nearest, os.R_OK | os.W_OK | os.X_OK):
        what = "the folder" if nearest == folder else f"it does not exist, and {nearest}"
        raise Fault(steps, folder, f"{what} cannot be read and written by this user")
    try:
        os.rmdir(tempfile.mkdtemp(prefix=".check-", dir=nearest))
    except OSError as error:  # a full disk, or a file system that is not for files
        raise Fault(steps, folder, f"nothing can be made in {nearest}: {error.strerror}") from None
