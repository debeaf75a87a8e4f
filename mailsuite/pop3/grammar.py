"""One line of a client: keyword and arguments (RFC 1939 §3, RFC 2449 §4)."""

from __future__ import annotations

import re

from mailsuite.pop3.states import COMMANDS, Command, State
from mailsuite.pop3.texts import Text

#: More digits than any maildrop has messages; keeps ``int`` cheap.
_MOST_DIGITS = 9
#: RFC 1939 §7: MD5 in hexadecimal digits; the letters are said to be small, not every client does so.
_DIGEST = re.compile(rb"[0-9A-Fa-f]{32}")
#: RFC 4647 §2.1 basic language range.
_RANGE = re.compile(rb"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,8}|\*")


class Fault(Exception):
    """The command is refused; ``text`` and its ``values`` are for the client."""

    def __init__(self, text: Text, **values: object) -> None:
        super().__init__(text.name)
        self.text = text
        self.values = values


class SyntaxFault(Fault):
    """The line is no command that can be answered otherwise; a client may send only so many of them."""


def parse_command(line: bytes, state: State) -> tuple[Command, list[bytes]]:
    """The table's row and the arguments of a line without its ending.  Raises SyntaxFault."""
    keyword, _, rest = line.partition(b" ")
    command = COMMANDS.get(keyword.upper())
    if command is None:
        raise SyntaxFault(Text.UNKNOWN_COMMAND)
    if command.whole:
        arguments = [rest] if rest else []
    else:
        rest = rest.rstrip(b" ")  # some clients end their commands so
        arguments = rest.split(b" ") if rest else []
    least, most = command.arguments
    if not least <= len(arguments) <= most or b"" in arguments:
        raise _wrong_count(command)
    if b"\0" in line:
        raise SyntaxFault(Text.NUL)
    if state not in command.states:
        before = state is State.AUTHORIZATION
        raise SyntaxFault(Text.BEFORE_LOGIN if before else Text.AFTER_LOGIN, keyword=command.keyword)
    return command, arguments


def _wrong_count(command: Command) -> SyntaxFault:
    least, most = command.arguments
    if not most:
        return SyntaxFault(Text.NO_ARGUMENT, keyword=command.keyword)
    count = str(least) if least == most else f"{least}-{most}"
    return SyntaxFault(Text.ARGUMENTS, keyword=command.keyword, count=count)


def parse_number(argument: bytes) -> int:
    """A message number or a count of lines.  Raises SyntaxFault."""
    if not argument.isdigit() or len(argument) > _MOST_DIGITS:
        raise SyntaxFault(Text.NOT_A_NUMBER)
    return int(argument)


def parse_text(argument: bytes) -> str:
    """A login name, a password, a mechanism: UTF-8 (RFC 6856 §2.2 for what goes beyond ASCII).  Raises SyntaxFault."""
    try:
        return argument.decode()
    except UnicodeDecodeError:
        raise SyntaxFault(Text.NOT_UTF8) from None


def parse_digest(argument: bytes) -> str:
    """In lower case.  Raises SyntaxFault."""
    if not _DIGEST.fullmatch(argument):
        raise SyntaxFault(Text.NOT_A_DIGEST)
    return argument.decode().lower()


def parse_range(argument: bytes) -> str:
    """A language range; empty if it is none, which no language has."""
    return argument.decode() if _RANGE.fullmatch(argument) else ""
