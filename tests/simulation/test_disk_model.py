"""The simulated disk itself: what it says may be left is what a file system may leave, no less."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailsuite.disk.real import RealDisk
from mailsuite.testing.disk_image import Image
from mailsuite.testing.power_cut import Volume
from mailsuite.testing.simulated_disk import Recorder, simulated

NOW = 1_750_000_000.0
DATA = b"0123456789" * 30


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    for folder in ("a", "b"):
        (tmp_path / "root" / folder).mkdir(parents=True)
    (tmp_path / "root" / "a" / "old").write_bytes(b"old")
    for path in ("a/old", "a", "b", ""):
        os.utime(tmp_path / "root" / path, (NOW, NOW))
    recorder = Recorder(str(tmp_path / "root"), lambda: NOW)
    with simulated(recorder):
        yield recorder


def volume(recorder: Recorder) -> Volume:
    volume = Volume(recorder.start)
    for operation in recorder.log:
        volume.apply(operation)
    return volume


def left(recorder: Recorder) -> list[dict[str, bytes | None]]:
    """The trees that a power cut now may leave."""
    images = volume(recorder).images(random.Random(1), 1000)
    trees = [{path: data for path, data in image.tree().items() if data is not None} for image in images]
    return [tree for number, tree in enumerate(trees) if tree not in trees[:number]]


def create(recorder: Recorder, name: str, sync: bool) -> None:
    """With the calls themselves, since ``RealDisk`` never leaves out the fsync."""
    fd = recorder.open(f"{recorder.root}/{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    recorder.write(fd, DATA[:100])
    recorder.write(fd, DATA[100:])
    if sync:
        recorder.fsync(fd)
    recorder.close(fd)


# -- contents ------------------------------------------------------------------------------------------------------


def test_unsynced_octets_are_lost_torn_or_there_in_size_only(recorder: Recorder) -> None:
    create(recorder, "b/new", sync=False)
    RealDisk().sync_folder(f"{recorder.root}/b")
    found = {tree["b/new"] for tree in left(recorder)}
    assert {b"", DATA, bytes(len(DATA))} < found
    assert any(data and len(data) < len(DATA) and DATA.startswith(data) for data in found)
    assert any(len(data) == len(DATA) and b"\0" in data and data != bytes(len(DATA)) for data in found)


def test_synced_octets_stay(recorder: Recorder) -> None:
    RealDisk().write_new(f"{recorder.root}/b/new", [DATA])
    RealDisk().sync_folder(f"{recorder.root}/b")
    assert [tree["b/new"] for tree in left(recorder)] == [DATA]


def test_octets_appended_to_a_synced_file_do_not_harm_it(recorder: Recorder) -> None:
    fd = recorder.open(f"{recorder.root}/a/old", os.O_WRONLY | os.O_APPEND)
    recorder.write(fd, b"more")
    recorder.close(fd)
    found = {tree["a/old"] for tree in left(recorder)}
    assert {b"old", b"oldmore", b"old\0\0\0\0"} <= found
    assert all(data.startswith(b"old") for data in found if data is not None)


# -- names ---------------------------------------------------------------------------------------------------------


def test_a_new_name_is_lost_until_its_folder_is_synced(recorder: Recorder) -> None:
    create(recorder, "b/new", sync=True)
    assert {"b/new" in tree for tree in left(recorder)} == {True, False}
    RealDisk().sync_folder(f"{recorder.root}/a")
    assert {"b/new" in tree for tree in left(recorder)} == {True, False}
    RealDisk().sync_folder(f"{recorder.root}/b")
    assert {"b/new" in tree for tree in left(recorder)} == {True}


def test_a_rename_is_whole_and_durable_with_its_target_folder(recorder: Recorder) -> None:
    RealDisk().rename(f"{recorder.root}/a/old", f"{recorder.root}/b/new")
    assert sorted(map(sorted, left(recorder))) == [["a/old"], ["b/new"]]
    RealDisk().sync_folder(f"{recorder.root}/a")
    assert sorted(map(sorted, left(recorder))) == [["a/old"], ["b/new"]]
    RealDisk().sync_folder(f"{recorder.root}/b")
    assert left(recorder) == [{"b/new": b"old"}]


@pytest.mark.parametrize("synced", [False, True])
def test_a_folder_has_the_time_of_its_last_change_though_the_clock_was_set_back(
    recorder: Recorder, synced: bool
) -> None:
    for hours in (0, -2):
        recorder._now = lambda hours=hours: NOW + 3600 * hours + 60  # type: ignore[misc]
        create(recorder, f"a/{hours}", sync=True)
        if synced:
            recorder.fsync(recorder.open(f"{recorder.root}/a", os.O_RDONLY))
    folder = recorder.start.folders[0]["a"]
    assert volume(recorder).kept().mtimes[folder] == os.stat(f"{recorder.root}/a").st_mtime_ns
    lost, *_ = volume(recorder).images(random.Random(1), 1)
    assert (lost.mtimes[folder] == os.stat(f"{recorder.root}/a").st_mtime_ns) is synced


def test_a_second_rename_takes_the_first_along(recorder: Recorder) -> None:
    RealDisk().rename(f"{recorder.root}/a/old", f"{recorder.root}/b/new")
    RealDisk().rename(f"{recorder.root}/b/new", f"{recorder.root}/a/newer")
    RealDisk().sync_folder(f"{recorder.root}/a")
    assert left(recorder) == [{"a/newer": b"old"}]


def test_names_in_different_folders_are_kept_in_any_order(recorder: Recorder) -> None:
    for name in ("a/1", "b/2"):
        create(recorder, name, sync=True)
    found = {(("a/1" in tree), ("b/2" in tree)) for tree in left(recorder)}
    assert found == {(False, False), (True, False), (False, True), (True, True)}


def test_a_folder_without_a_durable_name_is_lost_with_what_is_in_it(recorder: Recorder) -> None:
    recorder.mkdir(f"{recorder.root}/b/inner")
    RealDisk().write_new(f"{recorder.root}/b/inner/new", [DATA])
    RealDisk().sync_folder(f"{recorder.root}/b/inner")
    assert {"b/inner/new" in tree for tree in left(recorder)} == {True, False}


def test_replace_leaves_the_old_content_or_the_new(recorder: Recorder) -> None:
    RealDisk().replace(f"{recorder.root}/a/old", b"new")
    whole, names = {b"old": 0, b"new": 0}, volume(recorder)
    assert names.kept().tree()["a/old"] == b"new"
    partial = Volume(recorder.start)
    for operation in recorder.log:
        partial.apply(operation)
        for image in partial.images(random.Random(1), 1000):
            whole[image.tree()["a/old"] or b""] += 1
    assert all(whole.values())
    assert {tree["a/old"] for tree in left(recorder)} == {b"new"}


def test_a_sync_of_everything_leaves_nothing_to_chance(recorder: Recorder) -> None:
    create(recorder, "b/new", sync=False)
    recorder.mkdir(f"{recorder.root}/c")
    recorder.sync()
    assert len(left(recorder)) == 1


# -- the recorder --------------------------------------------------------------------------------------------------


def _random_calls(disk: RealDisk, root: str, rng: random.Random) -> None:
    def name() -> str:
        return f"{root}/{rng.choice('ab')}/{rng.choice('uvwxyz')}"

    calls: list[Callable[[], object]] = [
        lambda: disk.write_new(name(), [rng.randbytes(rng.randrange(50)), b"end"]),
        lambda: disk.replace(name(), rng.randbytes(rng.randrange(50))),
        lambda: disk.rename(name(), name()),
        lambda: disk.link(name(), name()),
        lambda: disk.unlink(name()),
        lambda: disk.make_folder(f"{root}/{rng.choice('cd')}/{rng.choice('xy')}"),
        lambda: disk.remove_folder(f"{root}/{rng.choice('cd')}"),
    ]
    for _ in range(60):
        try:
            rng.choice(calls)()
        except OSError:
            continue


@pytest.mark.parametrize("seed", range(10))
def test_what_was_recorded_is_what_lies_on_the_real_disk(recorder: Recorder, seed: int, tmp_path: Path) -> None:
    _random_calls(RealDisk(), recorder.root, random.Random(seed))
    kept, real = volume(recorder).kept(), Image.of(recorder.root)
    assert kept.tree() == real.tree()
    assert kept.digest() == real.digest()
    kept.lay_out(str(tmp_path / "copy"))
    assert Image.of(str(tmp_path / "copy")).digest() == real.digest()


def test_calls_that_nobody_taught_it_are_refused(recorder: Recorder) -> None:
    with pytest.raises(AttributeError, match="may change files"):
        recorder.symlink  # type: ignore[attr-defined]


def test_changes_behind_its_back_are_listed(recorder: Recorder, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"")
    assert not recorder.strays
    with open(f"{recorder.root}/b/stray", "wb"):
        os.rename(f"{recorder.root}/b/stray", f"{recorder.root}/b/moved")
    assert recorder.strays == [f"open {recorder.root}/b/stray", f"os.rename {recorder.root}/b/moved"]


def test_syncs_say_whose_they_are(recorder: Recorder) -> None:
    RealDisk().replace(f"{recorder.root}/a/old", b"new")
    sites = [operation.site for operation in recorder.log if hasattr(operation, "site")]
    assert sites == ["elsewhere replace file", "elsewhere replace folder"]
