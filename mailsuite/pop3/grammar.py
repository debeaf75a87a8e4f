"""One line of a client: keyword and arguments (RFC 1939 §3, RFC 2449 §4)."""

from __future__ import annotations

from mailsuite.pop3.states import COMMANDS, Command

#: More digits than any maildrop has messages; keeps ``int`` cheap.
_MOST_DIGITS = 9


class SyntaxFault(Exception):
    """The line is no command that can be answered otherwise; the text is for the client."""


def parse_command(line: bytes) -> tuple[Command, list[bytes]]:
    """The table's row and the arguments of a line without its ending.  Raises SyntaxFault."""
    keyword, _, rest = line.partition(b" ")
    command = COMMANDS.get(keyword.upper())
    if command is None:
        raise SyntaxFault("unknown command")
    if command.whole:
        arguments = [rest] if rest else []
    else:
        rest = rest.rstrip(b" ")  # some clients end their commands so
        arguments = rest.split(b" ") if rest else []
    least, most = command.arguments
    if not least <= len(arguments) <= most or b"" in arguments:
        raise SyntaxFault(_usage(command))
    if b"\0" in line:
        raise SyntaxFault("NUL in a command")
    return command, arguments


def _usage(command: Command) -> str:
    least, most = command.arguments
    if not most:
        return f"{command.keyword} takes no argument"
    count = str(least) if least == most else f"{least} to {most}"
    return f"{command.keyword} takes {count} argument{'s' if most > 1 else ''}"


def parse_number(argument: bytes) -> int:
    """A message number or a count of lines.  Raises SyntaxFault."""
    if not argument.isdigit() or len(argument) > _MOST_DIGITS:
        raise SyntaxFault("not a number")
    return int(argument)


def parse_text(argument: bytes, what: str) -> str:
    """A login name or a password: UTF-8 (RFC 6856 §2.2 for what goes beyond ASCII).  Raises SyntaxFault."""
    try:
        return argument.decode()
    except UnicodeDecodeError:
        raise SyntaxFault(f"the {what} is not UTF-8") from None
