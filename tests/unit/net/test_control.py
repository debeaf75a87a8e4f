"""Orders to the queue of a running server, line by line."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest
from twisted.internet.defer import fail, succeed
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from mailsuite.happenings import Happening, Steered
from mailsuite.model import Address, Envelope, Ordered, Recipient
from mailsuite.net.control import PAGE, REASONS, REQUEST_LIMIT, WORDS, ControlFactory, Orders, listen
from mailsuite.net.sessions import Described, Overview
from mailsuite.net.socket_path import PATH_LIMIT, short_path
from mailsuite.testing.memory_store import MemoryStores
from mailsuite.testing.queue import MemoryQueue
from mailsuite.testing.quotas import MemoryQuotas
from mailsuite.testing.results import result_of
from mailsuite.testing.stages import ReactorThread


class World:
    listens = True

    def __init__(self) -> None:
        self.told: list[Happening] = []
        self.clock = Clock()
        self.queue = MemoryQueue(self.clock)
        stores = MemoryStores()
        result_of(stores.open("ann@a.test"))
        self.quotas = MemoryQuotas(stores)
        for id in ("m1", "m2"):
            self.add(id)
        self.protocol = ControlFactory(self.queue, self.quotas, self.look, self.clock, self).buildProtocol(None)
        self.transport = StringTransport()
        self.protocol.makeConnection(self.transport)

    def look(self) -> Overview:
        return Overview((Described("imap", "192.0.2.1:4000", "ann@a.test", "", 1.0, 2.0),), {"limits.connections": 3})

    def add(self, id: str) -> None:
        envelope = Envelope(id, Address("al", "a.test"), (Recipient(Address("bob", "b.test")),), 0.0)
        self.queue.add(envelope, b"x\r\n")

    def happened(self, what: Happening) -> None:
        self.told.append(what)

    def ask(self, line: bytes) -> list[dict[str, object]]:
        self.transport.clear()
        self.protocol.dataReceived(line)
        return [json.loads(one) for one in self.transport.value().splitlines()]

    def ordered(self, which: str, order: str, more: str = "") -> dict[str, object]:
        (answer,) = self.ask(f'{{"do":"order","which":{which},"order":{{"type":"{order}"{more}}}}}\n'.encode())
        return answer["result"]  # type: ignore[return-value]

    def listed(self) -> list[str]:
        return [queued.envelope.id for queued in result_of(self.queue.list())]


@pytest.fixture
def world() -> World:
    return World()


def test_list(world: World) -> None:
    (answer,) = world.ask(b'{"do":"list"}\n')
    assert (answer["answer"], answer["left"]) == ("page", 0)
    assert [one["envelope"]["id"] for one in answer["messages"]] == ["m1", "m2"]  # type: ignore[attr-defined]
    (answer,) = world.ask(b'{"do":"list","which":{"ids":["m2"]}}\n')
    assert [one["envelope"]["id"] for one in answer["messages"]] == ["m2"]  # type: ignore[attr-defined]


def test_look_tells_of_sessions_and_limits(world: World) -> None:
    (answer,) = world.ask(b'{"do":"look"}\n')
    (session,) = answer["result"]["sessions"]  # type: ignore[index]
    assert session == {
        "service": "imap", "peer": "192.0.2.1:4000", "account": "ann@a.test", "tls": "", "since": 1.0, "moved": 2.0,
    }  # fmt: skip
    assert answer["result"]["hits"] == {"limits.connections": 3}  # type: ignore[index]


def test_a_long_list_comes_in_pages_as_it_was_when_it_was_asked_for(world: World) -> None:
    for n in range(3, 2 * PAGE + 2):
        world.add(f"m{n}")
    (page,) = world.ask(b'{"do":"list"}\n')
    assert (len(page["messages"]), page["left"]) == (PAGE, PAGE + 1)  # type: ignore[arg-type]
    world.ordered("{}", "Drop")
    pages = world.ask(b'{"do":"more"}\n{"do":"more"}\n{"do":"more"}\n')
    assert [(len(page["messages"]), page["left"]) for page in pages] == [(PAGE, 1), (1, 0), (0, 0)]  # type: ignore[arg-type]
    ids = [one["envelope"]["id"] for one in (page, *pages) for one in one["messages"]]  # type: ignore[attr-defined]
    assert sorted(ids) == sorted(f"m{n}" for n in range(1, 2 * PAGE + 2))


def test_kick_tells_which(world: World) -> None:
    assert world.ordered("{}", "Kick") == {"done": ["m1", "m2"], "failed": {}}
    assert world.ordered('{"ids":["m2","m9"]}', "Kick") == {"done": ["m2"], "failed": {}}


def test_changes_tell_to_whom(world: World) -> None:
    assert world.ordered('{"ids":["m1"]}', "Drop")["done"] == ["m1"]
    assert world.ordered('{"domain":"b.test"}', "Hold")["done"] == ["m2"]
    (left,) = result_of(world.queue.list())
    assert left.held
    world.ordered("{}", "Release")
    world.ordered("{}", "Reroute", ',"via":"mx9.test:26"')
    world.ordered("{}", "Bounce", ',"words":"no"')
    (left,) = result_of(world.queue.list())
    assert (left.held, left.via, left.returned) == (False, "mx9.test:26", "no")
    (answer,) = world.ask(b'{"do":"order","which":{},"order":{"type":"Reroute","via":"a b"}}\n')
    assert answer["answer"] == "refused"


def test_what_is_ordered_is_told_of_each_message(world: World) -> None:
    world.ordered('{"ids":["m1","m2","m9"]}', "Hold")
    world.ordered('{"ids":["m1"]}', "Reroute", ',"via":"mx9.test:26"')
    world.ordered('{"ids":["m1"]}', "Reroute", ',"via":""')
    world.ordered('{"ids":["m1"]}', "Release")
    world.ordered('{"ids":["m1"]}', "Kick")
    world.ordered('{"ids":["m2"]}', "Kick")  # which is held
    world.ordered('{"ids":["m1"]}', "Bounce", ',"words":"no"')
    world.ordered('{"ids":["m2"]}', "Drop")
    assert [(one.id, one.order, one.words) for one in world.told if isinstance(one, Steered)] == [
        ("m1", "hold", ""),
        ("m2", "hold", ""),
        ("m1", "reroute", "mx9.test:26"),
        ("m1", "reroute", ""),
        ("m1", "release", ""),
        ("m1", "kick", ""),
        ("m1", "bounce", "no"),
        ("m2", "drop", ""),
    ]


def test_orders_are_logged_in_plain_words(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[object] = []
    log = SimpleNamespace(info=lambda text, **values: said.append(values["what"]))
    monkeypatch.setattr(Orders, "log", log)
    for line in (
        ("{}", "Kick"),
        ('{"ids":["m1","m2"]}', "Kick"),
        ('{"ids":["m1"]}', "Hold"),
        ('{"sender":"<>","older":60}', "Release"),
        ('{"ids":["m1"]}', "Reroute", ',"via":"mx9.test"'),
        ('{"ids":["m1"]}', "Drop"),
        (json.dumps({"ids": [f"n{number}" for number in range(25)]}), "Hold"),
        ('{"error":"\\u001b[2J\\nx"}', "Hold"),
        (json.dumps({"error": "x" * 5000}), "Hold"),
    ):
        world.ordered(*line)
    assert len(str(said.pop())) == WORDS
    assert said == [
        "kick everything",
        "kick ids=m1,m2",
        "hold ids=m1",
        "release sender=<> older=60.0",
        "reroute ids=m1 via mx9.test",
        "drop ids=m1",
        "hold ids=" + ",".join(f"n{number}" for number in range(20)) + " and 5 more",
        "hold error=?[2J?x",
    ]


def test_what_was_not_done_is_logged_by_reason(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[object] = []
    log = SimpleNamespace(
        info=lambda *_, **__: None, error=lambda text, **values: said.append((values["count"], values["why"]))
    )
    monkeypatch.setattr(Orders, "log", log)
    failed = {f"m{number}": f"no {number}" for number in range(REASONS)} | {"x1": "full", "x2": "full"}
    monkeypatch.setattr(world.queue, "order", lambda which, order: succeed(Ordered(("m9",), failed)))
    assert world.ordered("{}", "Hold") == {"done": ["m9"], "failed": failed}
    assert said[:2] == [(2, "full"), (1, "no 0")]
    assert len(said) == REASONS


@pytest.mark.parametrize(
    "line",
    [
        b'{"do":"order","which":{},"order":7}',
        b'{"do":"format"}',
        b"hello",
        b"",
        b"\xff",
        b"[" * 10_000,
        b'{"do":"order"}',
    ],
)
def test_what_cannot_be_done_is_refused_and_the_next_line_read(world: World, line: bytes) -> None:
    refused, done = world.ask(line + b'\n{"do":"list"}\n')
    assert refused["answer"] == "refused"
    assert done["answer"] == "page"


def test_a_line_without_end_is_refused(world: World) -> None:
    world.ask(b"x" * REQUEST_LIMIT)
    assert world.protocol.core.buffered < 10
    refused, done = world.ask(b"x\n" + b'{"do":"list"}\n')
    assert refused["error"] == f"not a request: longer than the limit, which is {REQUEST_LIMIT:,} octets"
    assert done["answer"] == "page"


def test_a_fault_is_told_in_general_words(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.queue, "list", lambda which: fail(ZeroDivisionError("secret")))
    monkeypatch.setattr(type(world.protocol).log, "failure", lambda *args, **kwargs: None)
    (answer,) = world.ask(b'{"do":"list"}\n')
    assert answer["answer"] == "refused"
    assert "secret" not in str(answer)


@pytest.mark.parametrize("deep", [False, True])
def test_the_socket_is_the_owners_and_one_left_behind_is_replaced(
    tmp_path: Path, deep: bool, reactor_thread: ReactorThread
) -> None:
    folder = tmp_path / ("d" * 120 if deep else "d")
    folder.mkdir()
    path = folder / "control"
    assert (len(os.fsencode(str(path))) > PATH_LIMIT) is deep
    path.write_bytes(b"left by a crash")
    reactor = reactor_thread.reactor
    quotas = MemoryQuotas(MemoryStores())
    port = reactor_thread.call(listen, str(path), MemoryQueue(reactor), quotas, lambda: Overview((), {}), reactor)
    assert path.stat().st_mode & 0o777 == 0o600
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(short_path(str(path)))
        client.sendall(b'{"do":"list"}\n')
        assert client.recv(1000) == b'{"answer":"page","messages":[],"left":0}\n'
    reactor_thread.call(port.stopListening)
    assert not path.exists()


def test_what_an_account_keeps_is_told() -> None:
    world = World()
    (answer,) = world.ask(b'{"do": "usage", "account": "ann@a.test"}\n')
    assert (answer["answer"], answer["result"]["octets_limit"]) == ("done", 0)  # type: ignore[index]
    (answer,) = world.ask(b'{"do": "usage", "account": "eve@a.test"}\n')
    assert answer == {"answer": "refused", "error": "there is no account eve@a.test"}
