"""Options that several commands share, and how their results are shown."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from mailsuite.errors import InvalidName

_F = TypeVar("_F", bound=Callable[..., Any])

#: Octets of a password line that are read; longer ones are refused as passwords anyway.
_LONGEST_LINE = 64 * 1024
#: Characters of an argument that an error repeats.
_KNOWN_BY = 60


def config_option(command: _F) -> _F:
    """``--config FILE``, handed on as ``config`` (None if not given)."""
    return click.option(
        "--config",
        metavar="FILE",
        help="Configuration file. [default: $MAILSUITE_CONFIG, ./mailsuite.toml, /etc/mailsuite/mailsuite.toml]",
    )(command)


def json_option(command: _F) -> _F:
    """``--json``, handed on as ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="JSON for programs instead of a table.")(command)


def password_option(command: _F) -> _F:
    """``--password-stdin``, handed on as ``password_stdin``."""
    return click.option(
        "--password-stdin", is_flag=True, help="Read the password from the first line of standard input, do not ask."
    )(command)


def asked_password(from_stdin: bool) -> str:
    """The password a person types twice without echo, or the first line of standard input.  Raises InvalidName."""
    if from_stdin:
        return _first_line()
    if not has_terminal():
        raise InvalidName("there is no terminal to ask for the password: give it with --password-stdin")
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return password


def _first_line() -> str:
    """UTF-8 whatever the locale says, as mail clients send it."""
    line = sys.stdin.buffer.readline(_LONGEST_LINE)
    if not line:
        raise InvalidName("there is no password on standard input")
    try:
        return line.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise InvalidName("the password on standard input is not UTF-8 text") from None


def has_terminal() -> bool:
    """Whether a person can be asked something unseen, wherever standard input comes from."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return sys.stdin.isatty()
    return True


def visible(text: str) -> str:
    """What was typed, or said by others, as one line that steers no terminal: ``a\\nb``."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def quoted(value: str) -> str:
    """An argument as an error names it, as much of it as is needed to know it again."""
    return repr(value if len(value) <= _KNOWN_BY else value[:_KNOWN_BY] + "...")


def show_json(value: object) -> None:
    """One JSON document."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]], empty: str) -> None:
    """A table for a person, or the sentence ``empty`` if it has no rows; plain lines where no terminal reads it."""
    if not rows:
        click.echo(empty)
        return
    from rich import box  # noqa: PLC0415 - slow to import, and most commands print no table
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    console = Console(markup=False, emoji=False, highlight=False)
    if not console.is_terminal:  # a pipe has no width: let no cell be cut
        console.width = 2000
    console.print(table)
