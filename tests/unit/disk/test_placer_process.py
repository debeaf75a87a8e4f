"""The second process: it places and renders what it is handed, and the server does without it when it fails."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from mailsuite.disk import journal
from mailsuite.disk.frames import encode_unit
from mailsuite.disk.journal_disk import JournalDisk
from mailsuite.disk.placer import EXAMINE, HEAD, PLACE, SUMMARIZE, serve
from mailsuite.disk.placer_process import PAUSE, PlacerProcess
from mailsuite.disk.summary import PIECE, summarize_files
from mailsuite.errors import Temporary
from mailsuite.steps import Link, Put, Rename, Renames, Unlink, Unlinks

MESSAGE = b"From: a@b\nSubject: one\n\nbody\n"


class Now:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def placer(tmp_path: Path, now: Now) -> Iterator[PlacerProcess]:
    made = PlacerProcess(now)
    lock = os.open(tmp_path, os.O_RDONLY)
    made.start(f"{tmp_path}/", lock)
    yield made
    made.close()
    os.close(lock)


def put(folder: Path, name: str, data: bytes = MESSAGE) -> bytes:
    return encode_unit((Put(f"{folder}/{name}", data, f"{folder}/.{name}", 5e8),), "/none/")


def kill(placer: PlacerProcess) -> None:
    assert placer._process is not None
    os.kill(placer._process.pid, signal.SIGKILL)
    placer._process.wait()


def test_it_does_every_kind_of_step(placer: PlacerProcess, tmp_path: Path) -> None:
    unit = (
        Put(f"{tmp_path}/a", b"1", f"{tmp_path}/tmp-a", 5e8),
        Link(f"{tmp_path}/a", f"{tmp_path}/b"),
        Rename(f"{tmp_path}/a", f"{tmp_path}/c"),
        Renames(str(tmp_path), str(tmp_path), ["b"], ["d"]),
        Put(f"{tmp_path}/e", b"2"),
        Unlink(f"{tmp_path}/e"),
    )
    assert placer.perform([encode_unit(unit, f"{tmp_path}/")])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c", "d"]
    assert (tmp_path / "c").samefile(tmp_path / "d")
    assert os.stat(tmp_path / "c").st_mtime == 5e8
    assert os.stat(tmp_path / "c").st_mode & 0o777 == 0o600


def test_it_renames_and_removes_many_and_tells_what_it_missed(placer: PlacerProcess, tmp_path: Path) -> None:
    for name in "ac":
        (tmp_path / name).touch()
    renames = Renames(str(tmp_path), str(tmp_path), ["a", "b", "c"], ["d", "e", "f"])
    assert placer.change(encode_unit((renames,), f"{tmp_path}/")) == [1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d", "f"]
    assert placer.change(encode_unit((Unlinks(str(tmp_path), ["d", "e"]),), f"{tmp_path}/")) == [1]
    assert [path.name for path in tmp_path.iterdir()] == ["f"]
    kill(placer)
    assert placer.change(encode_unit((Unlinks(str(tmp_path), ["f"]),), f"{tmp_path}/")) is None


def test_it_says_what_it_could_not_do(placer: PlacerProcess, tmp_path: Path) -> None:
    assert not placer.perform([put(tmp_path, "a"), put(tmp_path / "none", "b"), put(tmp_path, "c")])
    assert not (tmp_path / "c").exists()
    assert placer.perform([put(tmp_path, "c")])


def test_it_renders_as_the_server_does(placer: PlacerProcess, tmp_path: Path) -> None:
    paths = [str(tmp_path / str(number)) for number in range(120)]
    for number, path in enumerate(paths):
        Path(path).write_bytes(b"Subject: n%d\n\n" % number + b"line\n" * (100_000 if number == 60 else 3))
    Path(paths[61]).write_bytes(b"X: %b\nSubject: far down\n\n" % (b"y" * PIECE))
    missing = [*paths, str(tmp_path / "missing")]
    sets = ["from subject", "x"]
    found = list(placer.summarize(missing, sets))
    assert found == summarize_files(missing, sets)
    assert found[0][5] == (b"Subject: n0\r\n\r\n", b"\r\n")
    assert found[61][5] == ()
    assert found[-1] == ()


def test_without_it_the_server_renders(placer: PlacerProcess, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(MESSAGE)
    kill(placer)
    assert list(placer.summarize([str(tmp_path / "a")], [])) == summarize_files([str(tmp_path / "a")], [])


def test_nobody_waits_for_a_long_message_to_be_read_before_theirs_is_placed(
    placer: PlacerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailsuite.disk.placer_process.PLACING_PATIENCE", 0.01)
    assert placer._process is not None
    (tmp_path / "long").write_bytes(MESSAGE)
    os.kill(placer._process.pid, signal.SIGSTOP)
    reading = threading.Thread(target=placer.examine, args=([str(tmp_path / "long")], True))
    reading.start()
    while placer._asked != EXAMINE:
        time.sleep(0.001)
    assert not placer.perform([put(tmp_path, "a")])
    os.kill(placer._process.pid, signal.SIGCONT)
    reading.join()
    assert placer.perform([put(tmp_path, "a")])


def test_it_is_started_again_after_a_pause_that_grows(placer: PlacerProcess, tmp_path: Path, now: Now) -> None:
    kill(placer)
    assert not placer.perform([put(tmp_path, "a")])
    assert not placer.perform([put(tmp_path, "a")])
    assert placer._process is None
    now.seconds += PAUSE
    assert placer.perform([put(tmp_path, "a")])
    kill(placer)
    assert not placer.perform([put(tmp_path, "b")])
    now.seconds += PAUSE
    assert placer.perform([put(tmp_path, "b")]), "it had worked meanwhile"


def test_who_may_not_start_it_works_without(tmp_path: Path, now: Now, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailsuite.disk.placer_process.sys.executable", str(tmp_path / "no-python"))
    placer = PlacerProcess(now)
    placer.start(f"{tmp_path}/", 0)
    assert not placer.perform([put(tmp_path, "a")])
    placer.close()


def test_it_ends_with_the_server(placer: PlacerProcess) -> None:
    placer.summarize(["nothing"], [])  # it is there
    process = placer._process
    assert process is not None
    os.kill(process.pid, signal.SIGTERM)  # systemd sends it to all
    assert process.poll() is None
    placer.close()
    assert process.returncode == 0


@pytest.mark.parametrize("sent", [3, HEAD.size, HEAD.size + 1, HEAD.size + 3])
def test_it_ends_quietly_when_the_server_is_killed_at_any_octet(sent: int) -> None:
    ours, its = socket.socketpair()
    its.sendall(b"what the server has not read when it is killed makes its end a reset")
    ours.sendall((HEAD.pack(SUMMARIZE, 3) + msgspec.msgpack.encode(([], [])))[:sent])
    ours.close()
    with its:
        serve(its, "/")


def test_it_ends_quietly_when_nobody_waits_for_the_rest_of_a_request() -> None:
    ours, its = socket.socketpair()
    ours.sendall(HEAD.pack(PLACE, 1000) + b"half")
    ours.close()
    with its:
        serve(its, "/")


def test_nobody_opens_a_journal_for_which_it_still_works(
    tmp_path: Path, now: Now, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "LOCK_TRIES", 2)
    folder = str(tmp_path / "queue" / "journal")
    disk = JournalDisk(folder, 1 << 20, placer=(placer := PlacerProcess(now)))
    disk.open(keep=False)
    disk._journal.close()  # as if it had been killed, and its placer not noticed yet
    with pytest.raises(Temporary, match="another process"):
        JournalDisk(folder, 1 << 20).open(keep=False)
    placer.close()
    again = JournalDisk(folder, 1 << 20)
    again.open(keep=False)
    with pytest.raises(BlockingIOError):
        fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
    again.close()
