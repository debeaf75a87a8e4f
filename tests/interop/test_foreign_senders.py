"""Programs of other people give mail to a real server: what lies in the mailbox is what they were given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from senders import COMPOSED, EXACT, Way, all_listeners, as_lf

from mailsuite.testing.corpus import messages
from mailsuite.testing.instance import Instance, running

_HEADER = (
    b"From: Someone <someone@far.test>\r\nTo: demo@demo.test\r\nSubject: dots and more\r\n"
    b"Date: Mon, 01 Jan 2024 10:00:00 +0100\r\nMessage-ID: <1@far.test>\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
)
#: What careless code trips over: dots, lines that look like mbox or like commands, octets above 127, long lines.
BODY = (
    b".\r\n..\r\n.hidden\r\nFrom nobody\r\nQUIT\r\n\r\n \r\nna\xc3\xafve \xe4\xbe\x8b\r\n"
    + b"x" * 900
    + b"\r\n"
    + b"." * 900
    + b"\r\nRSET\r\n...\r\n.\r\n\r\n"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    instance = Instance(tmp_path_factory.mktemp("senders") / "server")
    all_listeners(instance)
    instance.edit(lambda text: text + "\n[submission]\nown_sender = false\n")  # all of them are someone@far.test
    with running(instance):
        yield instance


def sent(server: Instance, way: Way, work: Path, message: bytes) -> bytes:
    """The file that came of it."""
    before = set(server.delivered())
    way.send(server, work, message)
    server.wait_until(lambda: set(server.delivered()) - before, 10, "the message to be in the mailbox")
    (path,) = set(server.delivered()) - before
    return path.read_bytes()


def assert_told(way: Way, stored: bytes) -> None:
    """The first trace field says how it came."""
    trace = b" ".join(stored.partition(b"\nReceived: ")[2].partition(b"\n\n")[0].split())
    expected = "LMTP" if way.lmtp else "ESMTP" + "S" * way.tls + "A" * way.login
    assert f" with {expected} {'(TLSv1.3) ' * way.tls}id ".encode() in trace, trace
    assert way.address.encode() in trace.partition(b" by ")[0], trace


@pytest.mark.parametrize("name", EXACT)
def test_a_program_delivers_octet_for_octet(
    name: str, server: Instance, tmp_path: Path, program: Callable[[str], str]
) -> None:
    way = EXACT[name]
    if way.program:
        program(way.program)
    stored = sent(server, way, tmp_path, _HEADER + BODY)
    assert stored.endswith(b"\n" + as_lf(_HEADER + BODY))
    assert_told(way, stored)


@pytest.mark.parametrize("name", COMPOSED)
def test_a_mail_reader_sends_what_was_written(
    name: str, server: Instance, tmp_path: Path, program: Callable[[str], str]
) -> None:
    way = COMPOSED[name]
    program(way.program)
    stored = sent(server, way, tmp_path, _HEADER + BODY)
    assert stored.partition(b"\n\n")[2] == as_lf(BODY)
    assert_told(way, stored)


@pytest.mark.parametrize("name", ["swaks", "msmtp", "curl", "smtplib"])
def test_a_corpus_arrives_octet_for_octet(
    name: str, server: Instance, tmp_path: Path, program: Callable[[str], str]
) -> None:
    way = EXACT[name]
    if way.program:
        program(way.program)
    for message in messages(5, seed=11):
        assert sent(server, way, tmp_path, message).endswith(b"\n" + as_lf(message))
