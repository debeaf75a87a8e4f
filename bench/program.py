"""What the programs in this folder share; no program itself.

Each is run from the top folder as ``python -m bench.NAME``, and ``--help`` says what it measures, in which units.  A
wrong argument ends it with words on standard error and status 2; what goes wrong later, with words and status 1.
"""

from __future__ import annotations

import argparse
import contextlib
import cProfile
import logging
import os
import pstats
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TypeVar

_T = TypeVar("_T")


#: Of whatever is counted; what is held of more than that does not fit into memory.
MOST = 10_000_000
#: Octets of a message that a program makes; larger ones are refused by servers, or do not fit into memory.
LARGEST = 32 << 20


def count(text: str, most: int = MOST) -> int:
    """A number of something of which there must be one at least."""
    with contextlib.suppress(ValueError):
        if 1 <= (number := int(text)) <= most:
            return number
    raise argparse.ArgumentTypeError(f"a whole number from 1 to {most:,}, not {text!r}")


def seed(text: str) -> int:
    """Of what comes at random."""
    with contextlib.suppress(ValueError):
        return int(text)
    raise argparse.ArgumentTypeError(f"a whole number, not {text!r}")


def size(text: str) -> int:
    """Octets of a message."""
    return count(text, LARGEST)


def scale(text: str) -> float:
    """What amounts are multiplied by."""
    return number(text, 0.01, 100)


def minutes(text: str) -> float:
    """At most a week."""
    return number(text, 0.01, 10_000, "minutes ")


def share(text: str) -> float:
    """From none to all."""
    return number(text, 0, 1, "a share ")


def number(text: str, least: float, most: float, what: str = "") -> float:
    """Of the command line; what is none, or out of these bounds, is refused with what would be right."""
    with contextlib.suppress(ValueError):
        if least <= (value := float(text)) <= most:
            return value
    raise argparse.ArgumentTypeError(f"{what}from {least:g} to {most:,}, not {text!r}")


def existing_folder(text: str) -> Path:
    if not os.path.isdir(text):
        raise argparse.ArgumentTypeError(f"{text} is not a folder")
    return Path(text)


class Arguments(argparse.ArgumentParser):
    """Those of the program that runs; ``text`` is its docstring."""

    def __init__(self, text: str | None) -> None:
        name = Path(sys.argv[0]).stem
        super().__init__(
            prog=f"python -m bench.{name}", description=text, formatter_class=argparse.RawDescriptionHelpFormatter
        )

    def count(self, name: str, default: int, words: str, most: int = MOST) -> None:
        """An option that takes a number of one or more."""

        def at_most(text: str) -> int:
            return count(text, most)

        self.add_argument(name, type=at_most, default=default, metavar="N", help=f"{words} (%(default)s)")

    def size(self, default: int, words: str) -> None:
        """``--size``, of a message."""
        self.add_argument("--size", type=size, default=default, metavar="OCTETS", help=f"{words} (%(default)s)")

    def folder(self) -> None:
        """Where ``temporary`` makes its folder: on which disk a program works is a part of what it measures."""
        words = "make the temporary folder in DIR, on whose disk all is then (the current folder)"
        self.add_argument("--folder", type=existing_folder, default=Path(), metavar="DIR", help=words)

    def profile(self) -> None:
        self.add_argument("--profile", action="store_true", help="show where the time went, too")

    def needs(self, program: str, package: str) -> None:
        """End with words where that program is not there."""
        search_sbin()
        if shutil.which(program) is None:
            self.exit(1, f"{self.prog}: {program} is not installed; it comes with {package}\n")


@contextmanager
def temporary(within: Path) -> Iterator[Path]:
    """An empty folder, gone when all is over, whatever happened."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=within, ignore_cleanup_errors=True) as folder:
        yield Path(folder).absolute()


def search_sbin() -> None:
    """Servers and their tools are there, where the programs of people who are not root are not looked for."""
    os.environ["PATH"] = ":".join([os.environ.get("PATH", os.defpath), "/usr/local/sbin:/usr/sbin:/sbin"])


def end_in_order() -> None:
    """Make the first SIGTERM, SIGINT (Ctrl-C) or SIGHUP (a terminal that was closed) an exception that ends the program
    with a line and with 128 and its number, so that processes that were started are ended, and folders removed; then
    let nobody disturb that."""
    signals = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]

    def end(number: int, _: FrameType | None) -> None:
        for each in signals:
            signal.signal(each, lambda *_: None)  # not SIG_IGN, which those that end servers would inherit
        logging.getLogger("asyncio").disabled = True  # it would tell of each task that is given up
        with contextlib.suppress(OSError):  # of a terminal that was closed
            os.write(2, b"ended by %b: what was started is stopped\n" % signal.Signals(number).name.encode())
        sys.exit(128 + number)

    for each in signals:
        if signal.getsignal(each) is not signal.SIG_IGN:
            signal.signal(each, end)


def profiled(work: Callable[[], _T], lines: int = 40) -> _T:
    """Do it, and show the functions that took longest."""
    profile = cProfile.Profile()
    result = profile.runcall(work)
    pstats.Stats(profile).sort_stats("tottime").print_stats(lines)
    return result
