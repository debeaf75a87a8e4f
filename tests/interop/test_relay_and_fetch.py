"""The main job, end to end, with real processes, real DNS and real clients.

A client in a trusted network gives mail for b.test to server A; A asks DNS, finds the first host dead, relays to
server B; B stores it; each client fetches it, byte for byte the same body.
"""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from clients import WAYS, by_imaplib

from mailsuite.testing.corpus import messages
from mailsuite.testing.dns import DNSServer
from mailsuite.testing.instance import Instance, running

COUNT = 12


def body_of(message: bytes) -> bytes:
    """What stands below the header, with LF line ends: transports and mail stores differ in those alone."""
    return message.replace(b"\r\n", b"\n").partition(b"\n\n")[2]


@pytest.fixture(scope="module")
def corpus() -> list[bytes]:
    return list(messages(COUNT, seed=7))


@pytest.fixture(scope="module")
def relayed(tmp_path_factory: pytest.TempPathFactory, corpus: list[bytes]) -> Iterator[Instance]:
    """Server B, after server A relayed the corpus to it."""
    here = tmp_path_factory.mktemp("relay")
    b = Instance(here / "b", "b.test")
    zone = {
        "b.test": {"MX": ["10 dead.b.test", "20 mx.b.test"]},
        "dead.b.test": {"A": ["127.0.0.66"]},
        "mx.b.test": {"A": ["127.0.0.1"]},
    }
    with DNSServer(zone) as dns, running(b):
        a = Instance(here / "a", "a.test")
        a.route_by(dns.port, b.ports["smtp"])
        with running(a):
            with smtplib.SMTP("127.0.0.1", a.ports["smtp"], timeout=30) as client:
                for message in corpus:
                    client.sendmail("someone@a.test", [b.account], message, mail_options=["BODY=8BITMIME"])
            b.wait_until(lambda: len(b.delivered()) >= COUNT, 60, "mail to arrive at B")
            assert "127.0.0.66" in a.log() or "dead.b.test" in a.log(), "the dead first host was never tried"
        yield b


@pytest.mark.parametrize("way", WAYS)
def test_client_fetches_what_was_sent(
    way: str, relayed: Instance, corpus: list[bytes], tmp_path: Path, program: Callable[[str], str]
) -> None:
    needed, fetch = WAYS[way]
    if needed:
        program(needed)
    fetched = fetch(relayed, tmp_path)
    assert len(fetched) == COUNT
    assert sorted(map(body_of, fetched)) == sorted(map(body_of, corpus))


def test_untrusted_address_is_refused(relayed: Instance, tmp_path: Path) -> None:
    c = Instance(tmp_path / "c", "c.test")
    c.edit(lambda text: text.replace('"127.0.0.0/8"', '"127.0.0.1/32"'))
    with running(c):
        with smtplib.SMTP("127.0.0.1", c.ports["smtp"], source_address=("127.0.0.9", 0), timeout=30) as client:
            client.ehlo()
            client.mail("someone@elsewhere.test")
            code, text = client.rcpt(relayed.account)
            assert (code, text[:5]) == (550, b"5.7.1")
            assert client.rcpt(c.account)[0] == 250
        with smtplib.SMTP("127.0.0.1", c.ports["smtp"], timeout=30) as client:
            client.ehlo()
            client.mail("someone@elsewhere.test")
            assert client.rcpt(relayed.account)[0] == 250


def test_trace_header_names_both_servers(relayed: Instance, tmp_path: Path) -> None:
    header = by_imaplib(relayed, tmp_path)[0].partition(b"\r\n\r\n")[0]
    assert header.startswith(b"Return-Path: <someone@a.test>\r\n")
    assert header.count(b"Received: ") == 2
