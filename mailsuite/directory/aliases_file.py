"""Reads an aliases file as sendmail, Postfix and Exim have it (aliases(5)).  Pure; files to include are an argument.

``name: value, value``; a line that begins with white space continues the one above; ``#`` begins a comment line.
A value is an address, a name of the same domain (with a backslash before it or not), each also in angle brackets with
a person's name before them, or ``:include:/FILE``, whose lines are values.  What this server does not do (commands,
files) is a ``Fault`` with its place, and everything else is read all the same, so that all faults are told at once.
Bounded in depth, files and values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TypeAlias

import msgspec

from mailsuite.directory.logical_lines import logical_lines
from mailsuite.directory.names import alias_source, mail_address
from mailsuite.errors import InvalidName, MailError

#: Files that include one another in a row, files of one import, and values of one alias (as everywhere).
MOST_DEPTH, MOST_FILES, MOST_TARGETS = 8, 1000, 1000

# A value: quoted, or up to the next comma; white space around it means nothing.
_VALUE = re.compile(r'\s*("(?:[^"\\]|\\.)*"[^,]*|[^,]*?)\s*(?:,|$)')
_NAME = re.compile(r'\s*("(?:[^"\\]|\\.)+"|[^\s:"]+)\s*:(.*)', re.DOTALL)
# What stands in angle brackets, whoever's name is before them.
_NAMED = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^<>"]*)\s*<\s*([^<>]+?)\s*>')
_INCLUDE = ":include:"

#: Gives the text of a file; MailError if it cannot be read.
Read: TypeAlias = Callable[[str], str]


class Place(msgspec.Struct, frozen=True):
    """A line of a file, counted from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Fault(msgspec.Struct, frozen=True):
    """What cannot be taken over, where it stands, and what to do about it."""

    place: Place
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


class Entry(msgspec.Struct, frozen=True):
    """One alias, canonical."""

    source: str
    targets: tuple[str, ...]
    place: Place


class AliasesFile:
    """``read`` it once: ``entries`` and ``faults`` are in the order of the file."""

    def __init__(self, domain: str, read: Read) -> None:
        """``domain`` is that of names without one."""
        self._domain = domain
        self._read = read
        self._files = 0
        self.entries: list[Entry] = []
        self.faults: list[Fault] = []

    def read(self, path: str) -> None:
        """MailError if the file itself cannot be read."""
        seen: dict[str, Place] = {}
        for number, line in logical_lines(self._read(path).splitlines()):
            place = Place(path, number)
            found = _NAME.fullmatch(line)
            if found is None:
                self._fault(place, "not of the form NAME: ADDRESS, ...")
                continue
            source = self._source(place, _unquoted(found[1]))
            targets = dict.fromkeys(self._values(place, found[2], 0))
            if not source:
                continue
            if source in seen:
                self._fault(place, f"{source} is there already, at {seen[source]}; which one is meant?")
            elif len(targets) > MOST_TARGETS:
                self._fault(place, f"{source} leads to more than {MOST_TARGETS} addresses")
            elif targets:
                self.entries.append(Entry(source, tuple(targets), place))
            seen.setdefault(source, place)

    def _fault(self, place: Place, text: str) -> None:
        self.faults.append(Fault(place, text))

    def _source(self, place: Place, name: str) -> str:
        """Empty for a name that cannot be."""
        try:
            return alias_source(self._full(name))
        except InvalidName as error:
            self._fault(place, str(error))
            return ""

    def _full(self, name: str) -> str:
        return name if "@" in name else f"{name}@{self._domain}"

    def _values(self, place: Place, text: str, depth: int) -> Iterator[str]:
        at = 0
        while at < len(text):
            found = _VALUE.match(text, at)
            if found is None or found.end() == at:
                self._fault(place, f"{text[at:].strip()!r} is not an address")
                return
            at = found.end()
            if found[1]:
                named = _NAMED.fullmatch(found[1])
                yield from self._value(place, _unquoted(named[1] if named else found[1]), depth)

    def _value(self, place: Place, value: str, depth: int) -> Iterator[str]:
        if value.startswith("|"):
            self._fault(place, f"{value}: mail is not given to commands; let the program read a mailbox, or take LMTP")
        elif value.startswith("/"):
            self._fault(place, f"{value}: mail is not written to files; name an account instead")
        elif value.lower().startswith(_INCLUDE):
            yield from self._include(place, value[len(_INCLUDE) :].strip(), depth)
        else:
            try:
                yield mail_address(self._full(value.removeprefix("\\")))
            except InvalidName as error:
                self._fault(place, str(error))

    def _include(self, place: Place, path: str, depth: int) -> Iterator[str]:
        self._files += 1
        if not path.startswith("/"):
            self._fault(place, f":include:{path}: needed is an absolute path")
        elif depth >= MOST_DEPTH or self._files > MOST_FILES:
            self._fault(place, f":include:{path}: too many files include one another")
        else:
            try:
                text = self._read(path)
            except MailError as error:
                self._fault(place, f":include:{path}: {error}")
                return
            for number, line in enumerate(text.splitlines(), 1):
                if line.strip() and not line.lstrip().startswith("#"):
                    yield from self._values(Place(path, number), line, depth + 1)


def _unquoted(text: str) -> str:
    """Quotes may stand around the whole or its local part only."""
    if not text.startswith('"'):
        return text
    inner, _, rest = text[1:].rpartition('"')
    return re.sub(r"\\(.)", r"\1", inner) + rest
