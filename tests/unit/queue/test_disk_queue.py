"""The queue on disk across restarts, broken files and failing disks."""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from mailsuite.disk.placement import place, place_all
from mailsuite.disk.real import RealDisk
from mailsuite.disk.spool import Content
from mailsuite.errors import Corrupt, InvalidName, NotFound, Temporary
from mailsuite.interfaces import IDisk
from mailsuite.model import (
    EVERYTHING,
    Address,
    BodyType,
    Bounce,
    Delayed,
    Delivered,
    Envelope,
    Hold,
    Kick,
    Pending,
    Recipient,
    Release,
    Reroute,
    Selection,
    Status,
)
from mailsuite.offload import Inline
from mailsuite.queue.disk import DiskQueue
from mailsuite.queue.file import Head, State, decode_head, decode_state, encode_head, encode_state
from mailsuite.queue.schedule import HOUR, Schedule
from mailsuite.testing.disk import MemoryDisk
from mailsuite.testing.queue import order
from mailsuite.testing.results import failure_of, result_of

NOW = 1_700_000_000.0
BOB, EVE = Address("bob", "b.test"), Address("eve", "c.test")
LF = b"Subject: hello\n\nbye\n"


class Server:
    """One process after another on the same folder; nothing is said to a queue when the next one starts."""

    def __init__(self, root: str, disk: IDisk) -> None:
        self.root = root
        self.disk = disk
        self.clock = Clock()
        self.clock.advance(NOW)
        self.start()

    def start(self) -> None:
        self.queue = DiskQueue(
            self.root, self.disk, Inline(), self.clock, Schedule(waits=(HOUR,), jitter=0.0), random.Random(1)
        )
        self.loaded = result_of(self.queue.load())

    def add(self, id: str, *recipients: Address, data: bytes = LF, head: bytes = b"Received: by us\r\n") -> None:
        envelope = Envelope(id, Address("al", "a.test"), tuple(map(Recipient, recipients or (BOB,))), NOW)
        content = Content(data, "", len(data), len(data) + data.count(b"\n"))
        placement = self.queue.placement(envelope, head, content)
        place(self.disk, [placement])
        self.queue.arrived(placement)

    def lease(self) -> list[str]:
        return [queued.envelope.id for queued in result_of(self.queue.lease(100))]

    def pending(self, id: str) -> list[Address]:
        (queued,) = [one for one in result_of(self.queue.list()) if one.envelope.id == id]
        return [entry.recipient.address for entry in queued.pending]


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(str(tmp_path / "queue"), RealDisk())


@pytest.fixture
def memory() -> Server:
    return Server("/queue", MemoryDisk())


@pytest.fixture
def logged() -> Iterator[list[str]]:
    lines: list[str] = []

    def note(event: dict[str, object]) -> None:
        lines.append(str(event.get("problem", "")))

    globalLogPublisher.addObserver(note)
    yield lines
    globalLogPublisher.removeObserver(note)


def delayed(address: Address) -> Delayed:
    return Delayed(address, Status(4, 2, 1), "try later", "mx.b.test")


def test_a_message_survives_the_process(server: Server) -> None:
    server.add("m1", BOB, EVE)
    server.start()
    assert server.loaded == 1
    (queued,) = result_of(server.queue.lease(10))
    assert [entry.recipient.address for entry in queued.pending] == [BOB, EVE]
    body = result_of(server.queue.body("m1"))
    assert result_of(body.read_at(0, 1000)) == b"Received: by us\r\nSubject: hello\r\n\r\nbye\r\n"
    assert queued.size == body.size == 40


def test_a_lease_does_not_survive_the_process(server: Server) -> None:
    server.add("m1")
    assert server.lease() == ["m1"]
    server.start()
    assert server.lease() == ["m1"]


