"""Forwarding, lists, a backup MX, a schedule and notices, as the configuration of a running server has them."""

from __future__ import annotations

import os
import smtplib
from collections.abc import Iterator

import msgspec
import pytest

from mailsuite.testing.instance import Instance, running
from mailsuite.testing.peer import PROPER, Received, ScriptedPeer

CONFIG = """
[[transport]]
way = "host"
host = "127.0.0.1"
port = {port}

[[backup]]
domains = ["inner.test"]
recipients = "inner"

[[schedule]]
domains = ["grey.test"]
waits = [0.5]
"""


class Outside(msgspec.Struct, frozen=True):
    """A server, and the one that it sends to."""

    server: Instance
    peer: ScriptedPeer

    def refused(self, sender: str, *recipients: str) -> dict[str, tuple[int, bytes]]:
        """What it says to whom it does not take mail for."""
        with smtplib.SMTP("127.0.0.1", self.server.ports["smtp"], timeout=20) as client:
            return client.sendmail(sender, recipients, b"Subject: x\r\n\r\ny\r\n")

    def came(self, count: int) -> list[Received]:
        """As many as came since the last time."""
        self.server.wait_until(lambda: len(self.peer.messages) >= count, 20, f"{count} messages")
        found = list(self.peer.messages)
        self.peer.messages.clear()
        assert len(found) == count
        return found


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    server = Instance(tmp_path_factory.mktemp("paths") / "server")
    peer = ScriptedPeer({"RCPT u@grey.test": ["450 4.2.0 greylisted", PROPER], "RCPT no@out.test": "550 5.1.1 no"})
    secret = server.folder / "secret"
    secret.write_text("a secret of more than 16\n")
    os.chmod(secret, 0o600)
    (server.folder / "inner").write_text("ann@inner.test\n")
    with peer.serve() as port:
        server.set("srs", "domain", '"demo.test"')
        server.set("srs", "secret_file", '"secret"')
        server.set("notices", "whole_message", "10")
        server.set("verp", "senders", '["list@demo.test"]')
        server.edit(lambda text: text + CONFIG.format(port=port))
        server.edit(lambda text: text.replace("trusted_networks = []", 'trusted_networks = ["host"]'))
        server.command("alias", "add", "away@demo.test", "x@out.test")
        with running(server):
            yield Outside(server, peer)


def test_what_is_forwarded_has_a_return_path_by_which_bounces_find_their_way(outside: Outside) -> None:
    outside.refused("ann@b.test", "away@demo.test")
    (sent,) = outside.came(1)
    path = sent.sender.partition(">")[0].removeprefix("<")
    assert path.startswith("SRS0=")
    assert path.endswith("=b.test=ann@demo.test")
    outside.refused("", path)
    (bounce,) = outside.came(1)
    assert bounce.recipients[0].startswith("<ann@b.test>")


def test_each_recipient_of_a_list_has_a_return_path_of_its_own(outside: Outside) -> None:
    outside.refused("list@demo.test", "ann@b.test", "bob@b.test")
    assert {one.sender.partition(">")[0] for one in outside.came(2)} == {
        "<list+ann=b.test@demo.test",
        "<list+bob=b.test@demo.test",
    }


def test_a_backup_takes_mail_for_whoever_stands_in_the_file(outside: Outside) -> None:
    refused = outside.refused("ann@b.test", "ann@inner.test", "eve@inner.test")
    assert {whom: (code, words[:5]) for whom, (code, words) in refused.items()} == {"eve@inner.test": (550, b"5.1.1")}
    assert outside.came(1)[0].recipients[0].startswith("<ann@inner.test>")


def test_what_is_greylisted_comes_again_by_its_own_schedule(outside: Outside) -> None:
    outside.refused("ann@b.test", "u@grey.test")
    assert outside.came(1)[0].recipients[0].startswith("<u@grey.test>")


def test_no_more_of_a_message_is_returned_than_the_settings_allow(outside: Outside) -> None:
    server = outside.server
    with smtplib.SMTP("127.0.0.1", server.ports["smtp"], timeout=20) as client:
        client.sendmail(server.account, ["no@out.test"], b"Subject: x\r\n\r\ny\r\n", mail_options=["RET=FULL"])
    server.wait_until(server.mail, 20, "the notice")
    (notice,) = [path.read_text() for path in server.mail()]
    assert "Final-Recipient: rfc822; no@out.test" in notice
    assert "text/rfc822-headers" in notice
