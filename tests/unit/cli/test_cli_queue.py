"""``mailsuite queue`` on a folder without a server, and through the socket of a running one."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from twisted.internet.defer import fail, succeed
from twisted.internet.task import Clock

from mailsuite.cli.commands import cli
from mailsuite.cli.queue_access import open_queue
from mailsuite.cli.queue_orders import Result, ordered
from mailsuite.cli.queue_stats import stats_lines
from mailsuite.disk.placement import place
from mailsuite.disk.real import RealDisk
from mailsuite.disk.spool import Content
from mailsuite.errors import DiskFull, Temporary
from mailsuite.model import Address, Delayed, Envelope, Hold, Ordered, Queued, Recipient, Selection, Status
from mailsuite.net.control import listen
from mailsuite.net.sessions import Overview
from mailsuite.offload import Inline
from mailsuite.queue.disk import DiskQueue
from mailsuite.queue.file import Places
from mailsuite.queue.records import Records
from mailsuite.queue.schedule import Schedule
from mailsuite.queue.writes import AT_ONCE
from mailsuite.sendmail import admin
from mailsuite.sendmail.exits import Exit
from mailsuite.sendmail.options import Mode, Options
from mailsuite.services.lock import FolderLock
from mailsuite.testing.disk import MemoryDisk
from mailsuite.testing.memory_store import MemoryStores
from mailsuite.testing.quotas import MemoryQuotas
from mailsuite.testing.results import result_of
from mailsuite.testing.stages import ReactorThread

BOB, EVE = Address("bob", "b.test"), Address("eve", "b.test")


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """A queue with two messages, the second of which was tried."""
    clock = Clock()
    clock.advance(time.time())
    queue = DiskQueue(str(tmp_path / "queue"), RealDisk(), Inline(), clock, Schedule(jitter=0.0))
    result_of(queue.load())
    for id, sender in (("m1", Address("", "")), ("m2", Address("al", "a.test"))):
        envelope = Envelope(id, sender, (Recipient(BOB), Recipient(EVE)), clock.seconds())
        placement = queue.placement(envelope, b"", Content(b"x\n", "", 2, 3))
        place(RealDisk(), [placement])
        queue.arrived(placement)
    result_of(queue.lease(10))
    words = "mx.b.test said: 450 [red]busy[/red]"
    result_of(queue.settle("m2", [Delayed(one, Status(4, 5, 0), words, "mx.b.test") for one in (BOB, EVE)]))
    return str(tmp_path / "queue")


@contextlib.contextmanager
def server(folder: str, thread: ReactorThread) -> Iterator[None]:
    """A running one, as far as the commands can tell."""
    queue = DiskQueue(folder, RealDisk(), Inline(), thread.reactor)
    thread.call(queue.load)
    lock = FolderLock(folder)
    port = thread.call(
        listen, Places(folder).control, queue, MemoryQuotas(MemoryStores()), lambda: Overview((), {}), thread.reactor
    )
    try:
        yield
    finally:
        thread.call(port.stopListening)
        lock.release()


@pytest.fixture(params=["stopped", "running"])
def place_of(request: pytest.FixtureRequest, folder: str, reactor_thread: ReactorThread) -> Iterator[str]:
    if request.param == "stopped":
        yield folder
        return
    with server(folder, reactor_thread):
        yield folder


def run(*args: str) -> str:
    result = CliRunner().invoke(cli, ["queue", *args])
    assert result.exit_code == 0, result.output
    return result.output


def refused(*args: str) -> str:
    result = CliRunner().invoke(cli, ["queue", *args])
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1
    return result.output


def test_an_order_for_more_than_are_written_together_needs_no_server(folder: str) -> None:
    many = 2 * AT_ONCE + 1
    queue = DiskQueue(folder, MemoryDisk(), Inline(), Clock())
    for number in range(many):
        envelope = Envelope(f"n{number}", Address("al", "a.test"), (Recipient(BOB),), time.time())
        place(RealDisk(), [queue.placement(envelope, b"", Content(b"x\n", "", 2, 3))])
    assert f"{many + 2} messages" in run("hold", "--queue", folder, "--all")
    assert all(one["held"] for one in listed(folder).values())
    assert f"{many + 2} messages" in run("drop", "--queue", folder, "--all")
    assert listed(folder) == {}


def test_any_number_of_ids_can_be_named(place_of: str) -> None:
    ids = ("m1", *(f"nosuchmessage{number}" for number in range(20_000)), "m2")
    with open_queue(place_of, change=False) as access:
        assert [one.envelope.id for one in access.list(Selection(ids=ids))] == ["m1", "m2"]
        assert access.list(Selection(ids=())) == []


def listed(folder: str) -> dict[str, dict]:  # type: ignore[type-arg]
    return {one["id"]: one for one in json.loads(run("list", "--queue", folder, "--json"))}


def test_list_for_a_person(place_of: str) -> None:
    text = re.sub(r"\d+ s ago", "0 s ago", run("list", "--queue", place_of))
    lines = [line.split("  ") for line in text.splitlines()]
    assert [[cell.strip() for cell in line if cell] for line in lines] == [
        ["id", "size", "arrived", "due", "sender", "recipient"],
        ["m1", "3", "0 s ago", "now", "<>", "bob@b.test"],
        ["eve@b.test"],
        ["m2", "3", "0 s ago", "in 5 min", "al@a.test", "bob@b.test"],
        ["eve@b.test"],
        ["mx.b.test said: 450 [red]busy[/red]"],
    ]


def test_list_for_a_program(place_of: str) -> None:
    found = listed(place_of)
    assert list(found) == ["m1", "m2"]
    assert found["m2"]["attempts"] == 1
    assert found["m2"]["recipients"][0]["address"] == "bob@b.test"
    assert found["m2"]["due"] > time.time() + 60
    assert found["m1"]["recipients"][0]["last_status"] == ""


def test_flush_makes_everything_due(place_of: str) -> None:
    assert run("flush", "--queue", place_of) == "2 messages are due now\n"
    assert all(one["due"] <= time.time() for one in listed(place_of).values())


def test_flush_of_some(place_of: str) -> None:
    assert run("flush", "--queue", place_of, "m1") == "1 message is due now\n"
    assert listed(place_of)["m2"]["due"] > time.time()
    assert "m9" in refused("flush", "--queue", place_of, "m1", "m9")


@pytest.mark.parametrize(
    ("sender", "flushed"),
    [("al@a.test", True), ("@a.test", True), ("AL", True), ("bob", False), ("a.test", False), ("al@b.test", False)],
)
def test_sendmail_flushes_mail_of_a_sender_with_or_without_domain(
    place_of: str, monkeypatch: pytest.MonkeyPatch, sender: str, flushed: bool
) -> None:
    monkeypatch.setattr(admin, "_folder", lambda options: place_of)
    assert admin.do(Options(mode=Mode.FLUSH, queue_sender=sender)) is Exit.OK
    assert (listed(place_of)["m2"]["due"] <= time.time()) is flushed


def test_held_message_is_not_said_to_be_due(place_of: str) -> None:
    run("hold", "--queue", place_of, "m1")
    assert "held: m1" in refused("flush", "--queue", place_of, "m2", "m1")
    assert listed(place_of)["m2"]["due"] > time.time()
    assert run("flush", "--queue", place_of) == (
        "1 message is due now\n1 held, not tried before `mailsuite queue release ID`\n"
    )


@pytest.mark.parametrize("command", ["hold", "release", "drop", "flush", "kick", "bounce", "why", "list"])
def test_one_unknown_id_and_nothing_is_done(place_of: str, command: str) -> None:
    if command == "release":
        run("hold", "--queue", place_of, "m1")
    before = listed(place_of)
    said = refused(command, "--queue", place_of, "m1", "m9")
    assert "no message m9 in the queue" in said
    assert ("nothing was changed" in said) is (command not in ("why", "list"))
    assert listed(place_of) == before


def test_of_many_unknown_ids_some_are_named(place_of: str) -> None:
    said = refused("hold", "--queue", place_of, "m1", *(f"n{number}" for number in range(25)))
    assert "n18, n19 and 5 more in the queue; nothing was changed" in said


def test_words_of_a_return_have_a_limit(place_of: str) -> None:
    assert "1000 at most" in refused("bounce", "--queue", place_of, "--words", "x" * 1001, "m1")
    run("bounce", "--queue", place_of, "--words", "x" * 1000, "m1")


def test_sendmail_flushes_mail_for_domains_below_one(place_of: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 1985 §5.3."""
    monkeypatch.setattr(admin, "_folder", lambda options: place_of)
    for domain, flushed in (("test", False), ("@test", True)):
        assert admin.do(Options(mode=Mode.FLUSH, queue_recipient=domain)) is Exit.OK
        assert (listed(place_of)["m2"]["due"] <= time.time()) is flushed


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ("--sender <>", ["m1"]),
        ("--sender @a.test", ["m2"]),
        ("--domain b.test", ["m1", "m2"]),
        ("--domain test", []),
        ("--domain test --subdomains", ["m1", "m2"]),
        ("--error busy", ["m2"]),
        ("--recipient EVE@b.test --error busy", ["m2"]),
        ("--older 1h", []),
        ("--younger 2d", ["m1", "m2"]),
        ("--held", []),
        ("--not-held", ["m1", "m2"]),
        ("m1 m2 --sender <>", ["m1"]),
    ],
)
def test_which_messages_are_meant(place_of: str, options: str, ids: list[str]) -> None:
    found = json.loads(run("list", "--queue", place_of, "--json", *options.split()))
    assert [one["id"] for one in found] == ids


