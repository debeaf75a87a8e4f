"""Messages on their way from ``new`` to ``cur``: whatever a power cut leaves, none is lost and none is doubled."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from maildir_site import ANN, MESSAGE, Site, seen

from mailsuite.disk.real import RealDisk
from mailsuite.errors import Temporary
from mailsuite.interfaces import IDisk
from mailsuite.model import FlagOp
from mailsuite.store.moves import Moves
from mailsuite.testing.results import failure_of, result_of

SEEN = frozenset({"\\Seen"})


class Watched(RealDisk):
    """Notes calls with the folder they change; ``broken`` names the one that fails."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, str]] = []
        self.broken = ""

    def __getattribute__(self, method: str) -> Any:
        found = super().__getattribute__(method)
        if method not in IDisk:
            return found

        def call(path: str, *args: Any, **kwargs: Any) -> Any:
            last = args[0] if method in ("rename", "link") else path
            folder = last if method == "sync_folder" else os.path.dirname(last)
            self.calls.append((method, os.path.basename(folder)))
            if method == self.broken:
                raise Temporary("not here")
            return found(path, *args, **kwargs)

        return call


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site", Watched())


SAFE = [("link", "cur"), ("link", "cur"), ("sync_folder", "cur"), ("unlink", "new"), ("unlink", "new")]


def test_messages_that_a_session_took_are_in_cur_before_they_leave_new(site: Site) -> None:
    inbox = site.mailbox()
    site.deliver()
    site.deliver()
    site.disk.calls.clear()
    result_of(inbox.snapshot(True))
    assert site.disk.calls == [*SAFE, ("sync_folder", "new")]
    assert len(site.files("cur")) == 2
    assert site.files("new") == []


def test_flagged_messages_are_in_cur_before_they_leave_new(site: Site) -> None:
    inbox = site.mailbox()
    site.deliver()
    site.deliver()
    result_of(inbox.store([1], FlagOp.ADD, SEEN, None))
    site.disk.calls.clear()
    site.deliver()
    site.disk.calls.clear()
    result_of(inbox.store([1, 2, 3], FlagOp.ADD, frozenset({"\\Flagged"}), None))
    assert site.disk.calls == [("rename", "cur"), *SAFE, ("sync_folder", "new")]


def test_a_flag_change_is_durable_when_it_is_told(site: Site) -> None:
    inbox = site.mailbox()
    site.deliver()
    result_of(inbox.snapshot(True))
    site.disk.calls.clear()
    result_of(inbox.store([1], FlagOp.ADD, SEEN, None))
    assert site.disk.calls[:2] == [("rename", "cur"), ("sync_folder", "cur")]


def test_a_message_that_another_program_flagged_in_new_is_in_cur_before_it_leaves(site: Site) -> None:
    site.mailbox()
    site.disk.calls.clear()
    site.drop("new", "1.x.host:2,S")
    assert seen(site.mailbox()) == {1: {"\\Seen"}}
    changes = [call for call in site.disk.calls if call[1] in ("new", "cur")]
    assert changes[:4] == [("rename", "new"), ("link", "cur"), ("sync_folder", "cur"), ("unlink", "new")]


@pytest.mark.parametrize("broken", ["sync_folder", "unlink"])
def test_a_move_that_breaks_off_is_ended_later(site: Site, broken: str) -> None:
    inbox = site.mailbox()
    site.deliver()
    site.disk.broken = broken
    failure_of(inbox.store([1], FlagOp.ADD, SEEN, None), Temporary)
    assert len(site.files("new")) == len(site.files("cur")) == 1
    site.disk.broken = ""
    site.disk.calls.clear()
    assert seen(inbox) == {1: {"\\Seen"}}
    assert site.disk.calls == [("sync_folder", "cur"), ("unlink", "new"), ("sync_folder", "new")]
    assert site.files("new") == []


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


def test_without_hard_links_messages_are_renamed(site: Site) -> None:
    inbox = site.mailbox()
    site.deliver()
    site.disk.broken = "link"
    result_of(inbox.store([1], FlagOp.ADD, SEEN, None))
    site.disk.calls.clear()
    assert seen(inbox) == {1: {"\\Seen"}}
    assert site.files("new") == []
    [kept] = site.files("cur")
    assert MESSAGE.replace(b"\r\n", b"\n") in (site.folder() / "cur" / kept).read_bytes()


def test_a_name_that_another_file_has_is_not_taken_from_it(tmp_path: Path) -> None:
    for folder in ("new", "cur"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x").write_text(folder)
    moves = Moves(RealDisk(), str(tmp_path / "new"), str(tmp_path / "cur"))
    moves.add(str(tmp_path / "new" / "x"), str(tmp_path / "cur" / "x"))
    moves.finish()
    assert [(tmp_path / folder / "x").read_text() for folder in ("new", "cur")] == ["new", "cur"]