def test_orders_survive_the_process(server: Server) -> None:
    for id in ("m1", "m2", "m3"):
        server.add(id)
    result_of(order(server.queue, "m1", Hold()))
    result_of(order(server.queue, "m2", Bounce("go away")))
    result_of(order(server.queue, "m3", Reroute("mx9.test")))
    server.start()
    assert [(one.held, one.returned, one.via) for one in result_of(server.queue.list())] == [
        (True, "", ""),
        (False, "go away", ""),
        (False, "", "mx9.test"),
    ]


def test_results_survive_the_process(server: Server) -> None:
    server.add("m1", BOB, EVE)
    server.lease()
    result_of(server.queue.settle("m1", [Delivered(BOB, "mx", "250"), delayed(EVE)]))
    server.start()
    server.start()
    assert server.pending("m1") == [EVE]
    assert server.lease() == []
    assert server.queue.when_due() == NOW + HOUR
    (queued,) = result_of(server.queue.list())
    assert queued.pending[0].last_text == "try later"
    assert queued.attempts == 1


def test_what_was_delivered_is_not_there_at_the_next_start(server: Server) -> None:
    server.add("m1")
    server.lease()
    result_of(server.queue.settle("m1", [Delivered(BOB, "mx", "250")]))
    server.start()
    assert server.loaded == 0
    assert list(Path(server.root).glob("*/m1")) == []


def test_hold_and_flush_survive_the_process(server: Server) -> None:
    for id in ("m1", "m2"):
        server.add(id)
        server.lease()
        result_of(server.queue.settle(id, [delayed(BOB)]))
    result_of(server.queue.order(Selection(ids=("m2",)), Kick()))
    result_of(order(server.queue, "m1", Hold()))
    server.start()
    assert server.lease() == ["m2"]
    result_of(server.queue.order(EVERYTHING, Kick()))
    assert server.lease() == []


def test_what_a_rule_keeps_on_hold_and_its_release_survive_the_process(server: Server) -> None:
    server.add("m1", BOB, EVE)
    server.lease()
    result_of(server.queue.settle("m1", [], kept={BOB: "ask first", EVE: "ask first"}))
    server.start()
    assert server.lease() == []
    (queued,) = result_of(server.queue.list())
    assert [entry.last_text for entry in queued.pending] == ["ask first"] * 2
    result_of(order(server.queue, "m1", Release()))
    server.start()
    (queued,) = result_of(server.queue.lease(10))
    assert (queued.held, queued.released) == (False, True)


def test_the_file_of_a_message_can_be_read_by_a_person(server: Server) -> None:
    server.add("m1", BOB)
    text = (Path(server.root) / "messages" / "m1").read_bytes()
    head, _, message = text.partition(b"\n\n")
    recipient = json.loads(head)["envelope"]["recipients"][0]
    assert recipient["address"] == {"local": "bob", "domain": "b.test"}
    assert message == b"Received: by us\n" + LF


def test_a_message_prepared_and_never_published_is_forgotten(server: Server) -> None:
    envelope = Envelope("m1", Address("al", "a.test"), (Recipient(BOB),), NOW)
    server.queue.placement(envelope, b"", Content(LF, "", len(LF), len(LF) + 3)).prepare()
    server.start()
    assert server.loaded == 0
    assert list((Path(server.root) / "tmp").iterdir()) == []


def test_looking_at_the_folder_of_a_running_server_removes_nothing(server: Server) -> None:
    envelope = Envelope("m1", Address("al", "a.test"), (Recipient(BOB),), NOW)
    large = LF + b"x" * 300_000
    placement = server.queue.placement(envelope, b"", Content(large, "", len(large), len(large) + 3))
    placement.prepare()
    onlooker = DiskQueue(server.root, RealDisk(), Inline(), server.clock)
    result_of(onlooker.load(sweep=False))
    assert place_all(server.disk, [[placement]]) == [None]


def test_undo_leaves_nothing(server: Server) -> None:
    envelope = Envelope("m1", Address("al", "a.test"), (Recipient(BOB),), NOW)
    large = LF + b"x" * 300_000
    placement = server.queue.placement(envelope, b"", Content(large, "", len(large), len(large) + 3))
    placement.prepare()
    placement.undo()
    placement.undo()
    assert list(server.disk.list_folder(server.root + "/tmp")) == []


