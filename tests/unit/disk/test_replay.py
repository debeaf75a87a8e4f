"""Whatever part of the effects of committed steps is there, replay leads to all of them."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from mailsuite.disk.files import append_to_file, write_file
from mailsuite.disk.replay import replay
from mailsuite.steps import Append, Link, Put, Rename, Step, Unlink

FOLDERS = ("new", "cur", "tmp", "state")


def tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def make(root: Path) -> None:
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True)
    for number in range(4):
        (root / "new" / f"old{number}").write_bytes(b"old %d" % number)


def random_steps(root: Path, rng: random.Random, count: int) -> list[Step]:
    """By the rules: fresh names for messages, and files of state that are only put and unlinked."""
    there = [f"{root}/new/old{number}" for number in range(4)]
    state: set[str] = set()
    steps: list[Step] = []
    for number in range(count):
        kind = rng.randrange(6)
        fresh = f"{root}/{rng.choice(('new', 'cur'))}/m{number}"
        if kind == 0 or not there:
            steps.append(Put(fresh, rng.randbytes(rng.randrange(50)), f"{root}/tmp/m{number}", 1e9 + number))
            there.append(fresh)
        elif kind == 1:
            path = f"{root}/state/{rng.randrange(3)}"
            steps.append(Put(path, rng.randbytes(5)))
            state.add(path)
        elif kind == 2 and state:
            steps.append(Unlink(path := rng.choice(sorted(state))))
            state.discard(path)
        elif kind == 3:
            steps.append(Link(rng.choice(there), fresh))
            there.append(fresh)
        elif kind == 4:
            steps.append(Unlink(there.pop(rng.randrange(len(there)))))
        else:
            steps.append(Rename(there.pop(rng.randrange(len(there))), fresh))
            there.append(fresh)
    return steps


def apply(step: Step) -> None:
    match step:
        case Put():
            write_file(step)
        case Append():
            append_to_file(step)
        case Rename():
            os.rename(step.old, step.new)
        case Link():
            os.link(step.old, step.new)
        case Unlink():
            os.unlink(step.path)


def is_lost(root: Path, steps: Sequence[Step]) -> list[Step]:
    return [step for step in steps if isinstance(step, Put)]


@pytest.mark.parametrize("seed", range(60))
def test_any_prefix_with_any_torn_file_leads_to_the_end(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    make(whole)
    steps = random_steps(whole, random.Random(seed), 30)
    for step in steps:
        apply(step)
    make(broken)
    again = random_steps(broken, random.Random(seed), 30)
    put_here: set[str] = set()
    for step in again[: rng.randrange(31)]:
        apply(step)
    put_here |= {os.path.basename(step.path) for step in again if isinstance(step, Put)}
    for path in [path for path in broken.rglob("*") if path.is_file()]:
        content = path.read_bytes()
        if not content.startswith(b"old") and rng.random() < 0.4:  # what was put and never synced
            path.write_bytes(rng.choice((b"", bytes(len(content)), content[: len(content) // 2])))
    if rng.random() < 0.5:
        for path in [path for path in broken.rglob("m*") if not path.read_bytes().startswith(b"old")]:
            if rng.random() < 0.3:
                path.unlink()  # its name was lost
    replay(again)
    assert tree(broken) == tree(whole)
    replay(again)
    assert tree(broken) == tree(whole)


@pytest.mark.parametrize("seed", range(20))
def test_effects_may_be_there_in_any_combination(tmp_path: Path, seed: int) -> None:
    """For steps that concern different files, any subset may have come through."""
    rng = random.Random(seed)
    make(tmp_path / "a")
    new = f"{tmp_path}/a/new"
    steps: list[Step] = [
        Put(f"{new}/1", b"one", f"{tmp_path}/a/tmp/1"),
        Rename(f"{new}/old0", f"{tmp_path}/a/cur/old0:2,S"),
        Link(f"{new}/old1", f"{tmp_path}/a/cur/copy"),
        Unlink(f"{new}/old2"),
        Put(f"{tmp_path}/a/state/x", b"state"),
    ]
    for step in rng.sample(steps, rng.randrange(len(steps) + 1)):
        apply(step)
    replay(steps)
    assert tree(tmp_path / "a") == {
        "new/1": b"one", "new/old1": b"old 1", "new/old3": b"old 3", "cur/old0:2,S": b"old 0", "cur/copy": b"old 1",
        "state/x": b"state",
    }  # fmt: skip
    assert os.path.samefile(f"{new}/old1", f"{tmp_path}/a/cur/copy")


@pytest.mark.parametrize("seed", range(30))
def test_a_file_that_is_appended_to_ends_as_it_should_whatever_came_through(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    make(tmp_path / "a")
    path = f"{tmp_path}/a/state/log"
    content = b"durable\n" if rng.random() < 0.7 else b""
    durable = len(content)
    if content:
        Path(path).write_bytes(content)
    steps: list[Step] = []
    for number in range(rng.randrange(1, 9)):
        if rng.random() < 0.25 or not content:
            content, durable = b"anew %d\n" % number, 0
            steps.append(Put(path, content))
        else:
            steps.append(Append(path, len(content), line := b"line %d\n" % number))
            content += line
    for step in steps[: rng.randrange(len(steps) + 1)]:
        apply(step)
    if Path(path).exists() and not any(isinstance(step, Put) for step in steps):
        there = Path(path).read_bytes()
        cut = rng.randrange(durable, len(there) + 1)
        Path(path).write_bytes(there[:cut] + bytes(rng.randrange(2) * (len(there) - cut)))
    for _ in range(2):
        replay(steps)
        assert Path(path).read_bytes() == content


def test_what_has_no_place_any_more_is_told_and_the_rest_is_done(tmp_path: Path) -> None:
    make(tmp_path / "a")
    written, problems = replay(
        [Put(f"{tmp_path}/b/cur/1", b"1"), Put(f"{tmp_path}/a/new/2", b"2"), Rename(f"{tmp_path}/a/new/none", "/no")]
    )
    assert (written, len(problems)) == (1, 1)
    assert "cur" in problems[0]
    assert (tmp_path / "a" / "new" / "2").read_bytes() == b"2"


def test_the_time_of_a_file_is_its_own(tmp_path: Path) -> None:
    make(tmp_path / "a")
    replay([Put(f"{tmp_path}/a/new/1", b"1", mtime=5e8)])
    assert os.stat(f"{tmp_path}/a/new/1").st_mtime == 5e8
