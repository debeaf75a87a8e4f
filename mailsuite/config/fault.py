"""What is wrong at a place of the configuration file, and how it is found."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mailsuite.config.explain import Step, place, shown
from mailsuite.errors import InvalidName


class Fault(Exception):
    """What is wrong at a place of the file."""

    def __init__(self, steps: Sequence[Step], value: object, allowed: str) -> None:
        super().__init__(f"{place(steps)} = {shown(value)}: {allowed}")
        self.steps = tuple(steps)


def named(parse: Callable[[str], object], value: str, *steps: Step) -> None:
    """``value`` is what ``parse`` takes, or Fault."""
    try:
        parse(value)
    except InvalidName as error:
        raise Fault(steps, value, str(error)) from None


def contents(steps: Sequence[Step], path: str, length: int = 1 << 20) -> bytes:
    """The beginning of a small file."""
    try:
        with open(path, "rb") as file:
            return file.read(length)
    except OSError as error:
        raise Fault(steps, path, f"the file cannot be read: {error.strerror}") from None