@pytest.mark.parametrize(
    "broken",
    [b"", b"not JSON\n\nSubject: x\n", b"{}\n\n", b'{"envelope": 1, "size": 2}\n\n', b"\xff\xfe\n\n", b"{" * 5000],
)
def test_a_broken_file_is_set_aside_and_the_others_go_on(server: Server, broken: bytes, logged: list[str]) -> None:
    server.add("m1")
    server.add("m2")
    (Path(server.root) / "messages" / "m1").write_bytes(broken)
    server.start()
    assert server.lease() == ["m2"]
    assert (Path(server.root) / "corrupt" / "m1").read_bytes() == broken
    assert sum("m1" in line and "set aside" in line for line in logged) == 1


def test_a_file_under_another_id_is_set_aside(server: Server) -> None:
    server.add("m1")
    messages = Path(server.root) / "messages"
    (messages / "m1").rename(messages / "m2")
    server.start()
    assert server.loaded == 0


def test_with_a_broken_state_everyone_is_tried_again(server: Server, logged: list[str]) -> None:
    server.add("m1", BOB, EVE)
    server.lease()
    result_of(server.queue.settle("m1", [Delivered(BOB, "mx", "250"), delayed(EVE)]))
    (Path(server.root) / "state" / "m1").write_bytes(b'{"pending"')
    server.start()
    assert server.pending("m1") == [BOB, EVE]
    assert server.lease() == ["m1"]
    assert any("tried again" in line for line in logged)


def test_a_state_without_its_message_is_removed(server: Server) -> None:
    server.add("m1")
    server.lease()
    result_of(server.queue.settle("m1", [delayed(BOB)]))
    (Path(server.root) / "messages" / "m1").unlink()
    server.start()
    assert server.loaded == 0
    assert list((Path(server.root) / "state").iterdir()) == []


def test_an_envelope_larger_than_the_first_read_is_read(server: Server) -> None:
    many = [Address(f"user{n:04}", "b.test") for n in range(1000)]
    server.add("m1", *many)
    server.start()
    assert server.pending("m1") == many
    assert result_of(result_of(server.queue.body("m1")).header()) == b"Received: by us\r\nSubject: hello\r\n\r\n"


def test_when_the_disk_fails_the_result_is_known_and_written_later(memory: Server) -> None:
    memory.add("m1", BOB, EVE)
    memory.lease()
    assert isinstance(memory.disk, MemoryDisk)
    for _ in range(2):
        memory.disk.fail("replace", Temporary("disk full"))
    failure_of(memory.queue.settle("m1", [Delivered(BOB, "mx", "250"), delayed(EVE)]), Temporary)
    assert memory.pending("m1") == [EVE]
    memory.clock.advance(HOUR)
    assert memory.lease() == [], "the lease goes on"
    failure_of(memory.queue.write("m1"), Temporary)
    assert memory.lease() == []
    result_of(memory.queue.write("m1"))
    assert memory.lease() == ["m1"]
    memory.start()
    assert memory.pending("m1") == [EVE]


def test_a_removal_that_failed_is_made_up_for(memory: Server) -> None:
    memory.add("m1")
    memory.lease()
    assert isinstance(memory.disk, MemoryDisk)
    memory.disk.fail("unlink", Temporary("read-only"))
    failure_of(memory.queue.settle("m1", [Delivered(BOB, "mx", "250")]), Temporary)
    memory.clock.advance(HOUR)
    assert memory.lease() == [], "nobody is served twice"
    assert memory.pending("m1") == []
    result_of(memory.queue.write("m1"))
    failure_of(memory.queue.write("m1"), NotFound)
    memory.start()
    assert memory.loaded == 0


