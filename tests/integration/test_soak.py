"""A short soak (bench/soak) with an accident of each kind; ``make soak MINUTES=20`` is the long one."""

from __future__ import annotations

import smtplib
import socket
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from bench.soak import balance as balancing
from bench.soak import run
from bench.soak import sink as sink_module
from bench.soak.__main__ import arguments, told
from bench.soak.accidents import KINDS, Accidents
from bench.soak.balance import Balance, balance
from bench.soak.clients import Sender
from bench.soak.faults import BROKEN, faults, met
from bench.soak.ledger import Accident, Arrival, Entry, Ledger, Place, is_whole
from bench.soak.names import SlowDNS
from bench.soak.run import LATER_USES, MEETINGS, USES, Result, soak
from bench.soak.sink import Sink
from mailsuite.store import behind
from mailsuite.testing.instance import Instance

ALL = dict.fromkeys(KINDS, 1)
USED = dict.fromkeys(USES + LATER_USES, 1)
#: Of a run in which there was all that there should be.
FULLY = ALL | USED | dict.fromkeys(MEETINGS.values(), 1)


def test_all_that_was_acknowledged_is_there_after_accidents(tmp_path: Path) -> None:
    result = soak(minutes=0.35, seed=8, folder=tmp_path)
    assert not result.amiss, told(result)
    assert result.good or (result.skipped and result.missed == ("full disk",)), told(result)
    assert result.balance.acknowledged > 100
    assert result.balance.relayed > 10
    assert result.counts["look-ups while names were slow"] >= 1
    assert "ready" in (tmp_path / "kept" / "twistd.log").read_text()
    assert (": 0 lost, 0 wrong, 0 faults" if result.skipped else "held: 0 lost, 0 wrong, 0 faults") in told(result)


def test_the_verdict_says_what_is_wrong() -> None:
    counted = Balance(3, 0, 2, 0, 1, 0, 0, ("t1 for demo",), ("t2 is 2 times at demo",))
    result = Result(60.0, FULLY, 1.0, 100 << 20, "", ("KeyError",), counted)
    assert not result.good
    assert told(result).splitlines()[-4:] == [
        "    lost: t1 for demo",
        "    wrong: t2 is 2 times at demo",
        "    fault in the log: KeyError",
        "FAILED: 1 lost, 1 wrong, 1 faults in the log",
    ]


