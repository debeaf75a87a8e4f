"""Shared by all tests: programs that must be there, hypothesis settings, and the reactor for loopback dialogues."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, settings

from mailsuite.testing.stages import ReactorThread

settings.register_profile(
    "project", deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.register_profile(
    "fuzz", deadline=None, max_examples=5000, suppress_health_check=list(HealthCheck), print_blob=True
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "project"))


@pytest.fixture(scope="session")
def program() -> Callable[[str], str]:
    """The path of a program: missing, the test is skipped, or fails where ``MAILSUITE_REQUIRE_CLIENTS`` is set."""

    def find(name: str) -> str:
        path = shutil.which(name, path=os.environ["PATH"] + ":/usr/local/sbin:/usr/sbin:/sbin")
        if path is None:
            if os.environ.get("MAILSUITE_REQUIRE_CLIENTS"):
                pytest.fail(f"{name} is not installed and MAILSUITE_REQUIRE_CLIENTS is set")
            pytest.skip(f"{name} is not installed")
        return path

    return find


@pytest.fixture(scope="session")
def reactor_thread() -> Iterator[ReactorThread]:
    """One thread for the whole test run, started at first use."""
    thread = ReactorThread()
    yield thread
    thread.stop()
