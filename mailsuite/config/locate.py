"""Where in a TOML text each key and each entry of a list stands, so that a line can be named.

For texts that ``tomllib`` has read without complaint: only then is every line told.  Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeAlias

#: ``("listener", 0, "port")``, ``("trusted_networks", 2)``
Path: TypeAlias = tuple[str | int, ...]

_KEY_PART = re.compile(r"""[ \t]*(?:([A-Za-z0-9_-]+)|"((?:[^"\\]|\\.)*)"|'([^']*)')[ \t]*""")
#: What a value is made of, as far as its end is concerned; longest strings first.
_PIECE = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*|[\[\]{},\n]|[^\[\]{},\n#"\']+',
    re.DOTALL,
)


def lines(text: str) -> Mapping[Path, int]:
    """Line numbers, from 1, of tables, keys and entries of lists."""
    return _Locator(text).read()


def line_of(text: str, path: Path) -> int:
    """Where that stands, or the innermost table or list around it; 0 if nothing of it is there."""
    found = lines(text)
    return next((found[path[:end]] for end in range(len(path), 0, -1) if path[:end] in found), 0)


def spot(file: str, text: str, path: Path) -> str:
    """``mailsuite.toml:12``, or the file alone."""
    line = line_of(text, path)
    return f"{file}:{line}" if line else file


class _Locator:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._found: dict[Path, int] = {}
        self._table: Path = ()
        self._counts: dict[Path, int] = {}

    def read(self) -> Mapping[Path, int]:
        while self._at < len(self._text):
            rest = self._text[self._at : self._at + 2].lstrip(" \t")
            if self._text[self._at] in " \t\r":
                self._at += 1
            elif rest.startswith("\n"):
                self._newline()
            elif rest.startswith("#"):
                self._to_line_end()
            elif rest.startswith("["):
                self._header()
            else:
                self._setting()
        return self._found

    def _header(self) -> None:
        listed = self._text.startswith("[[", self._at)
        self._at += 2 if listed else 1
        path = self._anchored(self._key())
        if listed:
            number = self._counts[path] = self._counts.get(path, -1) + 1
            path = (*path, number)
        self._table = path
        self._found[path] = self._line
        self._to_line_end()

    def _anchored(self, keys: list[str]) -> Path:
        """A table below a list is that of its last entry."""
        path: Path = ()
        for at, key in enumerate(keys):
            path = (*path, key)
            if at + 1 < len(keys) and path in self._counts:
                path = (*path, self._counts[path])
        return path

    def _setting(self) -> None:
        path = (*self._table, *self._key())
        self._found[path] = self._line
        self._at += 1  # the equals sign
        self._value(path)

    def _key(self) -> list[str]:
        """Its parts; what follows is next."""
        parts: list[str] = []
        while (found := _KEY_PART.match(self._text, self._at)) is not None:
            bare, quoted, literal = found.groups()
            parts.append(bare or literal or quoted or "")
            self._at = found.end()
            if not self._text.startswith(".", self._at):
                break
            self._at += 1
        return parts

    def _value(self, path: Path) -> None:
        """Up to the end of the line on which it ends."""
        depth, entry, fresh = 0, 0, False
        while (found := _PIECE.match(self._text, self._at)) is not None:
            piece, self._at = found[0], found.end()
            if piece == "\n" and depth == 0:
                self._line += 1
                return
            if depth == 1 and fresh and piece.strip() and piece not in ("]", ",") and not piece.startswith("#"):
                self._found[(*path, entry)] = self._line
                fresh = False
            if piece in ("[", "{"):
                depth += 1
                fresh = fresh or (depth == 1 and piece == "[")
            elif piece in ("]", "}"):
                depth -= 1
            elif piece == "," and depth == 1:
                entry, fresh = entry + 1, True
            self._line += piece.count("\n")

    def _newline(self) -> None:
        self._at = self._text.index("\n", self._at) + 1
        self._line += 1

    def _to_line_end(self) -> None:
        end = self._text.find("\n", self._at)
        self._at = len(self._text) if end < 0 else end
