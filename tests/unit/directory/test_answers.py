"""Answers are known again only while the file they came from surely has not changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mailsuite.directory import answers
from mailsuite.directory.answers import LOOK_AGAIN, SETTLED, Answers


class Kept:
    """A file, its answers, and a time that the test sets."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "file"
        self.path.write_bytes(b"one")
        self.time = self.path.stat().st_mtime + SETTLED + 1
        self.answers = Answers[str](str(self.path), lambda: self.time)

    def keep(self, question: str, answer: str) -> None:
        self.answers.keep(question, answer, self.answers.state())


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    kept = Kept(tmp_path)
    kept.keep("who", "ann")
    kept.time += LOOK_AGAIN + 0.001
    return kept


def test_the_same_question_has_the_same_answer(kept: Kept) -> None:
    assert kept.answers.get("who") == "ann"
    assert kept.answers.get("what") is None


def test_a_file_of_another_time_is_asked_again(kept: Kept) -> None:
    os.utime(kept.path, (1, 1))
    assert kept.answers.get("who") is None


def test_a_file_of_another_size_is_asked_again(kept: Kept) -> None:
    before = kept.path.stat()
    kept.path.write_bytes(b"three")
    os.utime(kept.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert kept.answers.get("who") is None


def test_another_file_of_the_name_is_asked_again(kept: Kept) -> None:
    before, other = kept.path.stat(), kept.path.with_name("other")
    other.write_bytes(b"two")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.rename(kept.path)
    assert kept.answers.get("who") is None


def test_a_file_that_is_gone_has_no_answers(kept: Kept) -> None:
    kept.path.unlink()
    assert kept.answers.get("who") is None
    kept.keep("who", "ann")
    assert kept.answers.get("who") is None


def test_the_file_is_looked_at_only_now_and_then(kept: Kept) -> None:
    assert kept.answers.get("who") == "ann"
    os.utime(kept.path, (1, 1))
    kept.time += LOOK_AGAIN * 0.9
    assert kept.answers.get("who") == "ann"
    kept.time += LOOK_AGAIN * 0.2
    assert kept.answers.get("who") is None


def test_a_clock_that_is_set_back_does_not_keep_answers_alive(kept: Kept) -> None:
    assert kept.answers.get("who") == "ann"
    os.utime(kept.path, (1, 1))
    kept.time -= 3600
    assert kept.answers.get("who") is None


def test_what_was_read_right_after_a_change_is_not_kept(kept: Kept) -> None:
    kept.time = kept.path.stat().st_mtime + SETTLED - 0.1
    kept.keep("what", "young")
    assert kept.answers.get("what") is None


def test_an_answer_read_before_a_change_is_not_taken_for_one_after_it(kept: Kept) -> None:
    state = kept.answers.state()
    os.utime(kept.path, (1, 1))
    kept.answers.keep("what", "old", state)
    kept.time += LOOK_AGAIN + 0.001
    assert kept.answers.get("what") is None


def test_only_so_many_are_kept(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "LIMIT", 2)
    kept.keep("what", "two")
    kept.keep("when", "three")
    assert [kept.answers.get(question) for question in ("who", "what", "when")] == [None, None, "three"]
