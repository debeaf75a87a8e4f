"""``tmp``, ``new`` and ``cur`` that another program removed are made again for what is put there; no mailbox is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mailsuite.disk.journal_disk import JournalDisk
from mailsuite.disk.real import RealDisk
from mailsuite.errors import Temporary
from mailsuite.interfaces import IDisk
from mailsuite.steps import Link, Put, Rename, Renames, Step


def begun(root: Path) -> JournalDisk:
    disk = JournalDisk(str(root / "queue" / "journal"), 64 * 1024)
    disk.open(keep=False)
    return disk


@pytest.fixture(params=["plain", "journal"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> IDisk:
    return RealDisk() if request.param == "plain" else begun(tmp_path)


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """A mailbox of which there is only the folder itself, and one file beside it."""
    box = tmp_path / "Maildir" / ".Box"
    box.mkdir(parents=True)
    (tmp_path / "Maildir" / "there").write_bytes(b"there")
    return box


def put(box: Path) -> Put:
    return Put(f"{box}/new/1", b"put", f"{box}/tmp/1", 5e8)


@pytest.mark.parametrize(
    "step",
    [
        lambda box: Rename(f"{box}/../there", f"{box}/cur/2"),
        lambda box: Link(f"{box}/../there", f"{box}/cur/2"),
        lambda box: Renames(f"{box}/..", f"{box}/cur", ("there",), ("2",)),
    ],
)
def test_every_way_to_put_a_file_there_makes_them_again(disk: IDisk, box: Path, step: object) -> None:
    made: Step = step(box)  # type: ignore[operator]
    assert disk.commit((put(box), made)) == frozenset()
    assert {path.name: path.read_bytes() for path in box.glob("*/*")} == {"1": b"put", "2": b"there"}


def test_a_new_file_too(disk: IDisk, box: Path) -> None:
    disk.write_new(f"{box}/tmp/1", [b"large"])
    assert (box / "tmp" / "1").read_bytes() == b"large"


def test_what_was_promised_before_they_went_is_put_there(tmp_path: Path, box: Path) -> None:
    disk = begun(tmp_path)
    recorded = disk.record([[put(box)]])
    recorded.perform()
    assert (box / "new" / "1").read_bytes() == b"put"


def test_what_was_promised_before_a_crash_is_put_there(tmp_path: Path, box: Path) -> None:
    disk = begun(tmp_path)
    disk.record([[put(box), Rename(f"{box}/../there", f"{box}/cur/2")]])
    disk._journal.close()
    begun(tmp_path)
    assert (box / "new" / "1").read_bytes() == b"put"
    assert (box / "cur" / "2").read_bytes() == b"there"


def test_a_mailbox_is_not(disk: IDisk, box: Path) -> None:
    shutil.rmtree(box)
    with pytest.raises(Temporary):
        disk.commit((put(box),))
    with pytest.raises(FileNotFoundError):
        disk.write_new(f"{box}/other", [b"x"])
    assert not box.exists()
