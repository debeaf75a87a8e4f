"""Records a scenario once, then lets the power fail at every point of it and starts again on what may be left.

A crash point is a count of operations that were done.  For each, ``Volume.images`` gives what the disk may show; every
different one is laid out, together with an index that is absent, as it was at that moment, or older; a server starts
on it and ``crash_check.problems`` looks.  Some starts are recorded themselves, and the power fails again.
"""

from __future__ import annotations

import os
import random
import re
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import msgspec
from crash_check import Expectation, problems
from crash_scenarios import Scenario
from crash_world import ACCOUNTS, ANN, EPOCH, View, World, index_files, message

from mailsuite.store.names import account_path, from_folder
from mailsuite.testing.disk_image import Image
from mailsuite.testing.power_cut import Enter, Move, Operation, Sync, Volume
from mailsuite.testing.results import result_of
from mailsuite.testing.simulated_disk import Recorder, simulated

_UID = re.compile(r",U=(\d+)")
NOTHING = View({}, frozenset(), {})
#: Seconds that the machine was off: back before a clock tick, soon, and after files in ``tmp`` are stale.
OFF = (0.0, 0.5, 20.0, 2 * 86400.0)

Look: TypeAlias = Callable[[World, Expectation], list[str]]


class Taken(msgspec.Struct, frozen=True):
    """A step as recorded: it is under way after more than ``begin`` operations and done after ``end``.
    ``partial`` as in ``Step``."""

    begin: int
    end: int
    partial: str
    before: View
    after: View


class Recording(msgspec.Struct, frozen=True):
    """``indexes[n]`` and ``times[n]``: the caches and the clock after ``n`` operations."""

    name: str
    start: Image
    log: list[Operation]
    paths: list[str]
    times: list[float]
    indexes: list[Mapping[str, bytes]]
    first: int
    steps: list[Taken]

    @property
    def sites(self) -> set[str]:
        """Who syncs."""
        return {each.site for each in self.log if isinstance(each, Sync)}

    def without(self, partial: str) -> Recording:
        """The same, but steps that are partial for this reason promise all or nothing."""
        steps = [msgspec.structs.replace(s, partial="") if s.partial == partial else s for s in self.steps]
        return msgspec.structs.replace(self, steps=steps)

    def older_index(self, count: int, at: int) -> Mapping[str, bytes]:
        """What a power cut after ``count`` operations may leave of the caches if SQLite wrote nothing after the moment
        ``at``.  It promises nothing of a write-ahead log, and all of what it has copied from there."""
        found: dict[str, bytes] = {}
        for path in (path for path in self.indexes[count] if not path.endswith("-wal")):
            index = self.indexes[max(at, self._safe(path, count))]
            found |= {each: index[each] for each in (path, path + "-wal") if each in index}
        return found

    def _safe(self, path: str, count: int) -> int:
        """The last moment at which all of that index was durable: it had no log."""
        at = count
        while at > 0 and (path not in self.indexes[at] or self.indexes[at].get(path + "-wal")):
            at -= 1
        return at

    def expectation(self, count: int) -> Expectation:
        """What must hold if the power fails after ``count`` operations."""
        done = [step for step in self.steps if step.end <= count]
        begun = [step for step in self.steps if step.begin < count < step.end]
        told = (self.steps[0].before, *(step.after for step in done))
        after = begun[0].after if begun else told[-1]
        partial = begun[0].partial if begun else ""
        return Expectation(told, told[-1], after, partial, _shown(self.log[:count], self.paths))


