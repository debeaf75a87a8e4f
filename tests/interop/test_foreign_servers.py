"""Postfix and Exim relay to us, and we relay to Postfix: what arrives is what was sent, octet for octet, under TLS."""

from __future__ import annotations

import re
import smtplib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from peers import Exim, Postfix, require_root
from senders import as_lf, listener

from mailsuite.testing.corpus import messages
from mailsuite.testing.dns import DNSServer
from mailsuite.testing.foreign import open_folder
from mailsuite.testing.instance import Instance, running

#: One of them is so large that it goes in several chunks.
_LARGE = (
    b"From: s@far.test\r\nTo: r@far.test\r\nSubject: large\r\nDate: Mon, 01 Jan 2024 10:00:00 +0100\r\n"
    b"Message-ID: <large@far.test>\r\n\r\n"
) + b"".join(b".%d %s\r\n" % (n, b"x" * (n % 300)) for n in range(3000))
CORPUS = [*messages(5, seed=5), _LARGE]
COUNT = len(CORPUS)


@pytest.fixture(scope="module")
def postfix(
    tmp_path_factory: pytest.TempPathFactory, program: Callable[[str], str]
) -> Iterator[tuple[Instance, Postfix]]:
    """Our server and a Postfix, each other's neighbours."""
    program("postfix")
    require_root()
    instance = Instance(tmp_path_factory.mktemp("postfix") / "server")
    listener(instance, "lmtp", service='"lmtp"', tls='"starttls"')
    instance.command("domain", "add", "lmtp.test")
    instance.command("alias", "add", "box@lmtp.test", instance.account)
    zone = {"postfix.test": {"MX": ["10 mx.postfix.test"]}, "mx.postfix.test": {"A": ["127.0.0.1"]}}
    with open_folder("mailsuite-peer-") as here, DNSServer(zone) as dns:
        peer = Postfix(here, instance)
        instance.route_by(dns.port, peer.port)
        instance.set("relay", "tls", '"require"')
        with running(instance), peer.running():
            yield instance, peer


def give(port: int, recipient: str) -> None:
    """The corpus, to a server on loopback."""
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        for message in CORPUS:
            client.sendmail("someone@far.test", [recipient], message, mail_options=["BODY=8BITMIME"])


def arrived(server: Instance, found: Callable[[], list[Path]], before: set[Path], peer: Postfix) -> list[bytes]:
    """The files that came since, when all have."""
    try:
        server.wait_until(lambda: len(set(found()) - before) >= COUNT, 20, "mail to arrive")
    except TimeoutError as error:
        raise AssertionError(f"{error}\npostfix:\n{peer.log()}") from None
    return [path.read_bytes() for path in set(found()) - before]


def assert_same(stored: list[bytes]) -> None:
    """Each message of the corpus, below the trace fields that were put on it."""
    assert len(stored) == COUNT
    for message in CORPUS:
        assert sum(file.endswith(b"\n" + as_lf(message)) for file in stored) == 1


@pytest.mark.parametrize(("recipient", "how"), [("demo@demo.test", b"ESMTPS (TLSv1.3)"), ("box@lmtp.test", b"LMTP")])
def test_postfix_relays_to_us(postfix: tuple[Instance, Postfix], recipient: str, how: bytes) -> None:
    instance, peer = postfix
    before = set(instance.delivered())
    give(peer.port, recipient)
    stored = arrived(instance, instance.delivered, before, peer)
    assert_same(stored)
    for file in stored:
        assert re.search(rb"\Wwith " + re.escape(how), file.partition(b"\n\n")[0]), file[:600]


def test_we_relay_to_postfix(postfix: tuple[Instance, Postfix]) -> None:
    instance, peer = postfix
    before = set(peer.delivered())
    give(instance.ports["smtp"], "box@postfix.test")
    stored = arrived(instance, peer.delivered, before, peer)
    assert_same(stored)
    for file in stored:
        assert b"using TLSv1.3" in file.partition(b"\n\n")[0]
    assert "improper command pipelining" not in peer.log()


def test_what_postfix_refuses_comes_back_to_the_sender(postfix: tuple[Instance, Postfix]) -> None:
    instance, peer = postfix
    before = set(instance.delivered())
    with smtplib.SMTP("127.0.0.1", instance.ports["smtp"], timeout=20) as client:
        client.sendmail(instance.account, ["nobody@postfix.test"], CORPUS[0], mail_options=["BODY=8BITMIME"])
    instance.wait_until(lambda: set(instance.delivered()) - before, 20, "the notice")
    (file,) = set(instance.delivered()) - before
    notice = file.read_bytes()
    assert b"multipart/report" in notice
    assert b"Final-Recipient: rfc822; nobody@postfix.test\nAction: failed\nStatus: 5.1.1\n" in notice
    words = "User unknown in virtual mailbox table"
    instance.wait_until(lambda: words in peer.log(), 20, "what Postfix says, which another process of it writes down")


def test_a_sender_hears_of_success_from_the_server_that_we_handed_it_to(postfix: tuple[Instance, Postfix]) -> None:
    """RFC 3461 §5.2.2: the next host speaks DSN, so what the sender asked for goes there; its notice comes back."""
    instance, _ = postfix
    before = set(instance.delivered())
    with smtplib.SMTP("127.0.0.1", instance.ports["smtp"], timeout=20) as client:
        asked = ["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;Box+2B1@postfix.test"]
        client.sendmail(instance.account, ["box@postfix.test"], CORPUS[0], ["RET=HDRS", "ENVID=QQ314159"], asked)
    instance.wait_until(lambda: set(instance.delivered()) - before, 20, "the notice")
    (file,) = set(instance.delivered()) - before
    notice = file.read_bytes()
    assert b"Reporting-MTA: dns; mx.postfix.test\n" in notice
    assert b"Original-Envelope-Id: QQ314159\n" in notice
    assert b"Original-Recipient: rfc822;Box+1@postfix.test\n" in notice
    assert b"Action: delivered\n" in notice


def test_exim_relays_to_us(tmp_path_factory: pytest.TempPathFactory, program: Callable[[str], str]) -> None:
    path = program("exim4")
    require_root()
    instance = Instance(tmp_path_factory.mktemp("exim") / "server")
    with open_folder("mailsuite-peer-") as here, running(instance):
        exim = Exim(path, here, instance)
        for message in CORPUS:
            exim.send(instance.account, as_lf(message))
        instance.wait_until(lambda: len(instance.delivered()) == COUNT, 10, "mail to arrive")
        stored, log = [file.read_bytes() for file in instance.delivered()], exim.log()
    assert_same(stored)
    assert log.count(" K ") == COUNT, "not sent with BDAT"