@pytest.mark.parametrize("wrong", ["0", "-1", "nan", "10001", "long"])
def test_minutes_that_are_none_are_refused_in_words(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as how:
        arguments().parse_args([f"--minutes={wrong}"])
    assert how.value.code == 2
    told = capsys.readouterr().err
    assert f"argument --minutes: minutes from 0.01 to 10,000, not '{wrong}'" in told


def test_a_seed_that_is_none_is_refused_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments().parse_args(["--seed=x"])
    assert "argument --seed: a whole number, not 'x'" in capsys.readouterr().err


def test_help_says_what_every_option_does() -> None:
    shown = arguments().format_help()
    assert shown.startswith("usage: python -m bench.soak ")
    assert "Examples: ``python -m bench.soak --minutes 0.5``" in shown
    assert all(action.help for action in arguments()._actions)


def test_too_much_memory_is_no_good_end() -> None:
    counted = Balance(3, 0, 3, 0, 1, 0, 0, (), ())
    fine = Result(60.0, FULLY, 1.0, run.MOST_MEMORY, "", (), counted)
    assert fine.good
    assert told(fine).splitlines()[-1] == "held: 0 lost, 0 wrong, 0 faults in the log"
    fat = Result(60.0, FULLY, 1.0, run.MOST_MEMORY + 1, "", (), counted)
    assert told(fat).splitlines()[-2:] == [
        "    more than 200 MiB of memory",
        "FAILED: 0 lost, 0 wrong, 0 faults in the log",
    ]


def test_accidents_that_never_happened_are_told_and_nothing_is_shown_without_them() -> None:
    counted = Balance(3, 0, 3, 0, 1, 0, 0, (), ())
    without = {kind: n for kind, n in FULLY.items() if kind not in ("full disk", "kill")}
    result = Result(60.0, without, 1.0, 1 << 20, "only root can mount: no disk is filled", (), counted)
    assert not result.good
    assert told(result).splitlines()[-3:] == [
        "    never happened: kill",
        "    never happened: full disk (only root can mount: no disk is filled)",
        "shows too little: 0 lost, 0 wrong, 0 faults in the log",
    ]


@pytest.mark.parametrize("use", [*USES, *LATER_USES])
def test_a_soak_in_which_something_never_worked_shows_too_little(use: str) -> None:
    """However patiently its clients bore that they were refused."""
    relayed = use != "relayed"
    counts = {name: n for name, n in FULLY.items() if name not in (use, "relayed")} | {"Pop3Reader interrupted": 4}
    result = Result(60.0, counts, 1.0, 1 << 20, "", (), Balance(3, 0, 3, 0, relayed, 0, 0, (), ()))
    assert told(result).splitlines()[-2:] == [
        f"    nothing was {use}",
        "shows too little: 0 lost, 0 wrong, 0 faults in the log",
    ]


@pytest.mark.parametrize("kind", MEETINGS)
def test_an_accident_that_met_nobody_shows_too_little(kind: str) -> None:
    counted = Balance(3, 0, 3, 0, 1, 0, 0, (), ())
    result = Result(60.0, FULLY | {MEETINGS[kind]: 0}, 1.0, 1 << 20, "", (), counted)
    assert told(result).splitlines()[-2:] == [
        f"    nobody met: {kind}",
        "shows too little: 0 lost, 0 wrong, 0 faults in the log",
    ]
    assert Result(59.0, FULLY | {MEETINGS[kind]: 0}, 1.0, 1 << 20, "", (), counted).good


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("[a#warn] AppendEnd of demo at 127.0.0.1: /s/cur: no space left", "full disk"),
        ("[a#warn] /s/index.sqlite: database or disk is full", "full disk"),
        ("[-] EMFILE encountered; releasing reserved file descriptor.", "no descriptors"),
        ("[a#warn] /s/cur: Too many open files", "no descriptors"),
    ],
)
def test_an_accident_meets_somebody_who_says_so_in_the_log(line: str, kind: str) -> None:
    log = f"calm\n{line}\ncalm\n"
    assert {each: met(log, each) for each in ("full disk", "no descriptors")} == {
        "full disk": kind == "full disk",
        "no descriptors": kind == "no descriptors",
    }


def test_of_a_short_soak_nobody_asks_for_what_comes_when_mailboxes_fill() -> None:
    counts = {name: n for name, n in FULLY.items() if name not in LATER_USES}
    assert Result(59.0, counts, 1.0, 1 << 20, "", (), Balance(3, 0, 3, 0, 1, 0, 0, (), ())).good


def test_each_accident_happens_once_however_little_time_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    happened = []
    for kind in KINDS:
        name = kind.replace(" ", "_")
        accident = wraps(getattr(Accidents, name))(lambda *_, kind=kind: happened.append(kind))
        monkeypatch.setattr(Accidents, name, accident)
    ledger = Ledger(1)
    with SlowDNS() as names, Sink(ledger, 1) as sink:
        Accidents(Instance.__new__(Instance), ledger, sink, names, True, 1).happen(0.0, calm=0.0)
    assert happened == list(KINDS) == [accident.kind for accident in ledger.accidents]
    assert ledger.counts == ALL


class Refusing(smtplib.SMTP):
    """Takes messages for all but the second of two recipients."""

    def __init__(self, *_: object) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass

    def sendmail(self, _: str, recipients: Sequence[str], octets: bytes) -> dict[str, tuple[int, bytes]]:  # type: ignore[override]
        return dict.fromkeys(recipients[1:], (452, b"full"))


def test_a_recipient_who_was_refused_is_not_owed_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    instance = Instance.__new__(Instance)
    instance.domain, instance.ports = "demo.test", {"smtp": 25}
    monkeypatch.setattr(smtplib, "SMTP", Refusing)
    ledger = Ledger(1)
    sender = Sender(instance, ledger, 1)
    while ledger.counts["accepted"] < 100:
        sender.turn()
    first = {token for token, place in ledger.entries if ledger.entries[token, place].answered}
    assert {token for token, _ in ledger.entries} == first
    assert {place for (_, place), entry in ledger.entries.items() if not entry.answered} == {Place.POP3, Place.FAR}


