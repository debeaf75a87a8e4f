"""What RealDisk asks of the system, and in which order: that is what its promises rest on."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from mailsuite.disk import real
from mailsuite.disk.real import RealDisk
from mailsuite.errors import Temporary
from mailsuite.testing.system_calls import SystemCalls


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SystemCalls:
    return SystemCalls(monkeypatch.setattr, tmp_path)


def test_a_new_file_is_synced_after_its_last_octet(calls: SystemCalls, tmp_path: Path) -> None:
    RealDisk().write_new(str(tmp_path / "x"), [b"one", b"two"], mtime=5e8)
    assert calls.made == [("write", "x"), ("write", "x"), ("utime", "x"), ("fsync", "x")]


def test_a_file_is_replaced_by_one_that_is_synced_and_then_the_folder_is(calls: SystemCalls, tmp_path: Path) -> None:
    RealDisk().replace(str(tmp_path / "x"), b"new")
    changes = [call for call in calls.made if call[0] != "unlink"]
    assert changes == [("write", ".x.new"), ("fsync", ".x.new"), ("rename", "x"), ("fsync", ".")]


def test_syncing_a_folder_syncs_it(calls: SystemCalls, tmp_path: Path) -> None:
    RealDisk().sync_folder(str(tmp_path))
    assert calls.made == [("fsync", ".")]


def test_the_parent_is_synced_after_each_folder_that_is_made(calls: SystemCalls, tmp_path: Path) -> None:
    RealDisk().make_folder(str(tmp_path / "a" / "b"))
    assert calls.made == [("mkdir", "a"), ("fsync", "."), ("mkdir", "a/b"), ("fsync", "a")]


def test_folders_that_another_made_a_moment_ago_are_made_durable_too(calls: SystemCalls, tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    calls.made.clear()
    disk = RealDisk()
    disk.make_folder(str(tmp_path / "a" / "b"))
    assert calls.made == [("fsync", "."), ("fsync", "a")]
    disk.make_folder(str(tmp_path / "a" / "b"))
    disk.make_folder(str(tmp_path / "a"))
    assert len(calls.made) == 2, "once is enough"


@pytest.mark.parametrize("there_before", [False, True])
def test_two_who_make_a_folder_are_both_sure_of_it(
    calls: SystemCalls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there_before: bool
) -> None:
    """The second comes between the first's mkdir and its fsync."""
    disk, second = RealDisk(), []
    if there_before:
        disk.make_folder(str(tmp_path / "a"))
        disk.remove_folder(str(tmp_path / "a"))
    mkdir = os.mkdir

    def interrupted(path: str, mode: int) -> None:
        mkdir(path, mode)
        if not second:
            second.append(path)
            disk.make_folder(path)
            assert calls.made[-1] == ("fsync", ".")

    monkeypatch.setattr(os, "mkdir", interrupted)
    disk.make_folder(str(tmp_path / "a"))
    assert second


def test_a_folder_that_is_made_again_is_synced_again(calls: SystemCalls, tmp_path: Path) -> None:
    disk, path = RealDisk(), str(tmp_path / "a")
    disk.make_folder(path)
    disk.remove_folder(path)
    calls.made.clear()
    disk.make_folder(path)
    assert calls.made == [("mkdir", "a"), ("fsync", ".")]


def test_what_is_remembered_of_folders_is_bounded(
    calls: SystemCalls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(real, "MAX_DURABLE", 30)
    disk = RealDisk()
    for number in range(100):
        disk.make_folder(str(tmp_path / str(number)))
        assert len(disk._durable) <= 30
        assert calls.made[-1] == ("fsync", ".")


def test_a_file_in_the_place_of_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"")
    with pytest.raises(FileExistsError):
        RealDisk().make_folder(str(tmp_path / "x"))


def test_folders_of_others_need_not_be_readable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_ = os.open
    for folder in ("others", "others/ours", "others/ours/mail"):
        (tmp_path / folder).mkdir()

    def refusing(path: str, flags: int, *args: int) -> int:
        if path == str(tmp_path / "others"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return open_(path, flags, *args)

    monkeypatch.setattr(os, "open", refusing)
    RealDisk().make_folder(str(tmp_path / "others" / "ours" / "mail"))
    with pytest.raises(Temporary):
        RealDisk().make_folder(str(tmp_path / "others" / "fresh"))


def test_a_folder_that_cannot_be_synced_is_not_taken_for_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, path, fsync = RealDisk(), str(tmp_path / "a"), os.fsync

    def broken(fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    for _ in range(2):
        with pytest.raises(Temporary):
            disk.make_folder(path)
    monkeypatch.setattr(os, "fsync", fsync)
    disk.make_folder(path)
