"""Cancelled answers: the work is done, the others hear of it, nothing leaks."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Any

import pytest
from maildir_site import ANN, MESSAGE, Site
from twisted.logger import capturedLogs

from mailsuite.model import FlagOp, FlagsChanged, ToMailbox
from mailsuite.query import Text
from mailsuite.testing.held import HeldOffload
from mailsuite.testing.results import result_of


@pytest.fixture
def held() -> HeldOffload:
    return HeldOffload()


@pytest.fixture
def site(tmp_path: Path, held: HeldOffload) -> Site:
    return Site(tmp_path / "site", offload=held)


def done(held: HeldOffload, answer: Any) -> Any:
    held.go()
    return result_of(answer)


def test_a_cancelled_change_is_made_and_told(site: Site, held: HeldOffload) -> None:
    store = done(held, site.stores.open(ANN))
    inbox = done(held, store.open("INBOX"))
    site.place(MESSAGE, ToMailbox(ANN))
    snapshot = done(held, inbox.snapshot(True))
    woken: list[bool] = []
    watch = inbox.watch(snapshot.at, lambda: woken.append(True))
    answer = inbox.store([1], FlagOp.ADD, frozenset({"\\Seen"}), None)
    answer.addErrback(lambda _: None)
    answer.cancel()
    held.go()
    assert woken == [True]
    assert [type(change) for change in watch.take()] == [FlagsChanged]


def test_a_body_that_nobody_wants_any_more_is_closed(site: Site, held: HeldOffload) -> None:
    store = done(held, site.stores.open(ANN))
    inbox = done(held, store.open("INBOX"))
    site.place(MESSAGE + b"x" * 300_000, ToMailbox(ANN))
    done(held, inbox.snapshot(True))
    before = len(os.listdir("/proc/self/fd"))
    answer = inbox.body(1)
    answer.addErrback(lambda _: None)
    answer.cancel()
    held.go()
    assert len(os.listdir("/proc/self/fd")) == before
    body = done(held, inbox.body(1))
    assert len(os.listdir("/proc/self/fd")) == before + 1
    body.close()
    held.go()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_body_that_nobody_wants_and_that_is_not_there_is_no_error(site: Site, held: HeldOffload) -> None:
    store = done(held, site.stores.open(ANN))
    inbox = done(held, store.open("INBOX"))
    answer = inbox.body(1)
    answer.addErrback(lambda _: None)
    answer.cancel()
    with capturedLogs() as logged:
        held.go()
        gc.collect()
    assert logged == []


def test_a_cancelled_search_stops_between_its_slices(site: Site, held: HeldOffload) -> None:
    store = done(held, site.stores.open(ANN))
    inbox = done(held, store.open("INBOX"))
    for _ in range(250):
        site.place(MESSAGE, ToMailbox(ANN))
    uids = done(held, inbox.snapshot(True)).uids
    answer = inbox.search(Text("line"), uids)
    answer.addErrback(lambda _: None)
    held.go(1)
    assert held.waiting == 1
    answer.cancel()
    held.go(1)
    assert held.waiting == 0
