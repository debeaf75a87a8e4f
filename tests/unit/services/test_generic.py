"""Mail leaves under addresses that the other side knows; what is known here stays."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import fail
from twisted.internet.task import Clock

from mailsuite.config.load import parse
from mailsuite.directory.address_map import AddressMap
from mailsuite.directory.address_map import parse as parse_map
from mailsuite.errors import Temporary
from mailsuite.model import Address, Delayed, Delivered, Envelope, Failed, Hop, Outcome, Recipient
from mailsuite.net.smtp_client import Courier
from mailsuite.net.smtp_client_settings import CourierSettings
from mailsuite.offload import Inline
from mailsuite.services import relay
from mailsuite.services.generic import GenericCourier
from mailsuite.testing.memory_body import MemoryBody
from mailsuite.testing.network import MemoryNetwork
from mailsuite.testing.peer import ScriptedPeer
from mailsuite.testing.results import result_of
from mailsuite.testing.tls import ReadyTLS

TABLE = "ann@pc.lan ann@isp.test\n@lan  all@isp.test\n"
HOP = Hop("mx.test", ("192.0.2.1",))
MESSAGE = b"From: Ann <ann@pc.lan>\r\nTo: root@lan, x@x.test\r\n\r\nFrom: ann@pc.lan\r\n"
ANN, ROOT, BOB = Address("ann", "pc.lan"), Address("root", "lan"), Address("bob", "b.test")


class World:
    def __init__(self, known: Any = None, **script: Any) -> None:
        self.peer = ScriptedPeer(script)
        network = self.network = MemoryNetwork({"192.0.2.1:25": self.peer})
        table = parse_map(TABLE, "/generic", ["pc.lan"], generic=True) if known is None else known
        beyond = Courier(CourierSettings("us.test"), network.endpoint, ReadyTLS(), Clock(), Inline())
        self.courier = GenericCourier(lambda: table, beyond)

    def send(self, *recipients: Recipient, message: bytes = MESSAGE, sender: Address = ANN) -> list[Outcome]:
        answer = self.courier.deliver(HOP, Envelope("m", sender, recipients, 0.0), recipients, MemoryBody(message))
        self.network.settle()
        return list(result_of(answer))


def test_envelope_and_header_leave_under_other_addresses_and_outcomes_have_ours() -> None:
    world = World()
    outcomes = world.send(Recipient(ROOT), Recipient(BOB))
    assert [(type(one), one.recipient) for one in outcomes] == [(Delivered, ROOT), (Delivered, BOB)]
    (received,) = world.peer.messages
    assert received.recipients == ("<all@isp.test>", "<bob@b.test>")
    assert received.sender == f"<ann@isp.test> SIZE={len(received.octets)}"
    assert received.octets == b"From: Ann <ann@isp.test>\r\nTo: all@isp.test, x@x.test\r\n\r\nFrom: ann@pc.lan\r\n"


def test_a_return_path_of_its_own_is_exchanged_too() -> None:
    world = World()
    world.send(Recipient(BOB, return_path=Address("list+bob=b.test", "lan")))
    assert world.peer.messages[0].sender.startswith("<all@isp.test>")


def test_what_no_entry_is_about_is_the_same_message() -> None:
    world = World()
    world.send(Recipient(BOB), message=b"From: x@x.test\r\n\r\n", sender=Address("x", "x.test"))
    assert world.peer.messages[0].octets == b"From: x@x.test\r\n\r\n"


def test_a_refusal_is_about_the_address_that_is_known_here() -> None:
    (outcome,) = World(RCPT="550 5.1.1 <all@isp.test> who?").send(Recipient(ROOT))
    assert isinstance(outcome, Failed)
    assert outcome.recipient == ROOT


def test_while_the_table_cannot_be_read_mail_waits() -> None:
    (outcome,) = World(fail(Temporary("/generic: gone"))).send(Recipient(BOB))
    assert isinstance(outcome, Delayed)
    assert (outcome.recipient, outcome.text) == (BOB, "/generic: gone")


CONFIG = """\
hostname = "mx.a.test"
[[listener]]
service = "smtp"
address = "127.0.0.1"
port = 2025
[[transport]]
way = "lmtp"
host = "192.0.2.1"
domains = ["inner.test"]
[[transport]]
way = "host"
host = "192.0.2.1"
domains = ["gate.test"]
"""


@pytest.mark.parametrize("name", ["", "transport 0", "transport 1"])
def test_all_that_speaks_smtp_has_it(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Also a smarthost and hosts of the transport table; by LMTP mail goes to what is ours."""
    asked: list[AddressMap] = []

    def table() -> AddressMap:
        asked.append(parse_map(TABLE, "/generic", ["pc.lan"]))
        return asked[-1]

    peer = ScriptedPeer({})
    network = MemoryNetwork({"192.0.2.1:25": peer})
    monkeypatch.setattr(relay, "tcp_endpoints", lambda *_: network.endpoint)
    couriers = relay.courier(parse(CONFIG, "/m.toml"), ReadyTLS(), Clock(), Inline(), table)
    hop = Hop("mx.test", ("192.0.2.1",), transport=name)
    recipients = (Recipient(BOB),)
    answer = couriers.deliver(hop, Envelope("m", ANN, recipients, 0.0), recipients, MemoryBody(MESSAGE))
    network.settle()
    result_of(answer)
    assert peer.messages[0].sender.startswith("<ann@pc.lan>" if name == "transport 0" else "<ann@isp.test>")
    couriers.close()
