"""Every script in smtp/, pop3/ and imap/, in every mode: see mailsuite/testing/dialogue.py for the format."""

import importlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from mailsuite.testing.dialogue import Script, octets, play, random_cuts, read_script, whole
from mailsuite.testing.stages import LoopbackStage, MemoryStage, ReactorThread

HERE = Path(__file__).parent
MODES = ("whole", "octets", "cuts", "slow", "late", "loopback")


def world_of(script: Script) -> ModuleType:
    """The module beside the scripts that builds their server."""
    return importlib.import_module(script.name.partition("/")[0] + "_world")


def scripts() -> Iterator[object]:
    for path in sorted(HERE.glob("*/*.txt")):
        script = read_script(path)
        for mode in script.options.get("modes", " ".join(MODES)).split():
            assert mode in MODES, f"{script.name}: no mode {mode}"
            if mode == "loopback" and "peer" in script.options:
                continue  # loopback has only its own addresses
            if mode == "late" and not getattr(world_of(script), "LATE", False):
                continue  # its world knows no option ``late``
            yield pytest.param(script, mode, id=f"{script.name.removesuffix('.txt')}-{mode}")


@pytest.mark.parametrize(("script", "mode"), list(scripts()))
def test_dialogue(script: Script, mode: str, request: pytest.FixtureRequest) -> None:
    build = world_of(script).build
    if mode == "loopback":
        thread: ReactorThread = request.getfixturevalue("reactor_thread")
        play(script, LoopbackStage(build, script, thread))
    elif mode == "slow":  # a client that reads nothing until it must, over a transport that takes next to nothing
        play(script, MemoryStage(build, script, high_water=0))
    elif mode == "late":  # the same, and whatever the server asks of its seams is answered later
        late = msgspec.structs.replace(script, options=script.options | {"late": "yes"})
        play(script, MemoryStage(build, late, high_water=0), random_cuts(1))
    elif mode == "octets":
        play(script, MemoryStage(build, script), octets)
    elif mode == "cuts":
        for round_ in range(3):
            seed = zlib.crc32(script.name.encode()) + round_
            play(script, MemoryStage(build, script), random_cuts(seed))
    else:
        play(script, MemoryStage(build, script), whole)
