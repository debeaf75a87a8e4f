"""Next hops that misbehave on purpose: Postfix's smtp-sink at each command, and Postfix with limits and grey lists.

What the first attempt comes to (the words of tests/unit/net/test_smtp_client_failures.py): ``taken``, ``never`` (the
sender was told), ``later`` and ``said`` (delayed), ``unsure`` (it may come twice).  Then the hosts behave, and an order
to try again brings everything that was delayed.
"""

from __future__ import annotations

import contextlib
import json
import re
import smtplib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from peers import Postfix, require_root
from senders import listener
from sinks import Sink, free_port

from mailsuite.smtp.client_outcomes import MAYBE_TAKEN
from mailsuite.testing.dns import DNSServer
from mailsuite.testing.foreign import open_folder
from mailsuite.testing.instance import Instance, running

BODY = b"Subject: hello\r\n\r\n" + b"a line of it\r\n.\r\n..\r\n" * 2000
#: smtp-sink's options: -q hangs up, -Q says 421 and hangs up, -r says 450, -f says 500.
CASES = {
    "-q CONNECT": "later",
    "-Q CONNECT": "later",
    "-r CONNECT": "later",
    "-f CONNECT": "later",
    "-q EHLO": "later",
    "-Q EHLO": "later",
    "-r EHLO": "later",
    "-f EHLO": "taken",  # with HELO
    "-q MAIL": "later",
    "-Q MAIL": "later",
    "-r MAIL": "said",
    "-f MAIL": "never",
    "-q RCPT": "later",
    "-Q RCPT": "later",
    "-r RCPT": "said",
    "-f RCPT": "never",
    "-q DATA": "later",
    "-Q DATA": "later",
    "-r DATA": "said",
    "-f DATA": "never",
    "-q .": "unsure",
    "-Q .": "later",
    "-r .": "said",
    "-f .": "never",
    "-q QUIT": "taken",
    "-Q QUIT": "taken",
    "-r QUIT": "taken",
    "-f QUIT": "taken",
    "-A 0": "never",  # 550 in the middle of the message, and no more is read
    "-A 1": "never",
    "-H 2": "taken",  # reads the message late
    "-w 1": "taken",
    "-p -W RCPT:1": "taken",
    "-e": "taken",
    "-p": "taken",
    "-P": "taken",  # as behind a CISCO PIX
    "-8 -E -N": "taken",
}
#: Of those that are delayed or refused, where smtp-sink has dumped the message before it answered.
DUMPED = {"-q .", "-Q .", "-r .", "-f ."}


class Fleet:
    """A server, and hosts d0.test ... each on an address of its own."""

    def __init__(self, instance: Instance, sinks: list[Sink]) -> None:
        self.instance = instance
        self.sinks = sinks

    def waiting(self) -> dict[str, dict[str, Any]]:
        """By address."""
        listed = json.loads(self.instance.command("queue", "list", "--json").stdout)
        return {entry["address"]: entry for message in listed for entry in message["recipients"]}

    def send(self) -> None:
        with smtplib.SMTP("127.0.0.1", self.instance.ports["smtp"], timeout=20) as client:
            for number in range(len(self.sinks)):
                client.sendmail(self.instance.account, [f"u@d{number}.test"], BODY)

    def returned(self) -> set[str]:
        """Who failed, as the sender's mailbox says."""
        notices = [path.read_bytes() for path in self.instance.delivered()]
        return {found[1].decode() for one in notices if (found := re.search(rb"Final-Recipient: rfc822; (\S+)", one))}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, program: Callable[[str], str]) -> Iterator[Fleet]:
    path = program("smtp-sink")
    addresses = [f"127.0.1.{number + 1}" for number in range(len(CASES))]
    port = free_port(addresses)
    zone = {f"d{number}.test": {"MX": [f"10 mx.d{number}.test"]} for number in range(len(CASES))}
    zone |= {f"mx.d{number}.test": {"A": [address]} for number, address in enumerate(addresses)}
    with open_folder("mailsuite-peer-") as here, DNSServer(zone) as dns:
        instance = Instance(tmp_path_factory.mktemp("awkward") / "server")
        instance.route_by(dns.port, port)
        with running(instance):
            yield Fleet(instance, [Sink(path, address, port, here) for address in addresses])


