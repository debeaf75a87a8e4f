"""The reactor for loopback dialogues: one thread for the whole test run, started at first use."""

from collections.abc import Iterator

import pytest

from mailsuite.testing.stages import ReactorThread


@pytest.fixture(scope="session")
def reactor_thread() -> Iterator[ReactorThread]:
    thread = ReactorThread()
    yield thread
    thread.stop()
