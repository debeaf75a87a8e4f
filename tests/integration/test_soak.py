"""A short soak (bench/soak) with an accident of each kind; ``make soak MINUTES=20`` is the long one."""

from __future__ import annotations

from bench.soak.__main__ import told
from bench.soak.run import faults, soak


def test_all_that_was_acknowledged_is_there_after_accidents() -> None:
    result = soak(minutes=0.35, seed=8)
    assert result.good, told(result)
    assert result.balance.acknowledged > 100
    assert result.balance.relayed > 10
    assert result.counts["kill"] >= 1
    assert result.counts["no descriptors"] >= 1


def test_faults_are_tracebacks_that_no_accident_explains() -> None:
    day, traceback = "2026-11-21T17:00:00+0000 [a] ", "\n\tTraceback (most recent call last):\n\t  File x\n\t"
    expected = f"{day}a checkpoint failed{traceback}OSError: No space left\n\t\n"
    fault = f"{day}fault while serving x{traceback}KeyError: 3\n\t\n"
    assert faults(f"{day}calm\n{expected}{day}calm\n") == ()
    assert faults(f"{expected}{fault}{day}calm\n") == (f"{day}fault while serving x ... KeyError: 3",)
