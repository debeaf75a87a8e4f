"""Many files in one step: as if there were a step for each, with a journal and without."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mailsuite.disk.journal_disk import JournalDisk
from mailsuite.disk.real import RealDisk
from mailsuite.errors import Temporary
from mailsuite.interfaces import IDisk
from mailsuite.steps import Append, Link, Links, Rename, Renames, Unlink, Unlinks, files, folders, singles

NAMES = [f"m{number}" for number in range(5)]


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda fd: None)


def journalled(folder: Path) -> Any:
    disk = JournalDisk(str(folder / "queue" / "journal"), 96 * 1024)
    disk.open(keep=False)
    return disk


@pytest.fixture(params=[journalled, lambda folder: RealDisk()])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    for inside in ("new", "cur"):
        (tmp_path / inside).mkdir()
    for name in NAMES:
        (tmp_path / "new" / name).write_text(name)
    return request.param(tmp_path)


def tree(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for inside in ("new", "cur") for p in (folder / inside).iterdir()}


def test_each_is_a_step_for_each_file() -> None:
    renames = Renames("/a", "/b", ["1", "2"], ["3", "4"])
    assert list(singles(renames)) == [Rename("/a/1", "/b/3"), Rename("/a/2", "/b/4")]
    assert list(singles(Links("/a", "/b", ["1"], ["2"]))) == [Link("/a/1", "/b/2")]
    assert list(singles(Unlinks("/a", ["1", "2"]))) == [Unlink("/a/1"), Unlink("/a/2")]
    assert [files(step) for step in (renames, Unlinks("/a", ["1"]), Unlink("/x"))] == [2, 1, 1]
    assert folders([Unlinks("/c", ["1"]), renames]) == ["/c", "/b", "/a"]


def test_they_are_renamed_linked_and_removed(disk: IDisk, tmp_path: Path) -> None:
    new, cur = str(tmp_path / "new"), str(tmp_path / "cur")
    steps = [Renames(new, cur, NAMES[:2], ["a", "b"]), Links(new, cur, NAMES[2:4], ["c", "d"]), Unlinks(new, NAMES[3:])]
    assert disk.commit(steps) == frozenset()
    assert tree(tmp_path) == {"cur/a": "m0", "cur/b": "m1", "cur/c": "m2", "cur/d": "m3", "new/m2": "m2"}


def test_what_is_missing_is_told_by_its_number_over_all_steps(disk: IDisk, tmp_path: Path) -> None:
    new, cur = str(tmp_path / "new"), str(tmp_path / "cur")
    steps = [Renames(new, cur, ["m0", "no"], ["a", "b"]), Unlink(f"{new}/no"), Unlinks(new, ["no", "m1"])]
    assert disk.commit(steps) == {1, 2, 3}
    assert sorted(tree(tmp_path)) == ["cur/a", "new/m2", "new/m3", "new/m4"]


def test_a_file_is_appended_to_where_it_ends(disk: IDisk, tmp_path: Path) -> None:
    log = tmp_path / "log"
    disk.commit([Append(str(log), 0, b"one\n")])
    log.write_bytes(b"one\nbroken off")
    disk.commit([Append(str(log), 4, b"two\n")])
    assert log.read_bytes() == b"one\ntwo\n"
    with pytest.raises(Temporary):
        disk.commit([Rename(str(tmp_path / "new/m0"), str(tmp_path / "new/x")), Append(f"{tmp_path}/no/log", 0, b"")])
    assert (tmp_path / "new/m0").exists()


def test_of_a_folder_that_is_gone_all_are_missing(tmp_path: Path) -> None:
    (tmp_path / "cur").mkdir()
    step = Renames(str(tmp_path / "gone"), str(tmp_path / "cur"), ["1", "2"], ["1", "2"])
    assert journalled(tmp_path).commit([step]) == {0, 1}


@pytest.mark.parametrize("kind", [Renames, Links])
def test_what_fails_in_the_middle_is_taken_back(disk: IDisk, tmp_path: Path, kind: Callable[..., Any]) -> None:
    before = tree(tmp_path)
    (tmp_path / "cur" / "c").mkdir()
    new, cur = str(tmp_path / "new"), str(tmp_path / "cur")
    with pytest.raises((Temporary, FileExistsError)):
        disk.commit([Renames(new, cur, ["m4"], ["x"]), kind(new, cur, NAMES[:4], ["a", "b", "c", "d"])])
    (tmp_path / "cur" / "c").rmdir()
    assert tree(tmp_path) == before


def test_where_there_are_no_links_it_is_a_copy(disk: IDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.EPERM, "not permitted")

    monkeypatch.setattr(os, "link", no_links)
    disk.commit([Links(str(tmp_path / "new"), str(tmp_path / "cur"), NAMES[:2], ["a", "b"])])
    assert tree(tmp_path) == {f"new/{name}": name for name in NAMES} | {"cur/a": "m0", "cur/b": "m1"}


def test_a_start_does_them_again(tmp_path: Path) -> None:
    for inside in ("new", "cur"):
        (tmp_path / inside).mkdir()
    new, cur = str(tmp_path / "new"), str(tmp_path / "cur")
    for name in NAMES:
        (tmp_path / "new" / name).write_text(name)
    disk = journalled(tmp_path)
    disk.commit([Renames(new, cur, NAMES[:2], ["a", "b"]), Unlinks(new, ["m2"]), Links(new, cur, ["m3"], ["d"])])
    done = tree(tmp_path)
    (tmp_path / "cur" / "a").rename(tmp_path / "new" / "m0")  # what a power cut may leave
    (tmp_path / "new" / "m2").write_text("m2")
    (tmp_path / "cur" / "d").unlink()
    disk._journal.close()
    journalled(tmp_path)
    assert tree(tmp_path) == done


def test_the_other_name_is_durable_before_one_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for inside in ("new", "cur"):
        (tmp_path / inside).mkdir()
    for name in NAMES:
        (tmp_path / "new" / name).write_text(name)
    disk = journalled(tmp_path)
    new, cur = str(tmp_path / "new"), str(tmp_path / "cur")
    synced: list[str] = []
    monkeypatch.setattr(disk, "sync_folder", synced.append)
    disk.commit([Links(new, cur, NAMES, NAMES), Renames(new, new, ["m0"], ["x"])])
    disk.commit([Unlinks(new, ["x", "m1", "m2"])])
    assert synced == [cur]
    disk.commit([Unlinks(cur, ["m0"])])
    assert synced == [cur, new]
    disk.checkpoint()
    disk.commit([Unlinks(new, ["m3"]), Unlink(f"{new}/m4")])
    assert synced == [cur, new]
