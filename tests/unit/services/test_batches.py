"""Batches: answered when durable, placed behind, never too far behind, and nobody waits for a busy account."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from mailsuite.disk import journal_disk
from mailsuite.disk.journal_disk import JournalDisk
from mailsuite.disk.spool import Content
from mailsuite.errors import NotFound, Temporary
from mailsuite.model import Address, Envelope, ToMailbox
from mailsuite.offload import Inline
from mailsuite.services import batches as batches_module
from mailsuite.services.batches import TRY_AGAIN, Batches
from mailsuite.steps import Put
from mailsuite.store.incoming import Incoming
from mailsuite.store.maildir import MaildirStores
from mailsuite.testing.results import failure_of, result_of

ANN, BOB = "ann@a.test", "bob@a.test"
BODY = b"Subject: hi\n\nhello\n"


class Threads(Inline):
    """An offload whose jobs wait; ``turn`` does those that wait now."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def run(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Deferred[Any]:
        answer: Deferred[Any] = Deferred()
        self.waiting.append(lambda: Inline.run(self, work, *args, **kwargs).chainDeferred(answer))
        return answer

    def run_in(self, lane: str, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Deferred[Any]:
        return Inline.run(self, work, *args, **kwargs)

    def turn(self) -> int:
        waiting, self.waiting = self.waiting, []
        for job in waiting:
            job()
        return len(waiting)

    def first(self) -> None:
        self.waiting.pop(0)()


class Place:
    """A store on a disk with a journal, and batches before it."""

    def __init__(self, folder: Path, **settings: float) -> None:
        self.disk = JournalDisk(str(folder / "queue" / "journal"), 1 << 20)
        self.disk.open(keep=False)
        self.clock, self.threads = Clock(), Threads()
        self.clock.advance(1e9)
        self.stores = MaildirStores(str(folder / "store"), self.disk, self.threads, self.clock, "host")
        self.batches = Batches(self.disk, self.threads, self.clock, **settings)
        self.placed: list[int] = []
        for account in (ANN, BOB):
            result_of(self.stores.open(account))

    def incoming(self, account: str = ANN, mailbox: str = "INBOX") -> Sequence[Incoming]:
        content = Content(BODY, "", len(BODY), len(BODY) + 3)
        envelope = Envelope("ID", Address("a", "b"), (), 0.0)
        return self.stores.placements([ToMailbox(account, mailbox)], envelope, b"", content)

    def give(self, number: int, account: str = ANN, mailbox: str = "INBOX") -> Deferred[None]:
        placements = self.incoming(account, mailbox)
        return self.batches.place(placements, len(BODY), lambda: self.placed.append(number))

    def seen(self, account: str = ANN) -> int:
        return result_of(self.stores.open(account).addCallback(lambda store: store.status("INBOX"))).messages


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    result_of(made.stores.close())
    made.disk.close()


def files(tmp_path: Path) -> int:
    return sum(1 for path in tmp_path.rglob("new/*") if path.is_file())


def test_the_answer_does_not_wait_for_the_file(place: Place, tmp_path: Path) -> None:
    answer = place.give(1)
    assert not answer.called
    place.threads.turn()
    result_of(answer)
    assert (files(tmp_path), place.placed) == (0, [])
    place.threads.turn()
    assert (files(tmp_path), place.placed) == (1, [1])


def test_whoever_looks_sees_what_was_answered(place: Place, tmp_path: Path) -> None:
    answer = place.give(1)
    place.threads.turn()
    result_of(answer)
    assert files(tmp_path) == 0
    assert place.seen() == 1
    assert files(tmp_path) == 1
    assert place.placed == []
    place.threads.turn()
    assert place.placed == [1]
    assert place.seen() == 1


def test_what_arrives_meanwhile_is_one_batch(place: Place) -> None:
    place.give(0)
    records: list[int] = []
    record = place.disk.record
    place.disk.record = lambda units: (records.append(len(units)), record(units))[1]  # type: ignore[method-assign]
    answers = [place.give(number) for number in range(1, 8)]
    while place.threads.turn():
        pass
    for answer in answers:
        result_of(answer)
    assert records == [1, 7]
    assert sorted(place.placed) == list(range(8))


def test_a_refused_message_concerns_no_other(place: Place) -> None:
    answers = [place.give(1), place.give(2, mailbox="None"), place.give(3)]
    while place.threads.turn():
        pass
    failure_of(answers[1], NotFound)
    assert sorted(place.placed) == [1, 3]
    assert place.seen() == 2


def test_gathering_waits_for_the_turn_and_lingering_for_more(tmp_path: Path) -> None:
    place = Place(tmp_path, gather=0.0, linger=0.01)
    answer = place.give(1)
    assert not place.threads.waiting
    place.clock.advance(0)
    place.threads.turn()
    result_of(answer)
    assert not place.threads.waiting
    place.clock.advance(0.01)
    place.threads.turn()
    assert place.placed == [1]


def test_where_many_send_a_batch_waits_for_more(tmp_path: Path) -> None:
    place = Place(tmp_path, gather=0.0, linger=1.0, gather_many=0.5)
    many = [place.give(number) for number in range(batches_module.MANY)]
    place.clock.advance(0)
    place.threads.turn()
    assert all(answer.called for answer in many)
    late = place.give(9)
    place.clock.advance(0.4)
    assert not place.threads.waiting
    place.clock.advance(0.1)
    place.threads.turn()
    assert late.called
    alone = place.give(10)
    place.clock.advance(0)
    place.threads.first()
    assert alone.called, "the last batch was of one"


def test_where_many_send_what_is_behind_waits_for_more(tmp_path: Path) -> None:
    place = Place(tmp_path, gather=0.0, linger=0.1, linger_many=0.5)
    for number in range(batches_module.MANY):
        place.give(number)
    place.clock.advance(0)
    place.threads.turn()  # records them
    place.clock.advance(0.4)
    assert not place.threads.waiting
    place.clock.advance(0.1)
    place.threads.turn()
    assert len(place.placed) == batches_module.MANY
    place.give(9)
    place.clock.advance(0)
    place.threads.turn()
    place.clock.advance(0.1)
    place.threads.turn()
    assert place.placed[-1] == 9, "the last batch was of one"


def test_deliveries_wait_when_too_much_is_behind(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches_module, "MAX_COUNT_BEHIND", 2)
    first = [place.give(number) for number in range(3)]
    place.threads.turn()  # records the first alone
    placing = place.threads.waiting.pop()
    place.threads.turn()
    for answer in first:
        result_of(answer)
    late = place.give(9)
    assert place.threads.turn() == 0, "three are behind"
    assert not late.called
    placing()
    while place.threads.turn():
        pass
    result_of(late)
    assert sorted(place.placed) == [0, 1, 2, 9]


def test_what_cannot_be_placed_is_tried_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    written = journal_disk.write_file

    def full(what: Put) -> None:
        if what.via:
            raise OSError(28, "No space left on device")
        written(what)

    with monkeypatch.context() as patch:
        patch.setattr("mailsuite.disk.journal_disk.write_file", full)
        answer = place.give(1)
        place.threads.turn()
        result_of(answer)
        place.threads.turn()
        assert place.seen() == 0, "whoever looks is not kept from the rest"
    assert place.placed == []
    place.clock.advance(TRY_AGAIN)
    place.threads.turn()
    assert place.placed == [1]
    assert place.seen() == 1


def test_nothing_is_tried_again_after_the_end(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    written = journal_disk.write_file

    def full(what: Put) -> None:
        if what.via:
            raise OSError(28, "No space left on device")
        written(what)

    with monkeypatch.context() as patch:
        patch.setattr("mailsuite.disk.journal_disk.write_file", full)
        place.give(1)
        place.threads.turn()
        place.threads.turn()
    assert place.clock.getDelayedCalls()
    result_of(place.batches.close())
    assert not place.clock.getDelayedCalls()
    failure_of(place.give(2), Temporary)


@pytest.mark.parametrize("turns", [0, 1, 2])
def test_the_end_waits_until_all_that_was_taken_is_told(turns: int, tmp_path: Path) -> None:
    """At whatever point of their way they are: in a thread, or waiting for others to be recorded or placed with."""
    place = Place(tmp_path, gather=0.01, linger=0.02)
    answers = [place.give(1), place.give(2, BOB)]
    for _ in range(turns):
        place.clock.advance(0.02)
        place.threads.turn()
    ending = place.batches.close()
    late = place.give(3)
    while not ending.called:
        place.clock.advance(0.02)
        assert place.threads.turn() or place.clock.getDelayedCalls() or ending.called
    assert place.placed[:2] == [1, 2]
    for answer in [*answers, *([late] if 3 in place.placed else [])]:
        result_of(answer)
    assert not place.clock.getDelayedCalls()
    failure_of(place.give(4), Temporary)
    result_of(place.stores.close())
    place.disk.close()


def test_the_end_waits_for_what_is_prepared_alone(place: Place) -> None:
    told: list[str] = []
    answer = place.batches.place(place.incoming(), batches_module.SMALL_BODY + 1, lambda: told.append("placed"))
    ending = place.batches.close()
    for _ in range(2):
        place.threads.turn()
        assert not ending.called
    place.threads.turn()
    result_of(ending)
    result_of(answer)
    assert told == ["placed"]


class Full:
    """A disk that has no room for the files of one account."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._written = journal_disk.write_file

    def __call__(self, what: Put) -> None:
        if what.via and f"/{self._account}/" in what.path:
            raise OSError(28, "No space left on device")
        self._written(what)


def test_what_cannot_be_placed_delays_its_own_mail_only(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("mailsuite.disk.journal_disk.write_file", Full("ann"))
        answers = [place.give(0, BOB), place.give(1, ANN), place.give(2, BOB)]  # the last two are one batch
        while place.threads.turn():
            pass
        answers += [place.give(3, ANN), place.give(4, BOB)]
        while place.threads.turn():
            pass
        answers.append(place.give(5, BOB))
        while place.threads.turn():
            pass
        assert place.placed == [0, 4, 5]
        assert place.seen(BOB) == 4
        with pytest.raises(Temporary):
            place.disk.checkpoint()
    place.clock.advance(TRY_AGAIN)
    while place.threads.turn():
        pass
    for answer in answers:
        result_of(answer)
    assert sorted(place.placed) == [0, 1, 2, 3, 4, 5]
    assert (place.seen(ANN), place.seen(BOB)) == (2, 4)


def test_why_messages_cannot_be_placed_is_told_once_until_it_is_over(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work() -> None:
        while place.threads.turn():
            pass

    def told() -> int:
        return sum("cannot be placed yet" in each["log_format"] for each in logged)

    with capturedLogs() as logged:
        for times in (1, 2):
            with monkeypatch.context() as patch:
                patch.setattr("mailsuite.disk.journal_disk.write_file", Full("ann"))
                for number in range(3):
                    place.give(number)
                    work()
                place.clock.advance(TRY_AGAIN)
                work()
                assert told() == times
            place.clock.advance(TRY_AGAIN)
            work()
            assert place.seen(ANN) == 3 * times


def test_nobody_waits_for_what_cannot_be_placed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches_module, "MAX_COUNT_BEHIND", 2)
    with monkeypatch.context() as patch:
        patch.setattr("mailsuite.disk.journal_disk.write_file", Full("ann"))
        first = [place.give(number) for number in range(3)]
        late = place.give(9)
        while place.threads.turn():
            pass
        for answer in first:
            result_of(answer)
        result_of(late)  # came in the batch with the others
        refused = place.give(10)
        failure_of(refused, Temporary)
    place.clock.advance(TRY_AGAIN)
    while place.threads.turn():
        pass
    taken = place.give(11)
    while place.threads.turn():
        pass
    result_of(taken)
    assert sorted(place.placed) == [0, 1, 2, 9, 11]


def test_a_busy_account_delays_its_own_mail_only(place: Place) -> None:
    begun, ended = threading.Event(), threading.Event()
    account = place.incoming()[0].account

    def work() -> None:
        with account.locked():
            begun.set()
            ended.wait(10)

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait(10)
    busy, other = place.give(1, ANN), place.give(2, BOB)
    place.threads.first()  # finds the account busy
    place.threads.first()  # records what gathered; the first message has a thread of its own
    result_of(other)
    assert not busy.called
    assert place.seen(BOB) == 1
    ended.set()
    thread.join()
    while place.threads.turn():
        pass
    result_of(busy)
    assert sorted(place.placed) == [1, 2]


def test_an_account_that_becomes_busy_hears_of_its_mail_later(place: Place) -> None:
    answers = [place.give(1, ANN), place.give(2, BOB)]
    account = place.incoming()[0].account
    place.threads.turn()
    begun, ended = threading.Event(), threading.Event()

    def work() -> None:
        with account.locked(see_all=False):
            begun.set()
            ended.wait(10)

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait(10)
    place.threads.first()  # records the second
    place.threads.first()  # places the first, which cannot be told
    place.threads.first()
    assert place.placed == [2]
    ended.set()
    thread.join()
    while place.threads.turn():
        pass
    assert sorted(place.placed) == [1, 2]
    for answer in answers:
        result_of(answer)


def test_a_closed_journal_refuses(place: Place) -> None:
    place.disk._journal.fail("for a test")
    answer = place.give(1)
    while place.threads.turn():
        pass
    failure_of(answer, Temporary)
    assert place.placed == []
    place.disk._opened = False
