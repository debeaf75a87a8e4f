"""Real name servers on loopback: Knot serves zones and signs one, Unbound resolves and validates."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.exception
import dns.message
import dns.query

_KNOT = """
server:
    rundir: "{here}"
    listen: 127.0.0.1@{port}
database:
    storage: "{here}/db"
log:
  - target: stderr
    any: warning
policy:
  - id: signed
    algorithm: ecdsap256sha256
template:
  - id: default
    storage: "{here}"
    file: "%s"
zone:
  - domain: signed.test
    dnssec-signing: on
    dnssec-policy: signed
  - domain: bogus.test
    dnssec-signing: on
    dnssec-policy: signed
  - domain: plain.test
"""
_UNBOUND = """
server:
    directory: "{here}"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    interface: 127.0.0.1
    port: {port}
    do-ip6: no
    do-not-query-localhost: no
    module-config: "validator iterator"
    local-zone: "test." nodefault
    trust-anchor: "{anchor}"
    trust-anchor: "{wrong}"
    domain-insecure: "plain.test"
remote-control:
    control-enable: no
"""
_STUB = """
stub-zone:
    name: "{zone}"
    stub-addr: 127.0.0.1@{port}
"""
_HEAD = "$TTL 60\n@ SOA ns admin 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n"
ZONES = ("signed.test", "bogus.test", "plain.test")


def free_port() -> int:
    """One that is free for UDP and TCP now."""
    for _ in range(50):
        with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port: int = tcp.getsockname()[1]
            with contextlib.suppress(OSError):
                udp.bind(("127.0.0.1", port))
                return port
    raise RuntimeError("no port is free for both UDP and TCP")


@contextlib.contextmanager
def started(command: list[str], log: Path, port: int, question: str) -> Iterator[subprocess.Popen[bytes]]:
    """A name server, from when it answers until it is ended."""
    with log.open("ab") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file)
    try:
        end = time.monotonic() + 30
        while not _answers(port, question):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        process.wait(20)


def _answers(port: int, question: str) -> bool:
    try:
        found = dns.query.udp(dns.message.make_query(question, "SOA"), "127.0.0.1", 1.0, port)
    except (dns.exception.DNSException, OSError):
        return False
    return bool(found.answer)


@contextlib.contextmanager
def knot(here: Path, program: Callable[[str], str], records: dict[str, str]) -> Iterator[tuple[int, str, str]]:
    """Serves ``records`` (zone file lines by zone): the port, the DS record of signed.test, and a wrong one of
    bogus.test, as a trust anchor."""
    port = free_port()
    for zone in ZONES:
        (here / zone).write_text(_HEAD + records.get(zone, ""))
    (here / "db").mkdir()
    config = here / "knot.conf"
    config.write_text(_KNOT.format(here=here, port=port))
    with started([program("knotd"), "-c", str(config)], here / "knot.log", port, "plain.test"):
        for zone in ("signed.test", "bogus.test"):
            _wait_until_signed(port, zone)
        listed = [program("keymgr"), "-c", str(config), "signed.test", "ds"]
        lines = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.splitlines()
        anchor = next(line for line in lines if " DS " in line and line.split()[-2] == "2")
        yield port, anchor, anchor.replace("signed.test", "bogus.test")


def _wait_until_signed(port: int, zone: str) -> None:
    end = time.monotonic() + 30
    question = dns.message.make_query(zone, "SOA", want_dnssec=True)
    while len(dns.query.udp(question, "127.0.0.1", 2.0, port).answer) < 2:
        assert time.monotonic() < end, f"{zone} was not signed"
        time.sleep(0.1)


@contextlib.contextmanager
def unbound(here: Path, program: Callable[[str], str], source: int, anchor: str, wrong: str) -> Iterator[int]:
    """Resolves from the name server at ``source``; gives its port."""
    port = free_port()
    config = here / "unbound.conf"
    stubs = "".join(_STUB.format(zone=zone, port=source) for zone in ZONES)
    config.write_text(_UNBOUND.format(here=here, port=port, anchor=anchor, wrong=wrong) + stubs)
    with started([program("unbound"), "-d", "-c", str(config)], here / "unbound.log", port, "plain.test"):
        yield port


def need(program: Callable[[str], str]) -> None:
    """Skips, or fails, where one of them is not installed."""
    for name in ("knotd", "keymgr", "unbound"):
        program(name)
