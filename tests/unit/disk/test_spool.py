"""Drafts: in memory, then in a file, with back-pressure."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from mailsuite.disk import spool as spools
from mailsuite.disk.spool import Spool, content_of
from mailsuite.errors import Temporary
from mailsuite.interfaces import IDraft
from mailsuite.offload import Inline
from mailsuite.testing.held import HeldOffload
from mailsuite.testing.memory_store import MemoryBody
from mailsuite.testing.results import failure_of, result_of, unfired

MESSAGE = b"Received: one\r\nRECEIVED : two\r\n x\r\nSubject: y\r\n\r\nReceived: in the body\r\n" + b"line\r\n" * 50


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path / "spool")


def made(folder: str, memory_limit: int = 1000, offload: Any = None) -> Spool:
    spool = Spool(folder, offload or Inline(), memory_limit)
    spool.clean()
    return spool


@pytest.mark.parametrize("memory_limit", [0, 100, 10_000])
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_a_draft_gives_back_what_was_written(folder: str, memory_limit: int, step: int) -> None:
    draft = made(folder, memory_limit).draft()
    verifyObject(IDraft, draft)
    for at in range(0, len(MESSAGE), step):
        assert draft.write(MESSAGE[at : at + step]) is None
    assert (draft.size, draft.received) == (len(MESSAGE), 2)
    assert draft.header() == MESSAGE[: MESSAGE.index(b"\r\n\r\n") + 4]
    content = result_of(draft.content())
    assert (content.wire, content.stored) == (len(MESSAGE), len(MESSAGE.replace(b"\r\n", b"\n")))
    assert b"".join(content.chunks(10)) == MESSAGE.replace(b"\r\n", b"\n")
    assert bool(content.path) == (memory_limit < 500)
    body = result_of(draft.body())
    assert result_of(body.read_at(0, body.size)) == MESSAGE
    body.close()
    draft.discard()
    draft.discard()
    assert os.listdir(folder) == []


@settings(max_examples=100)
@given(st.lists(st.sampled_from([b"R", b"eceived:", b" x", b"\r", b"\n", b"\r\n", b"\r\n\r\n"]), max_size=15))
def test_received_and_header_do_not_depend_on_cuts(parts: list[bytes]) -> None:
    spool = Spool("/nowhere", Inline())
    whole, cut = spool.draft(), spool.draft()
    whole.write(b"".join(parts) + b"\r\n\r\n")
    for part in (*parts, b"\r\n\r\n"):
        cut.write(part)
    assert (whole.received, whole.header()) == (cut.received, cut.header())


def test_a_header_that_never_ends_is_kept_up_to_its_bound(folder: str) -> None:
    draft = made(folder).draft()
    for _ in range(600):
        draft.write(b"Received: x\r\n" * 80)
    assert len(draft.header()) == 256 * 1024
    assert 15_000 < draft.received < 25_000
    draft.discard()


def test_an_empty_draft_is_a_message_too(folder: str) -> None:
    draft = made(folder).draft()
    assert draft.header() == b""
    assert result_of(draft.content()).stored == 0
    assert result_of(draft.body()).size == 0


def test_a_slow_disk_holds_the_writer_back(folder: str) -> None:
    slow = HeldOffload()
    draft = made(folder, 0, slow).draft()
    block = b"x" * spools.BLOCK
    held = None
    written = 0
    while held is None:
        held = draft.write(block)
        written += len(block)
    assert unfired(held)
    assert written <= spools.MAX_WAITING + 2 * spools.BLOCK
    slow.go(1)
    assert result_of(held) is None
    content = draft.content()
    assert unfired(content)
    slow.go()
    assert len(b"".join(result_of(content).chunks())) == written


def test_a_writer_that_gives_up_waiting_does_no_harm(folder: str) -> None:
    slow = HeldOffload()
    draft = made(folder, 0, slow).draft()
    while (held := draft.write(b"x" * spools.BLOCK)) is None:
        pass
    held.addErrback(lambda _: None)
    held.cancel()
    draft.discard()
    slow.go()
    assert os.listdir(folder) == []


def test_a_failing_disk_fails_this_and_every_later_write(folder: str) -> None:
    draft = made(folder, 0).draft()
    os.rmdir(folder)
    failed = draft.write(b"x" * spools.BLOCK)
    assert failed is not None
    failure_of(failed, Temporary)
    again = draft.write(b"more")
    assert again is not None
    failure_of(again, Temporary)
    failure_of(draft.content(), Temporary)
    failure_of(draft.body(), Temporary)
    draft.discard()


def test_files_of_a_crashed_process_are_removed_at_start(folder: str) -> None:
    spool = made(folder, 0)
    for _ in range(3):
        spool.draft().write(b"x" * spools.BLOCK)
    Path(folder, "other").write_bytes(b"")
    assert Spool(folder, Inline()).clean() == 3
    assert os.listdir(folder) == ["other"]


def test_fifty_mebibytes_cost_little_memory(folder: str) -> None:
    draft = made(folder, 1 << 20).draft()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    chunk = (b"x" * 76 + b"\r\n") * 840
    for _ in range(850):
        assert draft.write(chunk) is None
    content = result_of(draft.content())
    assert sum(map(len, content.chunks())) == content.stored > 50 * 2**20
    body = result_of(draft.body())
    for offset in range(0, body.size, 1 << 20):
        result_of(body.read_at(offset, 1 << 20))
    body.close()
    draft.discard()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 20 * 1024


def test_the_content_of_any_draft_can_be_had() -> None:
    class Other:
        def body(self) -> Deferred[MemoryBody]:
            answer: Deferred[MemoryBody] = Deferred()
            answer.callback(MemoryBody(MESSAGE))
            return answer

    content = result_of(content_of(Other()))  # type: ignore[arg-type]
    assert (content.data, content.wire) == (MESSAGE.replace(b"\r\n", b"\n"), len(MESSAGE))
