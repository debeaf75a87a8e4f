"""Standard input, output and error, as a program finds them that others call: closed, full, or read by nobody any more.

What becomes of the mail never hangs on who reads what is told of it: ``show`` and ``tell`` fall silent when nobody
does.  ``put`` is for what was asked for itself, a list or a help text, and says that it could not be written.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TextIO

from mailsuite.sendmail.exits import Exit, Stop


def ensure() -> None:
    """What is closed is /dev/null from now on: the next file that is opened would take its place, and be written to.
    What an encoding cannot say is told as ``\\u....``."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    sys.stdin = sys.stdin or open(0)  # noqa: SIM115 - as long as the program
    sys.stdout = sys.stdout or open(1, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):  # another stream in its place
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def show(line: str) -> None:
    """A line on standard output, at once; nothing, if nobody reads it."""
    with contextlib.suppress(OSError):
        _write(sys.stdout, f"{line}\n")


def tell(line: str) -> None:
    """A line on standard error; nothing, if nobody reads it."""
    with contextlib.suppress(OSError):
        _write(sys.stderr, f"{line}\n")


def put(text: str) -> None:
    """Lines on standard output.  Raises Stop, without words if it is a pipe that nobody reads any more."""
    try:
        _write(sys.stdout, f"{text}\n")
    except BrokenPipeError:
        raise Stop(Exit.IOERR, "") from None
    except OSError as error:
        raise Stop(Exit.IOERR, f"standard output: {error.strerror}") from None


def flush() -> None:
    """What others have written there, too, so that nothing can fail any more when the program ends."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            _write(stream, "")


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
        stream.flush()
    except OSError:
        _silence(stream)
        raise


def _silence(stream: TextIO) -> None:
    """What it still holds must go somewhere when the program ends, or that fails then."""
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), stream.fileno())
    with contextlib.suppress(OSError):
        stream.flush()