def test_a_delay_that_cannot_be_written_ends_the_lease(memory: Server) -> None:
    """Forgotten, it costs one more attempt; meanwhile its place is another's."""
    memory.add("m1", BOB)
    memory.lease()
    assert isinstance(memory.disk, MemoryDisk)
    memory.disk.fail("replace", Temporary("disk full"))
    failure_of(memory.queue.settle("m1", [delayed(BOB)]), Temporary)
    assert memory.lease() == []
    memory.clock.advance(HOUR)
    assert memory.lease() == ["m1"]


def test_intake_is_one_file_one_rename_one_folder_sync(memory: Server) -> None:
    assert isinstance(memory.disk, MemoryDisk)
    memory.disk.synced.clear()
    memory.add("m1")
    assert memory.disk.synced == ["/queue/tmp/m1", "/queue/messages"]


@pytest.mark.parametrize("id", ["", ".", "..", "../x", "a/b", ".hidden", "a\0b", "x" * 200])
def test_an_id_that_is_no_file_name_is_refused(memory: Server, id: str) -> None:
    with pytest.raises(InvalidName):
        memory.add(id)


addresses = st.builds(Address, st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20))
recipients = st.builds(Recipient, addresses, st.text(max_size=20), st.frozensets(st.sampled_from(["NEVER", "DELAY"])))
envelopes = st.builds(
    Envelope,
    st.just("m1"),
    addresses,
    st.lists(recipients, max_size=5).map(tuple),
    st.floats(0, 1e10),
    st.sampled_from(BodyType),
    st.booleans(),
    st.text(max_size=10),
    st.sampled_from(["", "FULL", "HDRS"]),
)


@settings(max_examples=100)
@given(envelopes, st.binary(max_size=100))
def test_any_envelope_comes_back_as_it_went_in(envelope: Envelope, message: bytes) -> None:
    head = Head(envelope, 12)
    octets = encode_head(head) + message
    found = decode_head("queue/messages/m1", octets)
    assert found is not None
    assert found[0] == head
    assert octets[found[1] :] == message


@settings(max_examples=100)
@given(st.lists(st.builds(Pending, recipients, st.integers(0, 99), st.text(max_size=9), st.text(max_size=99))))
def test_any_state_comes_back_as_it_went_in(pending: list[Pending]) -> None:
    state = State(tuple(pending), 12.5, 3, True)
    assert decode_state("m1", encode_state(state)) == state


@settings(max_examples=200)
@given(st.binary(max_size=300))
def test_any_octets_are_read_or_corrupt(octets: bytes) -> None:
    with contextlib.suppress(Corrupt):
        found = decode_head("m1", octets)
        assert found is None or isinstance(found[0], Head)
    with contextlib.suppress(Corrupt):
        assert isinstance(decode_state("m1", octets), State)


def test_what_was_noted_in_the_middle_of_an_attempt_survives_the_process(server: Server) -> None:
    server.add("m1", BOB, EVE)
    server.lease()
    result_of(server.queue.note("m1", {BOB}))
    server.start()
    assert server.lease() == ["m1"]
    assert server.pending("m1") == [EVE]


def test_who_watches_is_woken_once_for_all_that_arrive_together(server: Server) -> None:
    woken: list[str] = []
    server.queue.watch(lambda: woken.append("woken"))
    for id in ("m1", "m2", "m3"):
        server.add(id)
    server.clock.advance(0)
    assert woken == ["woken"]
    server.add("m4")
    server.clock.advance(0)
    assert woken == ["woken", "woken"]


def test_lists_say_what_is_being_tried(server: Server) -> None:
    server.add("m1")
    (waiting,) = result_of(server.queue.list())
    assert server.lease() == ["m1"]
    (shown,) = result_of(server.queue.list())
    assert (waiting.trying, shown.trying) == (0.0, server.clock.seconds())
    server.clock.advance(5)
    result_of(order(server.queue, "m1", Hold()))
    assert [one.trying for one in result_of(server.queue.list())] == [shown.trying]
    result_of(server.queue.settle("m1", [Delayed(BOB, Status(4, 0, 0), "no")]))
    assert [one.trying for one in result_of(server.queue.list())] == [0.0]