def test_more_messages_sent_again_after_one_kill_than_there_are_places_are_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(balancing, "_read_all", lambda *_: Counter())
    ledger = Ledger(1)
    first, cut, second, third = Arrival(0, False), Arrival(0, True), Arrival(1, False), Arrival(2, False)
    for number in range(balancing.PLACES + 1):
        ledger.entries[f"a{number}", Place.FAR] = Entry(f"a{number}", Place.FAR, True, reached=[first, second])
        ledger.entries[f"c{number}", Place.FAR] = Entry(f"c{number}", Place.FAR, True, reached=[cut, second])
    ledger.entries["b", Place.FAR] = Entry("b", Place.FAR, True, reached=[second, third])
    counted = balance(Instance.__new__(Instance), ledger)
    assert counted.wrong == ("21 messages were relayed again after one kill, not 20",)
    assert (counted.twice_at_sink, counted.repeated_after_kills, counted.relayed) == (43, 22, 43)


@pytest.mark.parametrize(
    ("reached", "wrong"),
    [
        ([Arrival(1, False), Arrival(1, False)], ("t is 2 times at far",)),  # however soon after the kill
        ([Arrival(0, False), Arrival(1, False), Arrival(1, False)], ("t is 3 times at far",)),
        ([Arrival(1, True), Arrival(1, False), Arrival(1, False)], ("t is 3 times at far",)),
        ([Arrival(1, True), Arrival(1, True), Arrival(1, False)], ()),
        ([Arrival(0, False), Arrival(2, False)], ()),
    ],
)
def test_a_second_copy_is_excused_by_a_kill_between_the_two_or_an_answer_that_was_kept(
    reached: list[Arrival], wrong: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(balancing, "_read_all", lambda *_: Counter())
    ledger = Ledger(1)
    ledger.entries["t", Place.FAR] = Entry("t", Place.FAR, True, reached=reached)
    assert balance(Instance.__new__(Instance), ledger).wrong == wrong


def test_what_a_killed_server_sent_is_read_before_the_next_one_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """And counts as sent by the first."""
    ledger = Ledger(1)
    tokens = [ledger.new(Place.FAR) for _ in range(20)]
    monkeypatch.setattr(sink_module, "REFUSED", 0)
    monkeypatch.setattr(sink_module, "CUT", 0)
    with Sink(ledger, 1) as sink, ExitStack() as dying:
        for _, octets in tokens:
            connection = dying.enter_context(socket.create_connection(("127.0.0.1", sink.port)))
            connection.sendall(b"EHLO x\r\nDATA\r\n" + octets + b".\r\n")
            connection.shutdown(socket.SHUT_WR)
        assert sink.left_alone(10)
        ledger.life += 1
        with socket.create_connection(("127.0.0.1", sink.port)):
            assert not sink.left_alone(0.05)
        assert sink.left_alone(10)
    reached = [ledger.entries[token, Place.FAR].reached for token, _ in tokens]
    assert reached == [[Arrival(0, False)]] * 20


def test_a_queue_that_cannot_be_kicked_is_told_and_the_balance_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> CompletedProcess[str]:
        raise RuntimeError("mailsuite queue kick: 1\nno space left")

    instance, ledger = Instance.__new__(Instance), Ledger(1)
    monkeypatch.setattr(instance, "command", refuse)
    monkeypatch.setattr(run, "DRAINING", 0.01)
    run._drain(instance, ledger)
    [told] = ledger.wrong
    assert "the queue is not empty" in told
    assert "no space left" in told


def traceback(second: int, words: str) -> str:
    lines = ("it failed", "Traceback (most recent call last):", "  File", words, "")
    return f"2026-11-21T17:00:{second:02}+0000 [a] " + "\n\t".join(lines) + "\n"


FULL, FEW, OTHER = "OSError: No space left", "OSError: Too many open files", "KeyError: 3"
#: From which second to which something happens in ``test_faults_...``.
BEGUN, OVER = 10, 20


@pytest.mark.parametrize(
    ("second", "words", "excused"),
    [
        (BEGUN, FULL, True),
        (OVER + 4, FULL, True),
        (BEGUN - 2, FULL, False),
        (OVER + 6, FULL, False),
        (BEGUN + 1, FEW, False),  # another accident's
        (BEGUN + 1, OTHER, False),
    ],
)
def test_faults_are_tracebacks_that_no_accident_of_that_time_explains(second: int, words: str, excused: bool) -> None:
    noon = datetime(2026, 11, 21, 17, tzinfo=UTC).timestamp()
    log = f"2026-11-21T17:00:00+0000 [a] calm\n{traceback(second, words)}2026-11-21T17:00:59+0000 [a] calm\n"
    found = faults(log, [Accident("full disk", noon + BEGUN + 0.5, noon + OVER)])
    assert found == (() if excused else (f"2026-11-21T17:00:{second:02}+0000 [a] it failed ... {words}",))
    assert len(faults(log, [])) == 1


def test_changes_that_the_server_gave_up_are_a_fault_whatever_happened_meanwhile() -> None:
    line = "2026-11-21T17:00:11+0000 [mailsuite.store.behind#error] /m/cur: changes of messages are lost: No space left"
    noon = datetime(2026, 11, 21, 17, tzinfo=UTC).timestamp()
    assert faults(f"{line}\n", [Accident("full disk", noon + BEGUN, noon + OVER)]) == (line,)
    source = Path(behind.__file__).read_text()
    assert all(words in source for words in BROKEN), "they are the store's own"


class Books:
    """A ledger with three messages in a mailbox and two for the world, all of them acknowledged, and what is found."""

    def __init__(self) -> None:
        self.ledger = Ledger(1)
        self.octets = [self.ledger.new(Place.IMAP)[1] for _ in range(3)] + [self.ledger.new(Place.FAR)[1] for _ in "ab"]
        for entry in self.ledger.entries.values():
            entry.answered = True
        self.mailbox = self.octets[:3]
        self.sink = self.octets[3:]

    def balanced(self, monkeypatch: pytest.MonkeyPatch) -> Balance:
        def read_all(_: object, ledger: Ledger, place: Place) -> Counter[tuple[str, Place]]:
            found: Counter[tuple[str, Place]] = Counter()
            for octets in self.mailbox if place is Place.IMAP else ():
                balancing._account(b"FLAGS (\\Seen)", octets, ledger, place, found)
            return found

        for octets in self.sink:
            self.ledger.reached(octets, cut=False)
        monkeypatch.setattr(balancing, "_read_all", read_all)
        return balance(Instance.__new__(Instance), self.ledger)


def test_books_that_are_right_balance(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Books().balanced(monkeypatch)
    assert (found.lost, found.wrong) == ((), ())
    assert (found.acknowledged, found.there, found.relayed) == (5, 3, 2)


def test_what_is_lost_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    books = Books()
    del books.mailbox[0], books.sink[0]
    assert books.balanced(monkeypatch).lost == ("t1 for demo", "t4 for far")


def test_what_is_there_twice_is_told_unless_a_connection_was_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    books = Books()
    books.mailbox.append(books.mailbox[0])
    books.sink.append(books.sink[0])
    assert books.balanced(monkeypatch).wrong == ("t1 is 2 times at demo", "t4 is 2 times at far")
    again = Books()
    again.ledger.reached(again.sink[0], cut=True)
    assert again.balanced(monkeypatch).wrong == ()


@pytest.mark.parametrize("life", [0, 1])
def test_what_a_deletion_left_there_is_there_to_stay_after_a_kill(life: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the life that was asked it may still be done."""
    books = Books()
    books.ledger.asked_to_delete([books.ledger.entries["t1", Place.IMAP]])
    books.ledger.life = 1
    assert books.ledger.seen(books.mailbox[0], Place.IMAP, life) is not None
    del books.mailbox[0]
    assert books.balanced(monkeypatch).lost == (("t1 for demo",) if life else ())


def test_what_was_deleted_or_changed_or_lost_its_flag_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    books = Books()
    books.ledger.entries["t1", Place.IMAP].gone = books.ledger.entries["t1", Place.IMAP].maybe_gone = True
    books.ledger.entries["t2", Place.IMAP].flagged = True
    books.mailbox[2] = books.mailbox[2][:-4] + b"x\r\n"
    assert not is_whole(books.mailbox[2])
    assert books.balanced(monkeypatch).wrong == (
        "demo: t1 is there again after its deletion",
        "t2: its flag is lost",
        "demo: t3 was changed on its way",
    )