@pytest.fixture(scope="module")
def first(fleet: Fleet) -> dict[str, dict[str, Any]]:
    """What waits after the first attempt at all of them."""
    with contextlib.ExitStack() as stack:
        for sink, options in zip(fleet.sinks, CASES, strict=True):
            stack.enter_context(sink.running(*options.split()))
        fleet.send()

        def decided() -> bool:
            return all(entry["attempts"] for entry in fleet.waiting().values())

        fleet.instance.wait_until(decided, 30, "an attempt at each host")
        return fleet.waiting()


@pytest.mark.parametrize(("options", "fate"), CASES.items())
def test_what_the_first_attempt_comes_to(
    fleet: Fleet, first: dict[str, dict[str, Any]], options: str, fate: str
) -> None:
    number = list(CASES).index(options)
    address, taken = f"u@d{number}.test", fleet.sinks[number].taken
    assert (address in fleet.returned()) == (fate == "never")
    assert (address in first) == (fate in ("later", "said", "unsure"))
    assert len(taken) == (1 if fate == "taken" or options in DUMPED else 0)
    assert all(file.replace(b"\r\n", b"\n").endswith(BODY.replace(b"\r\n", b"\n") + b"\n") for file in taken)
    if address in first:
        words = first[address]["last_text"]
        assert (MAYBE_TAKEN in words) == (fate == "unsure")
        assert first[address]["last_status"].startswith("4.3." if fate == "said" else "4.4.")
        assert words.startswith(f"mx.d{number}.test")
        assert 200 < first[address]["due"] - fleet.instance.config.stat().st_mtime < 600


def test_what_was_delayed_arrives_when_the_hosts_behave(fleet: Fleet, first: dict[str, dict[str, Any]]) -> None:
    before = [len(sink.taken) for sink in fleet.sinks]
    with contextlib.ExitStack() as stack:
        for sink in fleet.sinks:
            stack.enter_context(sink.running())
        fleet.instance.command("queue", "kick")
        fleet.instance.wait_until(lambda: not fleet.waiting(), 30, "an empty queue")
    came = [len(sink.taken) - count for sink, count in zip(fleet.sinks, before, strict=True)]
    assert came == [1 if f"u@d{number}.test" in first else 0 for number in range(len(CASES))]


# -- Postfix that has limits ---------------------------------------------------------------------------------------

LIMITED = """
smtpd_recipient_limit = 3
message_size_limit = 100000
smtpd_discard_ehlo_keywords = size
virtual_mailbox_maps = static:box/
smtpd_recipient_restrictions = check_recipient_access inline:{ { grey@postfix.test = 450 4.7.1 come again }
  { black@postfix.test = 554 5.7.1 not for you } }, permit_mynetworks, reject
"""


def test_postfix_that_takes_few_recipients_and_small_messages(
    tmp_path_factory: pytest.TempPathFactory, program: Callable[[str], str]
) -> None:
    """The others need not wait for the next attempt (RFC 5321 §4.5.3.1.10); who is refused harms nobody."""
    program("postfix")
    require_root()
    zone = {"postfix.test": {"MX": ["10 mx.postfix.test"]}, "mx.postfix.test": {"A": ["127.0.0.1"]}}
    with open_folder("mailsuite-peer-") as here, DNSServer(zone) as dns:
        instance = Instance(tmp_path_factory.mktemp("limited") / "server")
        listener(instance, "lmtp", service='"lmtp"', tls='"starttls"')
        peer, fleet = Postfix(here, instance), Fleet(instance, [])
        with (here / "etc/main.cf").open("a") as main:
            main.write(LIMITED)
        instance.route_by(dns.port, peer.port)
        with running(instance), peer.running():
            everyone = ["grey", "black", *(f"u{number}" for number in range(10))]
            with smtplib.SMTP("127.0.0.1", instance.ports["smtp"], timeout=20) as client:
                client.sendmail(instance.account, [f"{name}@postfix.test" for name in everyone], BODY)
                client.sendmail(instance.account, ["u@postfix.test"], BODY * 4)
            instance.wait_until(lambda: len(fleet.returned()) == 2 and len(peer.delivered()) == 10, 20, "all of it")
            assert fleet.returned() == {"black@postfix.test", "u@postfix.test"}
            assert {address: entry["last_status"] for address, entry in fleet.waiting().items()} == {
                "grey@postfix.test": "4.7.1"
            }
            assert "improper command pipelining" not in peer.log()