def test_an_age_is_a_number_and_a_unit(folder: str) -> None:
    result = CliRunner().invoke(cli, ["queue", "list", "--queue", folder, "--older", "yesterday"])
    assert result.exit_code == 1
    assert "30m, 4h, 2d" in result.output


def test_an_age_beyond_all_measure_is_none_and_not_repeated_whole(place_of: str) -> None:
    said = refused("list", "--queue", place_of, "--older", "9" * 300 + "d")
    assert "30m, 4h, 2d" in said
    assert len(said) < 200


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--domain .test", "with --subdomains those below it too"),
        ("--subdomains", "--subdomains goes with --domain"),
        ("--domain= --subdomains", "it is empty, which would mean all"),
        ("--sender= --older 1d", "it is empty, which would mean all"),
        ("--recipient=", "it is empty, which would mean all"),
        ("--error=", "it is empty, which would mean all"),
        ("--domain b_test.", "example.org"),
        ("--recipient bob", "bob@example.org"),
        ("--recipient @b.test", "--domain"),
        ("--sender al", "ann@example.org, @example.org, or '<>'"),
    ],
)
def test_a_filter_that_can_mean_nothing_is_refused(place_of: str, options: str, words: str) -> None:
    assert words in refused("list", "--queue", place_of, *options.split())
    assert words in refused("drop", "--queue", place_of, *options.split())