class Tape:
    """Records what a world does to its disk."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.recorder = Recorder(str(world.disk_folder), world.clock.seconds)
        self.recorder.after = self._after
        self.times = [world.clock.seconds()]
        self.indexes: list[Mapping[str, bytes]] = [index_files(world.disk_folder)]
        self.steps: list[Taken] = []

    def _after(self) -> None:
        self.world.clock.rightNow += 0.0003  # nothing that waits is called
        self.times.append(self.world.clock.seconds())
        now = index_files(self.world.disk_folder)
        self.indexes.append(self.indexes[-1] if now == self.indexes[-1] else now)

    def take(self, run: Callable[[World], object], before: View, partial: str, looked_at: bool) -> View:
        begin = len(self.recorder.log) if before is not NOTHING else -1  # nothing is done yet: it may be made
        run(self.world)
        end = len(self.recorder.log)
        after = self.world.view()
        self.steps.append(Taken(begin, len(self.recorder.log) if looked_at else end, partial, before, after))
        return after

    def recording(self, name: str, first: int) -> Recording:
        strays = [stray for stray in self.recorder.strays if "/index.sqlite" not in stray]
        assert not strays, f"went past the disk: {strays}"
        assert len(self.indexes[-1]) >= len(ACCOUNTS), "the caches are elsewhere"
        recorder = self.recorder
        return Recording(
            name, recorder.start, recorder.log, recorder.paths, self.times, self.indexes, first, self.steps
        )


def record(scenario: Scenario, root: Path) -> Recording:
    """Play it once on a folder of its own below ``root``."""
    world = World(root / scenario.name.replace(" ", "-"))
    world.disk_folder.mkdir(parents=True)
    os.utime(world.disk_folder, (EPOCH, EPOCH))
    tape = Tape(world)
    with simulated(tape.recorder):
        for prepare in scenario.prepare:
            prepare(world)
        view = world.view() if world.started else NOTHING
        first = len(tape.recorder.log)
        for step in scenario.steps:
            view = tape.take(step.run, view, step.partial, step.looked_at)
    world.abandon()
    return tape.recording(scenario.name, first)


def _shown(log: list[Operation], paths: list[str]) -> dict[tuple[str, str], int]:
    """Mailbox -> highest UID in a name that its ``new`` or ``cur`` ever had."""
    shown: dict[tuple[str, str], int] = {}
    for operation, path in zip(log, paths, strict=False):
        uid = _UID.search(path)
        if uid and isinstance(operation, Enter | Move):
            for account in ACCOUNTS:
                maildir = f"store/{account_path(account)}/Maildir/"
                folder, _, inside = path.removeprefix(maildir).rpartition("/")[0].rpartition("/")
                if path.startswith(maildir) and inside in ("new", "cur"):
                    key = account, from_folder(folder) if folder else "INBOX"
                    shown[key] = max(shown.get(key, 0), int(uid[1]))
    return shown


# -- the power fails -----------------------------------------------------------------------------------------------


class Failure(msgspec.Struct, frozen=True):
    """An image on which something did not hold."""

    scenario: str
    count: int
    operation: str
    index: str
    problems: list[str]
    tree: dict[str, bytes | None]

    def __str__(self) -> str:
        lines = [f"{self.scenario}: power cut after {self.count} operations, the last: {self.operation}"]
        lines += [f"  index: {self.index}", *(f"  - {each}" for each in self.problems[:5]), "  on disk:"]
        lines += [f"    {path}" + ("/" if data is None else f" ({len(data)})") for path, data in self.tree.items()]
        return "\n".join(lines)


class Proof:
    """Goes through recordings.  ``images`` counts what was started on, ``cuts`` the crash points."""

    def __init__(
        self,
        scratch: Path,
        seed: int,
        limit: int = 8,
        again: int = 1,
        off: tuple[float, ...] = OFF,
        go_on: float = 0.25,
        all_indexes: bool = False,
    ) -> None:
        """``limit``: images a crash point; ``again``: how many starts of a recording the power fails in
        again; ``off``: seconds the machine is off, one is chosen each time; ``go_on``: the share of starts after
        which the server is used and started once more; ``all_indexes``: start with every index there may be."""
        self._all_indexes = all_indexes
        self._go_on = go_on
        self._off = off
        self._scratch = scratch
        self._rng = random.Random(seed)
        self._limit = limit
        self._again = again
        self._numbers = iter(range(1 << 60))
        self.images = 0
        self.cuts = 0

    def failures(
        self, recording: Recording, dropped: Collection[str] = (), among: Collection[int] | None = None
    ) -> Iterator[Failure]:
        """What does not hold, with the syncs of the ``dropped`` sites left out; ``among`` these crash points or all."""
        seen: set[object] = set()
        crash_again = 0 if dropped else self._again
        for count, image in self._images(recording, dropped, among):
            expected = recording.expectation(count)
            key = image.digest(), len(expected.told), expected.before is expected.after
            if key not in seen:
                seen.add(key)
                look = self._look
                if crash_again and self._rng.random() < 0.03:
                    crash_again, look = crash_again - 1, self._crash_again
                for index, files in self._indexes(recording, count):
                    found = self._start_on(recording, count, image, expected, files, look)
                    if found:
                        operation = recording.log[count - 1] if count else "nothing"
                        yield Failure(recording.name, count, repr(operation)[:150], index, found, image.tree())

    def _images(
        self, recording: Recording, dropped: Collection[str] = (), among: Collection[int] | None = None
    ) -> Iterator[tuple[int, Image]]:
        """With ``dropped``, only where that makes a difference."""
        volume, honest = Volume(recording.start), Volume(recording.start)
        for count in range(len(recording.log) + 1):
            if count:
                operation = recording.log[count - 1]
                honest.apply(operation)
                if not isinstance(operation, Sync) or operation.site not in dropped:
                    volume.apply(operation)
            wanted = count >= recording.first and (among is None or count in among)
            if wanted and (not dropped or volume.at_risk != honest.at_risk):
                self.cuts += 1
                for image in volume.images(self._rng, self._limit):
                    yield count, image

    def _indexes(self, recording: Recording, count: int) -> list[tuple[str, Mapping[str, bytes]]]:
        """In words, and path -> octets: none, as they were, as they were earlier.  A sample, or all."""
        absent, present = ("absent", {}), ("present", recording.indexes[count])
        if self._all_indexes:
            older = [recording.older_index(count, at) for at in range(count)]
            different = [each for number, each in enumerate(older) if number == 0 or each != older[number - 1]]
            return [absent, present, *(("older", each) for each in different)]
        at = self._rng.randrange(count + 1) if self._rng.random() < 0.7 else 0
        all_kinds = [absent, present, ("older", recording.older_index(count, at))]
        return all_kinds if self._rng.random() < 0.15 else [self._rng.choice(all_kinds)]

    def _start_on(
        self,
        recording: Recording,
        count: int,
        image: Image,
        expected: Expectation,
        index: Mapping[str, bytes],
        look: Look,
    ) -> list[str]:
        """Start a server on the image; what is wrong with what it shows."""
        self.images += 1
        root = self._scratch / f"image{next(self._numbers)}"
        root.mkdir()
        try:
            image.lay_out(str(root / "disk"))
            for path, data in index.items():
                if (root / "disk" / path).parent.is_dir():
                    (root / "disk" / path).write_bytes(data)
            world = World(root, recording.times[count] + self._rng.choice(self._off))
            return look(world, expected)
        finally:
            shutil.rmtree(root)

    def _look(self, world: World, expected: Expectation, go_on: bool = True) -> list[str]:
        found: list[str] = []
        try:
            world.start()
            view = world.view()
            found = problems(expected, view)
            if go_on and not found and self._rng.random() < self._go_on:
                found = self._goes_on(world, expected, view)
            corrupt = [path.name for path in (world.disk_folder / "queue/corrupt").iterdir()]
            found += [f"the queue set aside {name}" for name in corrupt]
        except Exception as error:
            return [*found, f"{type(error).__name__}: {error}"]
        finally:
            _abandon(world)
        return found

    def _goes_on(self, world: World, expected: Expectation, view: View) -> list[str]:
        """It takes mail and makes mailboxes, and shows the same after another start without the index."""
        world.deliver(message(7_777_777))
        result_of(world.store().create("Fresh", ""))
        after = world.view()
        told = Expectation(expected.told_with(view), view, after, "", expected.shown)
        found = problems(told, after)
        new = after.boxes[ANN, "INBOX"].messages.keys() - view.boxes[ANN, "INBOX"].messages.keys()
        if len(new) != 1 or min(new) < view.boxes[ANN, "INBOX"].uidnext:
            found.append(f"a delivery after the start got UIDs {new}")
        _abandon(world)
        for path in index_files(world.disk_folder):
            (world.disk_folder / path).unlink()
        return found + self._look(
            World(world.root, world.clock.seconds() + 3),
            Expectation((*told.told, after), after, after, "", {}),
            False,
        )

    # -- and again -------------------------------------------------------------------------------------------------

    def _crash_again(self, world: World, expected: Expectation) -> list[str]:
        """Record the start, a look and a delivery, and let the power fail at each point of that."""
        tape = Tape(world)
        try:
            with simulated(tape.recorder):
                world.start()
                view = world.view()
                started = len(tape.recorder.log)
                told = expected.told_with(view)
                after = tape.take(lambda world: world.deliver(message(8_888_888)), view, "", False)
            recording = tape.recording("second start", 0)
        except Exception as error:
            return [f"{type(error).__name__}: {error}"]
        finally:
            _abandon(world)
        found = problems(expected, view)
        seen = set()
        for count, image in [] if found else self._images(recording):
            if (key := (image.digest(), count < started)) not in seen:
                seen.add(key)
                now = expected if count < started else self._then(told, recording, count, after)
                _, index = self._rng.choice(self._indexes(recording, count))
                found = self._start_on(recording, count, image, now, index, self._look)
                if found:
                    return [f"second power cut after {count} operations of the start: {each}" for each in found]
        return found

    def _then(self, told: tuple[View, ...], recording: Recording, count: int, after: View) -> Expectation:
        """What must hold once the second start had shown something."""
        taken = recording.steps[0]
        shown = _shown(recording.log[:count], recording.paths)
        if count >= taken.end:
            return Expectation((*told, after), after, after, "", shown)
        return Expectation(told, told[-1], after if count > taken.begin else told[-1], "", shown)


def _abandon(world: World) -> None:
    if hasattr(world, "disk"):
        world.abandon()
