"""What the programs in this folder share; no program itself.

Each is run from the top folder as ``python -m bench.NAME``, and ``--help`` says what it measures, in which units.  A
wrong argument ends it with words on standard error and status 2; what goes wrong later, with words and status 1.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

_T = TypeVar("_T")


def count(text: str) -> int:
    """A number of something of which there must be one at least."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"there must be one at least, not {number}")
    return number


def share(text: str) -> float:
    """From none to all."""
    number = float(text)
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"a share is from 0 to 1, not {number:g}")
    return number


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

    def count(self, name: str, default: int, words: str) -> None:
        """An option that takes a number of one or more."""
        self.add_argument(name, type=count, default=default, metavar="N", help=f"{words} (%(default)s)")

    def folder(self) -> None:
        """Where ``temporary`` makes its folder: on which disk a program works is a part of what it measures."""
        words = "make the temporary folder in DIR, on whose disk all is then (the current folder)"
        self.add_argument("--folder", type=existing_folder, default=Path(), metavar="DIR", help=words)

    def profile(self) -> None:
        self.add_argument("--profile", action="store_true", help="show where the time went, too")

    def needs(self, program: str, package: str) -> None:
        """End with words where that program is not there."""
        os.environ["PATH"] += ":/usr/local/sbin:/usr/sbin:/sbin"
        if shutil.which(program) is None:
            self.exit(1, f"{self.prog}: {program} is not installed; it comes with {package}\n")


@contextmanager
def temporary(within: Path) -> Iterator[Path]:
    """An empty folder, gone when all is over, whatever happened."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=within, ignore_cleanup_errors=True) as folder:
        yield Path(folder).absolute()


def end_in_order() -> None:
    """Make SIGTERM an exception, so that processes that were started are ended, and folders removed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def profiled(work: Callable[[], _T], lines: int = 40) -> _T:
    """Do it, and show the functions that took longest."""
    profile = cProfile.Profile()
    result = profile.runcall(work)
    pstats.Stats(profile).sort_stats("tottime").print_stats(lines)
    return result