def test_domains_are_written_as_people_do(folder: str) -> None:
    queue = DiskQueue(folder, RealDisk(), Inline(), Clock())
    result_of(queue.load())
    envelope = Envelope("m3", BOB, (Recipient(Address("jo", "xn--bcher-kva.test")),), time.time())
    place(RealDisk(), [queue.placement(envelope, b"", Content(b"x\n", "", 2, 3))])
    for options in ("--domain Bücher.test", "--recipient jo@bücher.test", "--domain xn--bcher-kva.test"):
        found = json.loads(run("list", "--queue", folder, "--json", *options.split()))
        assert [one["id"] for one in found] == ["m3"]


def test_a_queue_is_called_empty_only_when_it_is(place_of: str) -> None:
    assert run("list", "--queue", place_of, "--domain", "c.test") == "No such message waits.\n"
    run("drop", "--queue", place_of, "--all")
    assert run("list", "--queue", place_of) == "The queue is empty.\n"


def test_words_for_the_sender_are_not_empty(place_of: str) -> None:
    assert "--words" in refused("bounce", "--queue", place_of, "--words", " ", "m1")
    assert "about to be returned" not in run("why", "--queue", place_of, "m1")


@pytest.mark.parametrize("command", ["drop", "hold", "release", "bounce"])
def test_who_means_everything_has_to_say_so(place_of: str, command: str) -> None:
    assert "--all" in refused(command, "--queue", place_of)
    assert len(run(command, "--queue", place_of, "--all").splitlines()) == 2


