"""Messages on their way from ``new`` to ``cur``: whatever a power cut leaves, none is lost and none is doubled."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from maildir_site import ANN, Site, seen

from mailsuite.testing.results import result_of

SEEN = frozenset({"\\Seen"})


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site")


@pytest.mark.parametrize("index_lost", [False, True])
def test_two_names_that_a_power_cut_left_are_one_message(site: Site, index_lost: bool) -> None:
    site.deliver()
    site.restart()
    [name] = site.files("new")
    site.by_another_program(lambda folder: os.link(folder / "new" / name, folder / "cur" / (name + ":2,S")))
    if index_lost:
        site.without_index(ANN)
    site.start()
    inbox = site.mailbox()
    assert list(seen(inbox)) == [1]
    assert site.files("new") == []
    result_of(inbox.expunge([1]))
    assert seen(site.mailbox()) == {}


def test_another_file_of_the_same_name_is_left_alone(site: Site) -> None:
    inbox = site.mailbox()
    site.deliver()
    [name] = site.files("new")
    (site.folder() / "cur" / (name + ":2,")).write_bytes(b"Subject: another\n\n")
    result_of(inbox.snapshot(True))
    assert b"hello" in (site.folder() / "new" / name).read_bytes()
    assert b"another" in (site.folder() / "cur" / (name + ":2,")).read_bytes()
