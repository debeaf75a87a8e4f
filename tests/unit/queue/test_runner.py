"""The runner on a clock of its own, with doubles around it: five days pass in milliseconds."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from types import SimpleNamespace

import msgspec
import pytest
from runner_world import AL, BOB, DAN, EVE, HEADER, MX1, MX2, MXD, NOW, World, later, never
from twisted.internet.defer import Deferred, fail

from mailsuite.errors import InvalidName, NoRoute, OnHold, Temporary
from mailsuite.interfaces import IBody
from mailsuite.model import (
    EVERYTHING,
    NULL_SENDER,
    Address,
    Bounce,
    Delayed,
    DeliverBy,
    Delivered,
    Drop,
    Envelope,
    Failed,
    Hold,
    Hop,
    Kick,
    Outcome,
    Recipient,
    Release,
    Reroute,
    Status,
)
from mailsuite.queue.runner import Runner
from mailsuite.queue.schedule import DAY, HOUR, MINUTE, Schedule
from mailsuite.testing.courier import Answer, accept, unreachable
from mailsuite.testing.queue import order
from mailsuite.testing.results import failure_of, result_of


@pytest.fixture
def world() -> World:
    world = World()
    world.runner.start()
    return world


def test_a_message_is_carried_as_soon_as_it_arrives(world: World) -> None:
    world.add("m1")
    assert world.courier.carried == [("mx1.b.test", "m1", ("bob@b.test",))]
    assert world.listed() == []
    assert world.reports.reported == []


def test_messages_from_before_the_start_are_carried() -> None:
    world = World()
    world.add("m1")
    world.runner.start()
    assert world.listed() == []


def test_recipients_of_one_domain_go_together_others_apart(world: World) -> None:
    world.add("m1", BOB, DAN, EVE)
    assert sorted(world.courier.carried) == [
        ("mx.d.test", "m1", ("dan@d.test",)),
        ("mx1.b.test", "m1", ("bob@b.test", "eve@b.test")),
    ]


def test_domains_with_the_same_hops_go_together(world: World) -> None:
    world.router.table = {"b.test": (MX1,), "d.test": (MX1,)}
    world.add("m1", BOB, DAN)
    assert world.courier.carried == [("mx1.b.test", "m1", ("bob@b.test", "dan@d.test"))]


def test_the_next_hop_is_tried_when_one_cannot_be_reached(world: World) -> None:
    world.courier.answers["mx1.b.test"] = unreachable
    world.add("m1")
    assert world.hosts() == ["mx1.b.test", "mx2.b.test"]
    assert world.listed() == []


def test_only_the_undecided_go_to_the_next_hop(world: World) -> None:
    def half(hop: Hop, recipient: Address) -> Outcome:
        return never(hop, recipient) if recipient == BOB else unreachable(hop, recipient)

    world.courier.answers["mx1.b.test"] = half
    world.add("m1", BOB, EVE)
    assert world.courier.carried[1] == ("mx2.b.test", "m1", ("eve@b.test",))
    assert [type(one) for _, outcomes in world.reports.reported for one in outcomes] == [Failed]


@pytest.mark.parametrize("answer", [later, never])
def test_what_a_host_has_decided_is_not_asked_of_another(world: World, answer: object) -> None:
    world.courier.answers["mx1.b.test"] = answer  # type: ignore[assignment]
    world.add("m1")
    assert world.hosts() == ["mx1.b.test"]


def busy(hop: Hop, recipient: Address) -> Outcome:
    return msgspec.structs.replace(later(hop, recipient), refused=True)


def unsure(hop: Hop, recipient: Address) -> Outcome:
    return Delayed(recipient, Status(4, 4, 2), "it may have taken the message", hop.host)


@pytest.mark.parametrize(
    ("first", "second", "text"),
    [
        (busy, accept, ""),
        # The better host said that it would take the message later: nothing but a delivery makes that void.
        (busy, busy, "mx1.b.test said: 450 greylisted"),
        (busy, never, "mx1.b.test said: 450 greylisted"),
        (busy, unreachable, "mx1.b.test said: 450 greylisted"),
        (unreachable, busy, "mx2.b.test said: 450 greylisted"),
        (busy, unsure, "it may have taken the message"),
    ],
)
def test_a_host_that_takes_nothing_now_is_no_reason_not_to_ask_the_next(
    world: World, first: Answer, second: Answer, text: str
) -> None:
    """RFC 5321 §5.1: in order, until a delivery attempt succeeds."""
    world.courier.answers |= {"mx1.b.test": first, "mx2.b.test": second}
    world.add("m1")
    assert world.hosts() == ["mx1.b.test", "mx2.b.test"]
    assert [one.pending[0].last_text for one in result_of(world.queue.list())] == ([text] if text else [])
    assert world.reports.reported == []


def test_where_the_next_host_may_have_taken_it_nobody_else_is_asked(world: World) -> None:
    world.router.table = {"b.test": (MX1, MX2, MXD)}
    world.courier.answers |= {"mx1.b.test": busy, "mx2.b.test": unsure}
    world.add("m1")
    assert world.hosts() == ["mx1.b.test", "mx2.b.test"]


def test_a_failure_is_reported_with_the_header_and_leaves_the_queue(world: World) -> None:
    world.courier.answers["mx1.b.test"] = never
    world.add("m1")
    assert world.reports.reported == [("m1", (never(MX1, BOB),))]
    assert world.reports.headers == [HEADER]
    assert world.listed() == []


def test_the_report_comes_before_the_removal(world: World) -> None:
    seen: list[list[str]] = []
    plain = world.reports.report

    def report(*args: object) -> Deferred[None]:
        seen.append(world.listed())
        return plain(*args)  # type: ignore[arg-type]

    world.reports.report = report  # type: ignore[method-assign,assignment]
    world.courier.answers["mx1.b.test"] = never
    world.add("m1")
    assert seen == [["m1"]]


def test_a_report_that_cannot_be_delivered_keeps_the_recipient(world: World) -> None:
    world.reports.failing = Temporary("disk full")
    world.courier.answers["mx1.b.test"] = never
    world.add("m1", BOB, DAN)
    assert world.waiting() == [BOB]
    assert world.reports.reported == []
    world.clock.advance(10 * MINUTE)
    assert world.reports.reported == [("m1", (never(MX1, BOB),))]
    assert world.listed() == []


def test_a_report_that_breaks_keeps_the_recipient(world: World) -> None:
    world.reports.report = lambda *args: fail(ValueError("a fault of ours"))  # type: ignore[method-assign]
    world.courier.answers["mx1.b.test"] = never
    world.add("m1")
    assert world.waiting() == [BOB]


def test_a_delay_is_told_once_and_just_after_an_attempt() -> None:
    """RFC 3461 §5.2.5."""
    world = World(Schedule(waits=(3 * HOUR,), jitter=0.0, delay_notice=4 * HOUR))
    world.runner.start()
    world.courier.answers["mx1.b.test"] = later
    world.add("m1")
    world.clock.advance(4 * HOUR - 1)
    assert world.reports.reported == []
    world.clock.advance(1)
    assert world.reports.reported == [("m1", (later(MX1, BOB),))]
    world.clock.pump([HOUR] * 24)
    assert len(world.reports.reported) == 1


def test_who_finds_no_room_when_a_delay_is_to_be_told_is_told_after_the_next_attempt() -> None:
    """Nobody hears of a delay from an attempt that was none."""
    schedule = Schedule(waits=(HOUR,), jitter=0.0, delay_notice=4 * HOUR)
    world = World(schedule, first_per_destination=1, per_destination=1)
    world.runner.start()
    world.courier.answers["mx1.b.test"] = later
    for id in ("m1", "m2"):
        world.add(id)
    world.clock.pump([HOUR] * 3)
    world.courier.paused = True
    world.clock.advance(HOUR)
    world.courier.resume()
    world.courier.paused = False
    world.clock.advance(HOUR)
    assert sorted(id for id, _ in world.reports.reported) == ["m1", "m2"]


def test_a_delay_that_cannot_be_told_now_is_told_later() -> None:
    world = World(Schedule(waits=(HOUR,), jitter=0.0, delay_notice=4 * HOUR))
    world.runner.start()
    world.courier.answers["mx1.b.test"] = later
    world.add("m1")
    world.clock.pump([HOUR] * 3)
    world.reports.failing = Temporary("disk full")
    world.clock.advance(HOUR)
    assert world.reports.reported == []
    world.clock.advance(HOUR)
    assert len(world.reports.reported) == 1


def test_who_asked_to_hear_of_success_does(world: World) -> None:
    world.queue.add(Envelope("m1", AL, (Recipient(BOB, notify=frozenset({"SUCCESS"})),), NOW), HEADER)
    world.add("m2")
    assert [(id, type(one)) for id, (one,) in world.reports.reported] == [("m1", Delivered)]


def test_a_message_to_be_returned_at_a_time_is_not_tried_after_it() -> None:
    """RFC 2852 §4.1, by-mode R."""
    world = World(Schedule(waits=(HOUR,), jitter=0.0))
    world.runner.start()
    world.courier.answers["mx1.b.test"] = later
    by = DeliverBy(NOW + 90 * MINUTE, returned=True)
    world.queue.add(Envelope("m1", AL, (Recipient(BOB),), NOW, deliver_by=by), HEADER)
    world.clock.pump([30 * MINUTE] * 2)
    assert len(world.courier.carried) == 2
    world.clock.advance(30 * MINUTE)
    assert len(world.courier.carried) == 2
    ((_, (outcome,)),) = world.reports.reported
    assert isinstance(outcome, Failed)
    assert str(outcome.status) == "5.4.7"
    assert "14 November 2023, 23:43:20 UTC or returned; the last attempt: mx1.b.test said: 450" in outcome.text
    assert world.listed() == []


def test_a_message_wanted_at_a_time_is_reported_late_and_tried_on() -> None:
    """RFC 2852 §4.1, by-mode N."""
    world = World(Schedule(waits=(HOUR,), jitter=0.0))
    world.runner.start()
    world.courier.answers["mx1.b.test"] = later
    by = DeliverBy(NOW + 90 * MINUTE, returned=False)
    world.queue.add(Envelope("m1", AL, (Recipient(BOB),), NOW, deliver_by=by), HEADER)
    world.clock.pump([30 * MINUTE] * 3)
    assert world.reports.reported == [("m1", (later(MX1, BOB),))]
    world.courier.answers.clear()
    world.clock.advance(HOUR)
    assert world.listed() == []


def test_a_domain_without_a_route_fails_with_its_status(world: World) -> None:
    world.router.table = {"b.test": NoRoute("5.1.10", "b.test does not accept mail")}
    world.add("m1", BOB)
    ((_, (outcome,)),) = world.reports.reported
    assert outcome == Failed(BOB, Status(5, 1, 10), "b.test does not accept mail")
    assert world.courier.carried == []


def test_dns_that_does_not_answer_delays(world: World) -> None:
    world.router.table = {"b.test": Temporary("no answer in time")}
    world.add("m1")
    (queued,) = result_of(world.queue.list())
    assert queued.pending[0].last_status == "4.4.3"
    world.router.table = {"b.test": (MX1,)}
    world.clock.advance(10 * MINUTE)
    assert world.listed() == []


@pytest.mark.parametrize("status", ["4.7.10", "4.7.30"])
def test_a_message_that_no_hop_protects_is_returned(world: World, status: str) -> None:
    """RFC 8689 §4.2.1."""

    def open_(hop: Hop, recipient: Address) -> Outcome:
        return Delayed(recipient, Status.parse(status), "no TLS")

    world.courier.answers["mx1.b.test"] = open_
    world.add("m1")
    assert world.listed() == []
    world.courier.answers["mx2.b.test"] = open_
    world.add("m2")
    ((_, (outcome,)),) = world.reports.reported
    assert outcome == Failed(BOB, Status.parse("5" + status[1:]), "no TLS", "mx2.b.test")


def test_somebody_can_have_a_message_returned(world: World) -> None:
    world.courier.answers["mx1.b.test"] = later
    world.add("m1")
    result_of(order(world.queue, "m1", Bounce("there is no such company any more")))
    ((_, (outcome,)),) = world.reports.reported
    assert outcome == Failed(BOB, Status(5, 0, 0), "there is no such company any more")
    assert world.listed() == []


@pytest.mark.parametrize("words", ["", " \n", "x" * 1001])
def test_words_of_a_return_are_some_and_not_too_many(world: World, words: str) -> None:
    world.courier.answers["mx1.b.test"] = later
    world.add("m1")
    assert failure_of(order(world.queue, "m1", Bounce(words)), InvalidName)
    assert world.listed() == ["m1"]


def test_words_of_people_are_one_line_of_the_log(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    log = SimpleNamespace(
        info=lambda text, **values: said.append(text.format(**{**values, "recipient": "", "id": ""})), failure=print
    )
    monkeypatch.setattr(Runner, "log", log)
    world.router.table = {**world.router.table, "b.test": OnHold("ask\n\x1b[2Jfirst")}
    world.add("m1", BOB)
    world.add("m2", BOB)
    result_of(order(world.queue, "m2", Bounce("go\r\n\x1b[2Jaway")))
    assert [one.rpartition(":")[2] for one in said if "first" in one] == [" ask??[2Jfirst"] * 2
    assert [one.rpartition(":")[2] for one in said if "away" in one] == [" 5.0.0 go???[2Jaway"]


def test_somebody_can_choose_another_way(world: World) -> None:
    world.courier.answers["mx1.b.test"] = later
    world.router.table["mx9.test:26"] = (Hop("mx9.test", ("192.0.2.9",), 26),)
    world.add("m1", BOB, DAN)
    result_of(order(world.queue, "m1", Reroute("mx9.test:26")))
    result_of(world.queue.order(EVERYTHING, Kick()))
    assert world.courier.carried[-1] == ("mx9.test", "m1", ("bob@b.test",))


def test_mail_on_hold_is_kept_and_nobody_is_told(world: World) -> None:
    world.router.table = {**world.router.table, "b.test": OnHold("ask first")}
    world.router.released = (MX1, MX2)
    world.add("m1", BOB, DAN, EVE)
    assert world.hosts() == ["mx.d.test"]
    assert world.waiting() == [BOB, EVE]
    (queued,) = result_of(world.queue.list())
    assert (queued.held, queued.pending[0].last_text, queued.attempts) == (True, "ask first", 1)
    for _ in range(12):
        world.clock.advance(HOUR)
    assert (world.hosts(), world.reports.reported) == (["mx.d.test"], [])
    result_of(order(world.queue, "m1", Release()))
    assert (world.hosts(), world.listed()) == (["mx.d.test", "mx1.b.test"], [])


@pytest.mark.parametrize("by_hand", [True, False])
def test_what_is_on_hold_is_returned_when_it_was_to_be_delivered(by_hand: bool) -> None:
    """RFC 2852 §4.1, by-mode R."""
    world = World(Schedule(waits=(HOUR,), jitter=0.0))
    if by_hand:
        world.courier.answers["mx1.b.test"] = later
    else:
        world.router.table = {"b.test": OnHold("ask first")}
    world.runner.start()
    by = DeliverBy(NOW + 90 * MINUTE, returned=True)
    world.queue.add(Envelope("m1", AL, (Recipient(BOB),), NOW, deliver_by=by), HEADER)
    result_of(order(world.queue, "m1", Hold()))
    tried = len(world.courier.carried)
    world.clock.pump([89 * MINUTE, 59.0])
    assert (world.reports.reported, world.listed()) == ([], ["m1"])
    world.clock.advance(1.0)
    ((_, (outcome,)),) = world.reports.reported
    assert isinstance(outcome, Failed)
    assert "23:43:20 UTC or returned" in outcome.text
    assert (world.listed(), len(world.courier.carried)) == ([], tried)


def test_what_is_on_hold_otherwise_stays_however_late(world: World) -> None:
    by = DeliverBy(NOW + 90 * MINUTE, returned=False)
    world.queue.add(Envelope("m1", AL, (Recipient(BOB),), NOW, release=NOW + HOUR, deliver_by=by), HEADER)
    result_of(order(world.queue, "m1", Hold()))
    for _ in range(24 * 10):
        world.clock.advance(HOUR)
    assert (world.listed(), world.courier.carried, world.reports.reported) == (["m1"], [], [])


def test_who_is_let_go_does_not_wait_for_the_next_attempt_of_others(world: World) -> None:
    world.router.table = {**world.router.table, "b.test": OnHold("ask first")}
    world.router.released = (MX1, MX2)
    world.courier.answers["mx.d.test"] = later
    world.add("m1", BOB, DAN)
    result_of(order(world.queue, "m1", Release()))
    assert world.hosts() == ["mx.d.test", "mx1.b.test"]
    assert world.waiting() == [DAN]


def test_a_host_that_does_not_let_us_in_is_left_alone_for_a_while(world: World) -> None:
    not_let_in = Status(4, 7, 8)
    world.router.table = {"b.test": (MX1,)}
    world.courier.answers["mx1.b.test"] = lambda hop, to: Delayed(to, not_let_in, "535 no")
    world.add("m1")
    world.add("m2")
    assert world.hosts() == ["mx1.b.test"]
    waiting = [queued.pending[0] for queued in result_of(world.queue.list())]
    assert [(one.last_status, one.last_text) for one in waiting] == [("4.7.8", "535 no")] * 2


def test_mail_on_hold_does_not_keep_a_delayed_recipient_from_being_tried(world: World) -> None:
    world.router.table = {**world.router.table, "b.test": OnHold("ask first")}
    world.courier.answers["mx.d.test"] = later
    world.add("m1", BOB, DAN)
    world.clock.advance(6 * MINUTE)
    assert world.hosts() == ["mx.d.test"] * 2
    del world.courier.answers["mx.d.test"]
    world.clock.advance(12 * MINUTE)
    (queued,) = result_of(world.queue.list())
    assert (queued.held, world.waiting()) == (True, [BOB])


def test_who_greylists_lets_the_message_in_at_the_first_retry() -> None:
    """RFC 6647: for five minutes from the first attempt on nobody is let in."""
    for seed in range(20):
        world = World(Schedule(), seed)
        world.courier.answers["mx1.b.test"] = lambda hop, to, world=world: (  # type: ignore[misc]
            later(hop, to) if world.clock.seconds() < NOW + 5 * MINUTE else accept(hop, to)
        )
        world.runner.start()
        world.add("m1")
        world.clock.pump([1.0] * 360)
        assert (world.hosts(), world.listed()) == (["mx1.b.test"] * 2, [])


def test_five_days_of_retries_then_a_report() -> None:
    world = World(Schedule(jitter=0.1, delay_notice=0), unreachable=60.0)
    world.runner.start()
    world.courier.answers = {"mx1.b.test": unreachable, "mx2.b.test": unreachable}
    world.add("m1", BOB)
    times = [world.clock.seconds()]
    while world.listed():
        due = world.queue.when_due()
        assert due is not None
        world.clock.advance(due - world.clock.seconds())
        times.append(world.clock.seconds())
    assert times[-1] == NOW + 5 * DAY
    waits = [later - sooner for sooner, later in itertools.pairwise(times)]
    assert 4 * MINUTE < waits[0] < 6 * MINUTE
    assert max(waits) < 4.5 * 3600
    assert len(world.courier.carried) == 2 * len(times)
    ((id, (outcome,)),) = world.reports.reported
    assert id == "m1"
    assert isinstance(outcome, Failed)
    assert str(outcome.status) == "5.4.1"
    assert "connection refused" in outcome.text


def test_the_null_sender_is_handed_on_like_any_other(world: World) -> None:
    """Whether somebody is told is decided by IReports."""
    world.courier.answers["mx1.b.test"] = never
    world.add("m1", sender=NULL_SENDER)
    assert world.listed() == []


def test_a_host_that_did_not_answer_is_left_alone_for_a_while(world: World) -> None:
    world.courier.answers["mx1.b.test"] = unreachable
    for id in ("m1", "m2"):
        world.add(id)
    assert world.hosts() == ["mx1.b.test", "mx2.b.test", "mx2.b.test"]
    world.clock.advance(61)
    world.add("m3")
    assert world.hosts()[3:] == ["mx1.b.test", "mx2.b.test"]


def test_a_flush_tries_a_host_that_is_left_alone_once(world: World) -> None:
    world.router.table = {"b.test": (MX1,)}
    world.courier.answers["mx1.b.test"] = unreachable
    for id in ("m1", "m2"):
        world.add(id)
    world.clock.advance(1)
    result_of(world.queue.order(EVERYTHING, Kick()))
    world.clock.advance(0)
    assert world.hosts() == ["mx1.b.test"] * 2


def test_a_host_that_answered_and_broke_off_is_not_left_alone(world: World) -> None:
    def broke(hop: Hop, recipient: Address) -> Outcome:
        return Delayed(recipient, Status(4, 4, 2), f"{hop.host}: connection lost while waiting for DATA")

    world.courier.answers["mx1.b.test"] = broke
    for id in ("m1", "m2"):
        world.add(id)
    assert world.hosts() == ["mx1.b.test", "mx2.b.test"] * 2


def test_a_message_for_a_host_that_is_left_alone_is_delayed_with_the_reason(world: World) -> None:
    world.router.table = {"b.test": (MX1,)}
    world.courier.answers["mx1.b.test"] = unreachable
    world.add("m1")
    world.add("m2")
    assert world.hosts() == ["mx1.b.test"]
    waiting = [queued.pending[0] for queued in result_of(world.queue.list())]
    assert [one.last_text for one in waiting] == ["mx1.b.test: connection refused"] * 2
    assert [one.last_host for one in waiting] == ["mx1.b.test"] * 2


def test_a_fault_of_ours_delays(world: World) -> None:
    plain = world.queue.body
    world.queue.body = lambda id: fail(ZeroDivisionError())  # type: ignore[method-assign]
    world.add("m1")
    assert world.waiting() == [BOB]
    world.queue.body = plain  # type: ignore[method-assign]
    world.clock.advance(10 * MINUTE)
    assert world.listed() == []


def test_a_message_whose_file_is_gone_is_delayed(world: World) -> None:
    world.queue.body = lambda id: fail(Temporary("I/O error"))  # type: ignore[method-assign]
    world.add("m1")
    (queued,) = result_of(world.queue.list())
    assert queued.pending[0].last_text == "I/O error"
    assert world.courier.carried == []


def test_while_nothing_waits_for_room_the_end_of_an_attempt_asks_the_queue_for_nothing(world: World) -> None:
    asked: list[int] = []
    plain = world.queue.lease
    world.queue.lease = lambda limit, enter: asked.append(limit) or plain(limit, enter)  # type: ignore[method-assign,func-returns-value]
    world.courier.paused = True
    world.add("m1")
    before = len(asked)
    world.courier.resume()
    assert world.listed() == []
    assert len(asked) == before


def test_what_breaks_at_the_end_of_an_attempt_is_tried_again(world: World) -> None:
    plain, faults = world.queue.settle, [ZeroDivisionError()]
    world.courier.paused = True
    world.add("m1")
    world.queue.settle = lambda *args: fail(faults.pop()) if faults else plain(*args)  # type: ignore[method-assign]
    world.courier.paused = False
    world.courier.resume()
    assert world.listed() == ["m1"]
    world.clock.advance(10 * MINUTE)
    assert world.listed() == []


def test_after_a_delay_that_was_not_written_the_queue_is_asked_what_is_due(world: World) -> None:
    asked: list[int] = []
    plain = world.queue.lease
    world.courier.answers["mx1.b.test"] = later
    world.courier.paused = True
    world.add("m1")
    world.queue.lease = lambda limit, enter: asked.append(limit) or plain(limit, enter)  # type: ignore[method-assign,func-returns-value]
    world.queue.settle = lambda *args: fail(Temporary("I/O error"))  # type: ignore[method-assign]
    world.courier.resume()
    assert asked


def test_a_fault_in_the_courier_delays(world: World) -> None:
    def broken(hop: Hop, recipient: Address) -> Outcome:
        raise ZeroDivisionError

    world.courier.answers["mx1.b.test"] = broken
    world.add("m1")
    assert world.waiting() == [BOB]
    world.courier.answers.clear()
    world.clock.advance(10 * MINUTE)
    assert world.listed() == []


def test_a_queue_that_cannot_be_read_is_asked_again(world: World) -> None:
    plain = world.queue.lease
    world.queue.lease = lambda limit: fail(Temporary("I/O error"))  # type: ignore[method-assign]
    world.add("m1")
    world.queue.lease = plain  # type: ignore[method-assign]
    world.clock.advance(60)
    assert world.listed() == []


def test_a_message_dropped_under_way_stays_dropped(world: World) -> None:
    world.courier.paused = True
    world.add("m1")
    result_of(order(world.queue, "m1", Drop()))
    world.courier.resume()
    assert world.listed() == []


def test_flush_carries_at_once(world: World) -> None:
    world.courier.answers["mx1.b.test"] = later
    world.add("m1")
    world.courier.answers.clear()
    result_of(world.queue.order(EVERYTHING, Kick()))
    assert world.listed() == []


def test_a_message_that_waited_for_room_goes_though_the_clock_was_set_back_meanwhile() -> None:
    world = World(first_per_destination=1, per_destination=1)
    world.courier.paused = True
    world.runner.start()
    world.add("m1")
    world.add("m2")
    world.clock.rightNow -= 2 * HOUR
    world.courier.resume()
    world.courier.resume()
    assert world.listed() == []


def test_who_was_served_leaves_the_queue_while_others_of_the_message_take_long(world: World) -> None:
    plain = world.courier.deliver

    def deliver(hop: Hop, envelope: Envelope, those: Sequence[Recipient], body: IBody) -> Deferred[Sequence[Outcome]]:
        return Deferred() if hop is MXD else plain(hop, envelope, those, body)

    world.courier.deliver = deliver  # type: ignore[method-assign,assignment]
    world.add("m1", BOB, DAN)
    assert world.waiting() == [DAN]
    assert result_of(world.queue.lease(10)) == []