def test_orders_can_mean_what_is_known_of_messages(place_of: str) -> None:
    assert run("drop", "--queue", place_of, "--error", "busy") == "m2 dropped\n"
    assert run("kick", "--queue", place_of, "--domain", "b.test") == "1 message is due now\n"
    assert json.loads(run("hold", "--queue", place_of, "--sender", "<>", "--json"))["done"] == ["m1"]
    assert run("drop", "--queue", place_of, "--error", "busy") == "0 messages: dropped\n"


def test_reroute(place_of: str) -> None:
    assert run("reroute", "--queue", place_of, "mx9.test:26", "m2") == "m2 goes by mx9.test:26\n"
    assert [one["via"] for one in listed(place_of).values()] == ["", "mx9.test:26"]
    assert run("reroute", "--queue", place_of, "-", "--all").splitlines()[1] == "m2 goes the usual way"
    assert "no host" in refused("reroute", "--queue", place_of, "mx9/test", "m2")
    assert "VIA is empty" in refused("reroute", "--queue", place_of, "", "m2")
    assert "'-x' is no host" in refused("reroute", "--queue", place_of, "--all", "--", "-x")
    assert "`-` alone is the usual way" in refused("reroute", "--queue", place_of, "--all", "--", "--")
    assert listed(place_of)["m2"]["via"] == ""
    for port in ("0", "65536"):
        assert "from 1 to 65535" in refused("reroute", "--queue", place_of, f"mx9.test:{port}", "m2")


def test_why_says_what_is_wrong_and_what_comes_next(place_of: str) -> None:
    run("reroute", "--queue", place_of, "mx9.test", "m2")
    lines = [line.strip() for line in run("why", "--queue", place_of, "m2").splitlines()]
    assert lines[0].startswith("m2: from al@a.test, 3 octets, arrived")
    assert lines[1:4] == [
        "bob@b.test",
        "tried once: their mail server did not take it",
        "4.5.0 mx.b.test said: 450 [red]busy[/red]",
    ]
    assert lines[7].startswith("It is tried again in 5 min, at ")
    assert lines[8] == "It goes by mx9.test, as somebody ordered (`mailsuite queue reroute`)."
    assert lines[9] == "The sender is told of the delay in 4 h."
    run("hold", "--queue", place_of, "m1")
    assert "It is held" in run("why", "--queue", place_of, "m1")
    run("bounce", "--queue", place_of, "m1")
    assert "about to be returned" in run("show", "--queue", place_of, "m1")


def test_why_says_which_rule_keeps_a_message(folder: str) -> None:
    queue = DiskQueue(folder, RealDisk(), Inline(), Clock())
    result_of(queue.load())
    result_of(queue.settle("m1", [], kept={BOB: "ask first", EVE: "ask first"}))
    lines = [line.strip() for line in run("why", "--queue", folder, "m1").splitlines()]
    assert lines[1:3] == ["bob@b.test", "kept on hold: ask first"]
    assert lines[5:] == ["It is held: nothing happens before `mailsuite queue release m1`."]  # nobody is told
    assert "held" in run("list", "--queue", folder)
    run("release", "--queue", folder, "m1")
    assert "It is due now" in run("why", "--queue", folder, "m1")


def test_show_gives_the_message(place_of: str) -> None:
    assert run("show", "--queue", place_of, "m1", "--raw") == "x\n"
    assert json.loads(run("show", "--queue", place_of, "m1", "--json"))[0]["id"] == "m1"


