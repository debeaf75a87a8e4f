"""Processes that are started while a signal comes do not stay behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from types import FrameType

import pytest

from mailsuite.testing.children import child, signals_later

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('there', flush=True); time.sleep(60)",
]


class Ended(Exception):
    """In place of the end of the program."""


@pytest.fixture(autouse=True)
def _ends() -> Iterator[None]:
    def end(number: int, _: FrameType | None) -> None:
        raise Ended(number)

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_comes_after_the_block_and_once(number: signal.Signals) -> None:
    done = []

    def block() -> None:
        with signals_later():
            signal.raise_signal(number)
            signal.raise_signal(number)
            done.append("the rest")

    with pytest.raises(Ended) as how:
        block()
    assert done == ["the rest"]
    assert how.value.args == (number,)
    with pytest.raises(Ended):
        signal.raise_signal(number)


def test_what_is_ignored_stays_so() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with signals_later():
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        signal.raise_signal(signal.SIGINT)


def test_a_child_that_starts_when_the_signal_comes_is_ended() -> None:
    started = []

    def start() -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen(SLEEP))
        signal.raise_signal(signal.SIGTERM)
        return started[0]

    with pytest.raises(Ended), child(start):
        raise AssertionError("not reached")
    assert started[0].returncode == -signal.SIGTERM


def test_a_child_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailsuite.testing.children.PATIENCE", 0.5)
    with child(lambda: subprocess.Popen(STUBBORN, stdout=subprocess.PIPE)) as process:
        assert process.stdout is not None
        process.stdout.readline()
    assert process.returncode == -signal.SIGKILL
    process.stdout.close()
