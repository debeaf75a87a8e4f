from __future__ import annotations

import resource
from collections.abc import Iterator

import pytest

from mailsuite.config.schema import Limits, Listener, Service, Settings
from mailsuite.services.descriptors import needed, raise_limit

NOFILE = resource.RLIMIT_NOFILE


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    before = resource.getrlimit(NOFILE)
    yield
    resource.setrlimit(NOFILE, before)


def test_every_connection_may_have_a_message_open() -> None:
    few, many = (
        needed(Settings("a.test", (Listener(Service.SMTP, "*", 25),), limits=Limits(connections=connections)))
        for connections in (10, 1010)
    )
    assert many - few == 2000
    assert few > 256


def test_soft_limit_is_raised_to_what_is_needed() -> None:
    hard = resource.getrlimit(NOFILE)[1]
    resource.setrlimit(NOFILE, (300, hard))
    assert raise_limit(400) == 400
    assert resource.getrlimit(NOFILE) == (400, hard)


def test_a_limit_that_is_high_enough_stays() -> None:
    resource.setrlimit(NOFILE, (400, resource.getrlimit(NOFILE)[1]))
    assert raise_limit(300) == 400
    assert resource.getrlimit(NOFILE)[0] == 400


def test_hard_limit_is_as_far_as_it_goes() -> None:
    hard = resource.getrlimit(NOFILE)[1]
    if hard == resource.RLIM_INFINITY:
        pytest.skip("this system has no hard limit")
    resource.setrlimit(NOFILE, (300, hard))
    assert raise_limit(hard + 1) == hard
    assert resource.getrlimit(NOFILE) == (hard, hard)