def test_stats_fit_a_terminal_and_are_one_line_each_in_a_pipe(folder: str) -> None:
    queue = DiskQueue(folder, RealDisk(), Inline(), Clock())
    result_of(queue.load())
    result_of(queue.settle("m2", [Delayed(one, Status(4, 4, 1), "no answer " * 20) for one in (BOB, EVE)]))
    messages = result_of(queue.list())
    assert max(map(len, stats_lines(messages, 0.0, 10, 80))) <= 80
    error = [line.split(None, 1) for line in stats_lines(messages, 0.0, 10, 0)][-1]
    assert error == ["1", "4.4.1 " + "no answer " * 20]


def test_stats(place_of: str) -> None:
    run("hold", "--queue", place_of, "m1")
    found = json.loads(run("stats", "--queue", place_of, "--json"))
    assert {key: found[key] for key in ("messages", "recipients", "octets", "new", "due", "held", "scheduled")} == {
        "messages": 2,
        "recipients": 4,
        "octets": 6,
        "new": 1,
        "due": 0,
        "held": 1,
        "scheduled": 0,
    }
    assert found["domains"] == [{"domain": "b.test", "messages": 2}]
    assert found["errors"] == [{"error": "4.5.0 mx.b.test said: 450 [red]busy[/red]", "messages": 1}]
    assert "messages     2 (6) for 4 recipients" in run("stats", "--queue", place_of)


def test_drop(place_of: str) -> None:
    assert run("drop", "--queue", place_of, "m1") == "m1 dropped\n"
    assert list(listed(place_of)) == ["m2"]
    assert "m1" in refused("drop", "--queue", place_of, "m1")
    assert not list(Path(place_of).glob("*/m1"))


def test_hold_and_release(place_of: str) -> None:
    run("hold", "--queue", place_of, "m1")
    assert listed(place_of)["m1"]["held"]
    assert "held" in run("list", "--queue", place_of)
    run("release", "--queue", place_of, "m1")
    assert not listed(place_of)["m1"]["held"]


def test_a_queue_no_server_has_used_yet_is_empty_and_left_alone(tmp_path: Path) -> None:
    assert run("list", "--queue", str(tmp_path)) == "The queue is empty.\n"
    assert list(tmp_path.iterdir()) == []


