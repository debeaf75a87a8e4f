"""What a server asks of Python itself."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator

import pytest

from mailsuite.services.server import tune_interpreter


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    threshold, interval = gc.get_threshold(), sys.getswitchinterval()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)
    sys.setswitchinterval(interval)


def test_a_thread_soon_has_its_turn() -> None:
    """Answers wait for what threads do at the journal, several times a job."""
    tune_interpreter()
    assert sys.getswitchinterval() <= 0.001


def test_what_is_there_at_the_start_is_not_looked_through_again() -> None:
    tune_interpreter()
    assert gc.get_freeze_count() > 0
    assert gc.get_threshold()[0] > 700
