"""What lies in a Maildir and is no message: pipes, folders, links, files of others.  None of it may hold up a thread,
keep a mailbox closed or show a client a file of somebody else."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from maildir_site import MESSAGE, Site, seen
from twisted.logger import capturedLogs

from mailsuite.disk.body import measure, open_body, read_stored
from mailsuite.disk.real import RealDisk
from mailsuite.errors import Temporary
from mailsuite.offload import Inline
from mailsuite.testing.memory_store import EPOCH


def _link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def _dangling(path: Path) -> None:
    path.symlink_to("/nowhere/at/all")


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        here = os.getcwd()
        os.chdir(path.parent)  # a socket's path is short
        try:
            made.bind(path.name)
        finally:
            os.chdir(here)


STRANGE: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "folder": Path.mkdir,
    "link": _link,
    "dangling": _dangling,
    "socket": _socket,
}
strange = pytest.mark.parametrize("make", STRANGE.values(), ids=STRANGE)


@strange
@pytest.mark.parametrize("place", ["new/5.x.host", "cur/5.x.host,S=4,W=4:2,S"])
def test_only_regular_files_are_messages(site: Site, place: str, make: Callable[[Path], object]) -> None:
    site.deliver()
    inbox = site.mailbox()
    with capturedLogs() as logs:
        site.by_another_program(lambda folder: make(folder / place))
        assert seen(inbox) == {1: set()}
        site.drop("new", "6.x.host")
        assert seen(inbox) == {1: set(), 2: set()}
    path = str(site.folder() / place)
    assert [event["path"] for event in logs if event["log_level"].name == "warn"] == [path], "once is enough"
    assert os.path.lexists(path)
    site.restart()
    assert seen(site.mailbox()) == {1: set(), 2: set()}


@strange
def test_leftovers_in_tmp_keep_no_mailbox_closed(site: Site, make: Callable[[Path], object]) -> None:
    site.mailbox()
    path = site.folder() / "tmp" / "old"
    make(path)
    os.utime(path, (EPOCH - 1e6, EPOCH - 1e6), follow_symlinks=False)
    site.restart()
    site.mailbox()
    assert os.path.lexists(path) == path.is_dir()
    assert Path("/etc/passwd").exists()


@strange
@pytest.mark.parametrize("read", [RealDisk().read, measure, lambda path: read_stored(path, 9)])
def test_nothing_else_is_opened_even_if_it_is_asked_for(
    tmp_path: Path, read: Callable[[str], object], make: Callable[[Path], object]
) -> None:
    make(tmp_path / "x")
    descriptors = len(os.listdir("/proc/self/fd"))
    with pytest.raises((OSError, Temporary)) as caught:
        read(str(tmp_path / "x"))
    assert caught.type is not FileNotFoundError
    with pytest.raises(Temporary):
        open_body(str(tmp_path / "x"), Inline())
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_a_control_file_that_is_a_link_is_not_followed(site: Site) -> None:
    site.mailbox()
    (site.folder() / "subscriptions").symlink_to("/etc/passwd")
    with pytest.raises(Temporary):
        RealDisk().read(str(site.folder() / "subscriptions"))


def test_a_file_that_cannot_be_read_keeps_nobody_from_the_others(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = site.mailbox()
    site.drop("new", "5.x.host")
    site.drop("new", "6.x.host")
    open_ = os.open

    def refusing(path: str, flags: int, *args: int) -> int:
        if "5.x.host" in path:
            raise PermissionError(13, "Permission denied", path)
        return open_(path, flags, *args)

    monkeypatch.setattr(os, "open", refusing)
    with capturedLogs() as logs:
        assert len(seen(inbox)) == 1
    assert any("cannot be read" in event.get("log_format", "") for event in logs)
    assert [name for name in site.files("new") if name.startswith("6")] == [
        f"6.x.host,S={len(MESSAGE)},W={len(MESSAGE)},U=2"
    ]
