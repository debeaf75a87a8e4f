"""What options of sending to other servers must be beyond their shape.  Part of ``config.check``."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence

from mailsuite.config.fault import Fault, contents, named
from mailsuite.config.networks import is_address
from mailsuite.config.relay import RelayTls, Transport, Way
from mailsuite.config.schema import Settings
from mailsuite.directory.names import canonical_domain
from mailsuite.net.tls import server_options
from mailsuite.routing.patterns import NULL_SENDER, domain_pattern, sender_pattern


def _domain(text: str) -> None:
    """Raises InvalidName, also for what could never be in an envelope."""
    if not domain_pattern(text).startswith("["):
        canonical_domain(text.removeprefix("."))


def _sender(text: str) -> None:
    """Raises InvalidName."""
    if sender_pattern(text) != NULL_SENDER:
        _domain(text.rpartition("@")[2])


def check_transports(transports: Sequence[Transport]) -> None:
    """Raises Fault."""
    for index, one in enumerate(transports):
        here = ("transport", index)
        for number, domain in enumerate(one.domains):
            named(_domain, domain, *here, "domains", number)
        for number, sender in enumerate(one.senders):
            named(_sender, sender, *here, "senders", number)
        if (one.way in (Way.HOST, Way.LMTP)) != bool(one.host):
            raise Fault((*here, "host"), one.host, "needed is a host where way is host or lmtp, and only there")
        if one.host and not is_address(one.host):
            named(canonical_domain, one.host, *here, "host")
        if one.way is Way.ERROR and not one.text.strip():
            raise Fault((*here, "text"), one.text, "needed is what senders are told, because way is error")
        if one.user and not one.password_file:
            raise Fault((*here, "password_file"), "", "needed is a file with the password, because user is set")
        if one.user and one.tls in (RelayTls.MAY, RelayTls.REQUIRE):
            raise Fault((*here, "tls"), one.tls.value, "needed is verify, or the password may go to anybody")
        if one.password_file and not contents((*here, "password_file"), one.password_file).strip():
            raise Fault((*here, "password_file"), one.password_file, "the file is empty")


def check_schedules(settings: Settings) -> None:
    """Raises Fault."""
    for index, one in enumerate(settings.schedules):
        here = ("schedule", index)
        for number, domain in enumerate(one.domains):
            named(_domain, domain, *here, "domains", number)
        for number, sender in enumerate(one.senders):
            named(_sender, sender, *here, "senders", number)


def check_smarthost(settings: Settings) -> None:
    """Raises Fault."""
    own = settings.smarthost
    if own.host and not is_address(own.host):
        named(canonical_domain, own.host, "smarthost", "host")
    if own.user and not own.password_file:
        raise Fault(("smarthost", "password_file"), "", "needed is a file with the password, because user is set")
    if own.password_file and not contents(("smarthost", "password_file"), own.password_file).strip():
        raise Fault(("smarthost", "password_file"), own.password_file, "the file is empty")


def open_passwords(settings: Settings) -> Iterator[str]:
    """A line for each file with a password that everybody on this machine can read or change."""
    files = [("smarthost", settings.smarthost.password_file)]
    files += [(f"[[transport]] no. {n}", one.password_file) for n, one in enumerate(settings.transports, 1)]
    for where, file in files:
        with contextlib.suppress(OSError):
            if file and stat.S_IMODE(os.stat(file).st_mode) & 0o007:
                yield f"{where}, password_file: others can read or write it: chmod 600 {file}"


def check_tls_policies(settings: Settings) -> None:
    """Raises Fault."""
    for index, one in enumerate(settings.tls_policies):
        here = ("tls_policy", index)
        for number, domain in enumerate(one.domains):
            named(canonical_domain, domain.removeprefix("."), *here, "domains", number)
        for number, name in enumerate(one.names):
            named(canonical_domain, name, *here, "names", number)
        if one.names and one.tls is not RelayTls.VERIFY:
            raise Fault((*here, "names"), list(one.names), "only `verify` looks at names")


def check_own_hosts(settings: Settings) -> None:
    """Raises Fault."""
    for index, host in enumerate(settings.relay.own_hosts):
        if not is_address(host):
            named(canonical_domain, host, "relay", "own_hosts", index)


def check_client_certificate(settings: Settings) -> None:
    """Raises Fault."""
    own = settings.relay
    if bool(own.client_certificate) != bool(own.client_key):
        missing = "client_key" if own.client_certificate else "client_certificate"
        raise Fault(("relay", missing), "", "certificate and key are needed together")
    if own.client_certificate:
        certificate = contents(("relay", "client_certificate"), own.client_certificate)
        key = contents(("relay", "client_key"), own.client_key)
        try:
            server_options(certificate, key)
        except (ValueError, IndexError) as error:
            raise Fault(("relay", "client_certificate"), own.client_certificate, str(error)) from None
