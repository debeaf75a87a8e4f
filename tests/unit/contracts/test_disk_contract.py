"""What IDisk promises, asked of the real one and of the one in memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from zope.interface.verify import verifyObject

from mailsuite.disk.journal_disk import JournalDisk
from mailsuite.disk.real import RealDisk
from mailsuite.errors import Temporary
from mailsuite.interfaces import IDisk, IPromise, IRecorded
from mailsuite.steps import Link, Put, Rename, Renames, Unlink, Unlinks
from mailsuite.testing.disk import MemoryDisk


@pytest.fixture(params=[RealDisk, MemoryDisk, JournalDisk])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    if request.param is JournalDisk:
        disk = JournalDisk(str(tmp_path / "q" / "journal"), 1 << 20)
        disk.open()
        yield disk
        disk.close()
    else:
        yield request.param()


@pytest.fixture
def base(disk: Any, tmp_path: Path) -> str:
    folder = str(tmp_path / "a" / "b")
    disk.make_folder(folder)
    return folder


def test_it_provides_its_interface(disk: Any) -> None:
    verifyObject(IDisk, disk)


def test_what_is_written_can_be_read(disk: Any, base: str) -> None:
    disk.write_new(base + "/x", (part for part in (b"one ", b"", b"two")))
    assert disk.read(base + "/x") == b"one two"
    assert disk.read_part(base + "/x", 2, 3) == b"e t"
    assert disk.read_part(base + "/x", 5, 100) == b"wo"
    assert list(disk.list_folder(base)) == ["x"]


def test_write_new_never_overwrites(disk: Any, base: str) -> None:
    disk.write_new(base + "/x", [b"old"])
    with pytest.raises(FileExistsError):
        disk.write_new(base + "/x", [b"new"])
    assert disk.read(base + "/x") == b"old"


def test_write_new_leaves_nothing_when_its_source_fails(disk: Any, base: str) -> None:
    def chunks() -> Any:
        yield b"part"
        raise Temporary("gone")

    with pytest.raises(Temporary):
        disk.write_new(base + "/x", chunks())
    assert list(disk.list_folder(base)) == []


def test_replace_puts_new_content_under_a_name(disk: Any, base: str) -> None:
    for content in (b"first", b"", b"third"):
        disk.replace(base + "/x", content)
        assert disk.read(base + "/x") == content
    assert list(disk.list_folder(base)) == ["x"]


def test_rename_moves_files_and_folders(disk: Any, base: str) -> None:
    disk.write_new(base + "/x", [b"1"])
    disk.write_new(base + "/y", [b"2"])
    disk.rename(base + "/x", base + "/y")
    assert disk.read(base + "/y") == b"1"
    disk.make_folder(base + "/f/g")
    disk.rename(base + "/y", base + "/f/g/y")
    disk.rename(base + "/f", base + "/h")
    assert disk.read(base + "/h/g/y") == b"1"
    assert list(disk.list_folder(base)) == ["h"]


def test_link_gives_a_second_name(disk: Any, base: str) -> None:
    disk.write_new(base + "/x", [b"1"])
    disk.link(base + "/x", base + "/y")
    with pytest.raises(FileExistsError):
        disk.link(base + "/x", base + "/y")
    disk.unlink(base + "/x")
    assert disk.read(base + "/y") == b"1"


def test_make_and_remove_folders(disk: Any, base: str) -> None:
    disk.make_folder(base + "/f/g")
    disk.make_folder(base + "/f/g")
    disk.write_new(base + "/f/g/x", [b"1"])
    disk.remove_folder(base + "/f")
    disk.sync_folder(base)
    assert list(disk.list_folder(base)) == []


@pytest.mark.parametrize(
    "work",
    [
        lambda disk, path: disk.read(path),
        lambda disk, path: disk.read_part(path, 0, 1),
        lambda disk, path: disk.unlink(path),
        lambda disk, path: disk.rename(path, path + "2"),
        lambda disk, path: disk.link(path, path + "2"),
        lambda disk, path: disk.list_folder(path),
        lambda disk, path: disk.sync_folder(path),
        lambda disk, path: disk.remove_folder(path),
        lambda disk, path: disk.write_new(path + "/x", [b""]),
        lambda disk, path: disk.replace(path + "/x", b""),
    ],
)
def test_what_is_not_there_is_not_found(disk: Any, base: str, work: Callable[[Any, str], object]) -> None:
    with pytest.raises(FileNotFoundError):
        work(disk, base + "/none")


def test_a_unit_does_its_steps_in_order(disk: Any, base: str) -> None:
    disk.make_folder(base + "/tmp")
    disk.write_new(base + "/tmp/big", [b"big"])
    unit = (
        Put(base + "/a", b"one", base + "/tmp/a", 5e8),
        Link(base + "/a", base + "/b"),
        Rename(base + "/tmp/big", base + "/c"),
        Put(base + "/meta", b"x"),
        Unlink(base + "/a"),
    )
    assert disk.commit(unit) == frozenset()
    assert disk.commit((Put(base + "/meta", b"y"), Rename(base + "/b", base + "/d"))) == frozenset()
    assert {name: disk.read(f"{base}/{name}") for name in ("c", "d", "meta")} == {
        "c": b"big",
        "d": b"one",
        "meta": b"y",
    }
    assert sorted(disk.list_folder(base)) == ["c", "d", "meta", "tmp"]
    assert list(disk.list_folder(base + "/tmp")) == []


def test_a_unit_says_what_was_not_there(disk: Any, base: str) -> None:
    disk.write_new(base + "/x", [b"1"])
    unit = (
        Rename(base + "/no", base + "/1"),
        Link(base + "/no", base + "/2"),
        Unlink(base + "/no"),
        Unlink(base + "/x"),
    )
    assert disk.commit(unit) == {0, 1, 2}
    assert list(disk.list_folder(base)) == []


def test_a_unit_that_fails_leaves_nothing_and_harms_no_other(disk: Any, base: str) -> None:
    disk.make_folder(base + "/tmp")
    disk.write_new(base + "/x", [b"1"])
    bad = (
        Put(base + "/a", b"1", base + "/tmp/a"),
        Rename(base + "/x", base + "/y"),
        Put(base + "/none/b", b"2", base + "/none/c"),
    )
    disk.commit((Put(base + "/z", b"3", base + "/tmp/z"),))
    with pytest.raises(Temporary):
        disk.commit(bad)
    disk.commit((Put(base + "/w", b"4"),))
    assert sorted(disk.list_folder(base)) == ["tmp", "w", "x", "z"]


def test_recorded_units_are_done_when_that_is_asked_for(disk: Any, base: str) -> None:
    disk.make_folder(base + "/tmp")
    disk.write_new(base + "/x", [b"1"])
    units = (
        (Put(base + "/z", b"3", base + "/tmp/z"), Link(base + "/z", base + "/y")),
        (Rename(base + "/x", base + "/w"),),
    )
    recorded = disk.record(units)
    assert verifyObject(IRecorded, recorded)
    assert list(recorded.errors) == [None, None]
    recorded.perform()
    recorded.perform()
    assert recorded.done
    assert sorted(disk.list_folder(base)) == ["tmp", "w", "y", "z"]
    assert disk.read(base + "/y") == b"3"


def test_what_is_promised_is_done_in_order_when_that_is_asked_for(disk: Any, base: str) -> None:
    for name in "ab":
        disk.write_new(f"{base}/{name}", [b"1"])
    first = disk.promise((Put(base + "/z", b"3"), Renames(base, base, ["a", "b", "no"], ["c", "d", "e"])))
    second = disk.promise((Unlinks(base, ["c", "a"]),), first)
    assert verifyObject(IPromise, first)
    assert disk.read(base + "/z") == b"3"
    for _ in range(2):
        second.perform()
    assert (first.done, first.missed, second.done, second.missed) == (True, {3}, True, {1})
    assert sorted(disk.list_folder(base)) == ["d", "z"]


def test_a_checkpoint_does_what_was_recorded(disk: Any, base: str) -> None:
    recorded = disk.record(((Put(base + "/z", b"3"),),))
    disk.checkpoint()
    assert recorded.done
    assert disk.read(base + "/z") == b"3"


def test_modification_times_are_kept(tmp_path: Path) -> None:
    RealDisk().write_new(str(tmp_path / "x"), [b"1"], mtime=5e8)
    assert os.stat(tmp_path / "x").st_mtime == 5e8
    assert os.stat(tmp_path / "x").st_mode & 0o777 == 0o600


def test_other_errors_are_temporary(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"")
    with pytest.raises(Temporary):
        RealDisk().list_folder(str(tmp_path / "x"))
    with pytest.raises(Temporary):
        RealDisk().write_new(str(tmp_path / ("y" * 300)), [b""])


def test_a_planned_fault_comes_once() -> None:
    disk = MemoryDisk()
    disk.make_folder("/d")
    disk.fail("replace", Temporary("full"))
    with pytest.raises(Temporary):
        disk.replace("/d/x", b"")
    disk.replace("/d/x", b"")
    assert disk.synced == ["/d/x", "/d"]
