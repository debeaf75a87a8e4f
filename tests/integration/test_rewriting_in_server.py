"""Addresses rewritten by a whole server: on their way in, on their way out, and in tables that change meanwhile."""

from __future__ import annotations

import email
import os
import smtplib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from mailsuite.testing.instance import Instance, running
from mailsuite.testing.peer import ScriptedPeer

CONFIG = """
[[transport]]
way = "host"
host = "127.0.0.1"
port = {port}
domains = [".out.test"]

[[transport]]
way = "hold"
domains = ["ask.test"]
text = "ask first"
"""
CANONICAL = "ann@demo.test demo@demo.test\n@former.test @out.test\n"
GENERIC = "demo@demo.test\n  me@isp.test\n"


class Outside(msgspec.Struct, frozen=True):
    """A server, and the one that it sends to."""

    server: Instance
    peer: ScriptedPeer

    def submit(self, sender: str, to: str, header: str) -> None:
        """From this machine, which is trusted."""
        with smtplib.SMTP("127.0.0.1", self.server.ports["smtp"], timeout=20) as client:
            client.sendmail(sender, [to], f"{header}\r\n\r\nx\r\n")

    def life(self, address: str) -> str:
        """As far as it was written down by now."""
        try:
            return self.server.command("track", address).stdout
        except RuntimeError:
            return ""

    def mail(self, subject: str) -> email.message.Message:
        """In the mailbox, within 10 s."""
        self.server.wait_until(lambda: self._called(subject), 10, f"the message {subject}")
        return self._called(subject)[0]

    def _called(self, subject: str) -> list[email.message.Message]:
        all_mail = [email.message_from_bytes(path.read_bytes()) for path in self.server.mail()]
        return [message for message in all_mail if message["Subject"] == subject]


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    server = Instance(tmp_path_factory.mktemp("rewriting") / "server")
    peer = ScriptedPeer()
    with peer.serve() as port:
        write(server.folder / "canonical", CANONICAL)
        write(server.folder / "generic", GENERIC)
        server.set("rewriting", "canonical", '"canonical"')
        server.set("rewriting", "generic", '"generic"')
        server.set("rewriting", "masquerade", '["demo.test"]')
        server.edit(lambda text: text + CONFIG.format(port=port))
        server.edit(lambda text: text.replace("trusted_networks = []", 'trusted_networks = ["host"]'))
        with running(server):
            yield Outside(server, peer)


def write(path: Path, text: str) -> None:
    """Some time ago."""
    path.write_text(text)
    os.utime(path, (time.time() - 60,) * 2)


def test_what_comes_in_is_found_under_canonical_addresses(outside: Outside) -> None:
    outside.submit("bob@pc7.demo.test", "ann@demo.test", "From: bob@pc7.demo.test\r\nTo: ann@demo.test\r\nSubject: in")
    message = outside.mail("in")
    assert message["Return-Path"] == "<bob@demo.test>"
    assert (message["From"], message["To"]) == ("bob@demo.test", "demo@demo.test")
    outside.server.wait_until(lambda: "rewritten" in outside.life("ann@demo.test"), 10, "its life")
    assert "<bob@pc7.demo.test> becomes <bob@demo.test>" in outside.life("bob@pc7.demo.test")


def test_what_goes_out_has_addresses_that_are_known_outside(outside: Outside) -> None:
    before = len(outside.peer.messages)
    outside.submit("ann@demo.test", "x@former.test", "From: Ann <ann@demo.test>\r\nTo: x@former.test\r\nSubject: out")
    outside.server.wait_until(lambda: len(outside.peer.messages) > before, 20, "the message")
    sent = outside.peer.messages[-1]
    assert sent.sender.startswith("<me@isp.test>")
    assert sent.recipients[0].startswith("<x@out.test>")
    message = email.message_from_bytes(sent.octets)
    assert (message["From"], message["To"]) == ("Ann <me@isp.test>", "x@out.test")


def test_mail_of_programs_is_rewritten_too(outside: Outside) -> None:
    before = len(outside.peer.messages)
    program = os.path.join(os.path.dirname(sys.executable), "mailsuite")
    subprocess.run(
        [program, "sendmail", "-C", str(outside.server.config), "-f", "ann@demo.test", "y@out.test"],
        input=b"From: ann@demo.test\nSubject: program\n\nx\n",
        check=True,
        timeout=60,
    )
    outside.server.wait_until(lambda: len(outside.peer.messages) > before, 20, "the message")
    assert outside.peer.messages[-1].sender.startswith("<me@isp.test>")
    assert b"\r\nFrom: me@isp.test\r\n" in b"\r\n" + outside.peer.messages[-1].octets


def test_a_table_that_changes_needs_no_restart(outside: Outside) -> None:
    write(outside.server.folder / "canonical", CANONICAL + "new@demo.test demo@demo.test\n")
    time.sleep(1.1)
    outside.submit("bob@out.test", "new@demo.test", "To: new@demo.test\r\nSubject: new")
    assert outside.mail("new")["To"] == "demo@demo.test"


def test_what_the_table_keeps_waits_for_its_release(outside: Outside) -> None:
    outside.submit("demo@demo.test", "z@ask.test", "Subject: ask")
    why = ""
    until = time.monotonic() + 20
    while "held" not in why and time.monotonic() < until:
        why = outside.server.command("queue", "why").stdout
    assert "kept on hold: ask first" in why
    outside.server.command("queue", "drop", "--all")