def test_folder_of_something_else_is_no_queue(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("x")
    assert refused("list", "--queue", str(tmp_path)) == f"mailsuite: there is no queue in {tmp_path}\n"


def test_no_folder_no_queue(tmp_path: Path) -> None:
    assert "there is no queue" in refused("list", "--queue", str(tmp_path / "none"))


def test_a_socket_left_by_a_crash_is_no_server(folder: str) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(Places(folder).control)
    assert run("drop", "--queue", folder, "m1") == "m1 dropped\n"


def test_a_server_without_a_socket_is_not_meddled_with(folder: str) -> None:
    lock = FolderLock(folder)
    assert "running" in refused("drop", "--queue", folder, "m1")
    assert list(listed(folder)) == ["m1", "m2"]
    lock.release()


def test_orders_about_many_are_done_some_at_a_time(place_of: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailsuite.cli.queue_orders.AT_ONCE", 1)
    assert json.loads(run("hold", "--all", "--json", "--queue", place_of))["done"] == ["m1", "m2"]
    assert all(one["held"] for one in json.loads(run("list", "--json", "--queue", place_of)))


def test_many_are_kicked_some_at_a_time(place_of: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    order = DiskQueue.order
    monkeypatch.setattr("mailsuite.cli.queue_orders.AT_ONCE", 1)
    monkeypatch.setattr(
        DiskQueue, "order", lambda self, which, how: (asked.append(len(which.ids)), order(self, which, how))[1]
    )
    assert run("kick", "--queue", place_of) == "2 messages are due now\n"
    assert asked == [1, 1]


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes nothing about m1."""
    save, remove = Records.save, Records.remove

    def refusing(do: Callable[..., Any]) -> Callable[..., Any]:
        def write(self: Records, what: Queued | str, *more: Any) -> Any:
            id = what if isinstance(what, str) else what.envelope.id
            return fail(DiskFull("/queue: no space left")) if id == "m1" else do(self, what, *more)

        return write

    monkeypatch.setattr(Records, "save", refusing(save))
    monkeypatch.setattr(Records, "remove", refusing(remove))


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize(
    ("command", "done", "failed"),
    [
        ("hold", "m2 held", "1 not held"),
        ("release", "m2 released", "1 not released"),
        ("drop", "m2 dropped", "1 not dropped"),
        ("bounce", "m2 will be returned", "1 not returned"),
        ("reroute mx9.test", "m2 goes by mx9.test", "1 not rerouted"),
    ],
)
def test_what_could_not_be_written_is_named_and_has_not_happened(
    place_of: str, command: str, done: str, failed: str
) -> None:
    before = listed(place_of)
    result = CliRunner().invoke(cli, ["queue", *command.split(), "--queue", place_of, "--all"])
    assert result.exit_code == 1
    assert result.stdout == f"{done}\n"
    assert result.stderr == f"mailsuite: {failed}: m1 (/queue: no space left)\n"
    assert listed(place_of)["m1"] == before["m1"]
    again = CliRunner().invoke(cli, ["queue", *command.split(), "--queue", place_of, "--json", "m1"])
    assert json.loads(again.stdout) == {"done": [], "failed": {"m1": "/queue: no space left"}, "gone": []}


def test_a_kick_that_cannot_be_written_is_told(place_of: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Records, "save", lambda self, queued: fail(DiskFull("/queue: no space left")))
    result = CliRunner().invoke(cli, ["queue", "kick", "--queue", place_of])
    assert (result.exit_code, result.stdout) == (1, "1 message is due now\n")
    assert result.stderr == "mailsuite: 1 not due now: m2 (/queue: no space left)\n"
    assert listed(place_of)["m2"]["due"] > time.time()


def test_many_that_could_not_be_written_are_counted_by_reason() -> None:
    failed = dict.fromkeys((f"m{number}" for number in range(25)), "no space left") | {"x1": "read-only"}
    with pytest.raises(Temporary) as raised:
        Result([], failed, []).complain("held")
    named = ", ".join(f"m{number}" for number in range(20))
    assert str(raised.value) == f"26 not held: {named} and 5 more (no space left); x1 (read-only)"


def test_few_of_many_reasons_are_told() -> None:
    failed = {f"m{number}": f"/queue/m{number}: no" for number in range(8)} | {"x1": "full", "x2": "full"}
    with pytest.raises(Temporary) as raised:
        Result([], failed, []).complain("held")
    assert str(raised.value).startswith("10 not held: x1, x2 (full); m0 (/queue/m0: no); ")
    assert str(raised.value).endswith("; 4 for other reasons (--json has all)")


def test_when_the_server_breaks_off_the_rest_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailsuite.cli.queue_orders.AT_ONCE", 1)
    answers = iter([Ordered(("m1",)), Temporary("the running server broke off; is it stopping?")])

    class Access:
        def order(self, which: Selection, order: object) -> Ordered:
            answer = next(answers)
            if isinstance(answer, Temporary):
                raise answer
            return answer

    messages = [Queued(Envelope(id, BOB, (Recipient(EVE),), 0.0), (), 0.0, 0.0, 1) for id in ("m1", "m2", "m3")]
    result = ordered(Access(), messages, Hold())  # type: ignore[arg-type]
    assert (result.done, list(result.failed)) == (["m1"], ["m2", "m3"])


def test_what_is_gone_by_then_is_told(place_of: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DiskQueue, "order", lambda self, which, order: succeed(Ordered(("m1",))))
    assert run("hold", "--queue", place_of, "m1", "m2") == "m1 held\n1 gone from the queue meanwhile\n"
