"""SMTP's extensions through a whole server: what was asked for is what is found in the mailbox."""

from __future__ import annotations

import base64
import email
import email.message
import imaplib
import poplib
import smtplib
import ssl
import time
from collections.abc import Callable, Iterator

import pytest

from mailsuite.testing.instance import Instance, running

OCTETS = bytes(range(256)) * 300 + b"\n\r\r\n\0"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    instance = Instance(tmp_path_factory.mktemp("extensions") / "server")
    with running(instance):
        yield instance


@pytest.fixture
def client(server: Instance) -> Iterator[smtplib.SMTP]:
    context = ssl.create_default_context(cafile=str(server.authority))
    with smtplib.SMTP("localhost", server.ports["submission"], timeout=20) as smtp:
        smtp.starttls(context=context)
        smtp.login(server.account, server.password)
        yield smtp


def begin(client: smtplib.SMTP, server: Instance, mail: str = "", rcpt: str = "") -> None:
    assert client.mail(server.account, mail.split())[0] == 250
    assert client.rcpt(server.account, rcpt.split())[0] == 250


def fetched(server: Instance, wanted: Callable[[email.message.Message], bool]) -> email.message.Message:
    """The message over POP3, once it is there."""
    context = ssl.create_default_context(cafile=str(server.authority))
    until = time.monotonic() + 20
    while time.monotonic() < until:
        pop = poplib.POP3_SSL("localhost", server.ports["pop3s"], timeout=20, context=context)
        pop.user(server.account)
        pop.pass_(server.password)
        for number in range(1, len(pop.list()[1]) + 1):
            message = email.message_from_bytes(b"\r\n".join(pop.retr(number)[1]) + b"\r\n")
            if wanted(message):
                pop.quit()
                return message
        pop.quit()
        time.sleep(0.2)
    raise AssertionError("it did not come")


def test_a_binary_message_in_chunks_comes_back_octet_for_octet(server: Instance, client: smtplib.SMTP) -> None:
    header = (
        b"Subject: binary\r\nMIME-Version: 1.0\r\nContent-Type: application/x\r\nContent-Transfer-Encoding: binary\r\n"
    )
    message = header + b"\r\n" + OCTETS
    begin(client, server, "BODY=BINARYMIME SMTPUTF8")
    for start in range(0, len(message), 10_000):
        chunk = message[start : start + 10_000]
        client.send(b"BDAT %d\r\n" % len(chunk) + chunk)
        assert client.getreply()[0] == 250
    assert client.docmd("BDAT", "0 LAST")[0] == 250
    found = fetched(server, lambda message: message["Subject"] == "binary")
    assert found.get_payload(decode=True) == OCTETS
    assert "with UTF8SMTPSA" in found["Received"]


def test_mail_that_is_held_comes_later_and_its_sender_is_told_then(server: Instance, client: smtplib.SMTP) -> None:
    asked = time.time()
    begin(client, server, "HOLDFOR=2 ENVID=held-1", "NOTIFY=SUCCESS")
    assert client.data(b"Subject: held\r\n\r\nx\r\n")[0] == 250
    fetched(server, lambda message: message["Subject"] == "held")
    assert time.time() - asked >= 2
    notice = fetched(server, lambda message: message.get_content_type() == "multipart/report")
    status = notice.get_payload(1).as_string()  # type: ignore[union-attr]
    assert "Original-Envelope-Id: held-1" in status
    assert "Action: delivered" in status


def test_nobody_sends_from_anothers_address(client: smtplib.SMTP) -> None:
    code, text = client.mail("somebody@else.test")
    assert (code, text[:5]) == (550, b"5.7.1")


JOERG = "jörg@demo.test"


def test_an_account_whose_name_is_not_ascii_sends_and_reads_like_any_other(server: Instance) -> None:
    """RFC 6531, RFC 6856 and RFC 4616: the same person however the name is typed."""
    server.command("user", "add", JOERG, "--password-stdin", input=server.password + "\n")
    context = ssl.create_default_context(cafile=str(server.authority))
    credentials = f"\0JÖRG@demo.test\0{server.password}".encode()
    with smtplib.SMTP("localhost", server.ports["submission"], timeout=20) as smtp:
        smtp.starttls(context=context)
        smtp.ehlo()
        assert smtp.docmd("AUTH PLAIN", base64.b64encode(credentials).decode())[0] == 235
        smtp.sendmail(
            JOERG, ["Jo\u0308rg@demo.test"], "Subject: grüß\r\n\r\nx\r\n".encode(), ["SMTPUTF8", "BODY=8BITMIME"]
        )
    server.arrived(1)
    with imaplib.IMAP4_SSL("localhost", server.ports["imaps"], ssl_context=context, timeout=20) as imap:
        imap.authenticate("PLAIN", lambda _: credentials)
        imap.enable("UTF8=ACCEPT")
        assert imap.select() == ("OK", [b"1"])
        ((_, found), *_) = imap.fetch("1", "BODY.PEEK[HEADER]")[1]
        assert "for <Jo\u0308rg@demo.test>".encode() in found
        assert "Subject: grüß".encode() in found
    pop = poplib.POP3_SSL("localhost", server.ports["pop3s"], timeout=20, context=context)
    pop.encoding = "utf-8"
    pop._shortcmd("UTF8")  # type: ignore[attr-defined]
    pop.user(JOERG)
    pop.pass_(server.password)
    assert pop.stat()[0] == 1
    pop.quit()
    assert JOERG in server.command("user", "list").stdout
