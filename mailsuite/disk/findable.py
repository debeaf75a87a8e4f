"""Reads stored messages and takes from them what an index needs to find them.  Imports no Twisted
(``disk.placer``).  Blocking.

Of messages of more than ``MAX_MESSAGE`` octets, and of texts of more than ``MAX_TEXT`` characters, only the beginning
is kept; ``whole`` says that nothing was left out.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import msgspec

from mailsuite.disk.opening import open_file
from mailsuite.mime import header
from mailsuite.mime.header_text import header_text
from mailsuite.mime.ordering import Ordering, ordering
from mailsuite.mime.texts import body_pieces

#: Octets of a message and of a header block, characters of a body's and of a header's text.
MAX_MESSAGE, MAX_HEADER = 8 << 20, 256 << 10
MAX_TEXT, MAX_FIELDS = 1 << 20, 64 << 10
_HEADER_GUESS = 16 * 1024


class Findable(msgspec.Struct, frozen=True, array_like=True):
    """``fields`` and ``body`` as ``mime.search`` makes them; ``body`` is empty where only the header was asked for."""

    ordering: Ordering
    fields: str
    fields_whole: bool
    body: str
    body_whole: bool


#: For each path what is there to find, or None if the file is not there; ``bodies``: the body's text too.
Examine: TypeAlias = Callable[[Sequence[str], bool], Sequence[Findable | None]]


def examine_files(paths: Sequence[str], bodies: bool) -> list[Findable | None]:
    """``Examine``, in this thread; OSError for what is there and cannot be read."""
    return [_if_there(path, bodies) for path in paths]


def _if_there(path: str, bodies: bool) -> Findable | None:
    try:
        return examine_file(path, bodies)
    except FileNotFoundError:
        return None


def examine_file(path: str, bodies: bool) -> Findable:
    """OSError."""
    most = MAX_MESSAGE if bodies else _HEADER_GUESS
    with open(open_file(path), "rb", buffering=0) as file:
        octets = _read(file.fileno(), most)
        end = header.header_end(octets)
        if end == len(octets) and not bodies:
            octets += _read(file.fileno(), MAX_HEADER - len(octets))
            end = header.header_end(octets)
    block = octets[: min(end, MAX_HEADER)]
    fields = clean(header_text(block))
    body = clean(_beginning(body_pieces(lambda: (octets,)), MAX_TEXT + 1)) if bodies else ""
    return Findable(
        ordering=_cleaned(ordering(header.index(block))),
        fields=fields[:MAX_FIELDS],
        fields_whole=len(fields) <= MAX_FIELDS and end <= MAX_HEADER,
        body=body[:MAX_TEXT],
        body_whole=bodies and len(body) <= MAX_TEXT and len(octets) < MAX_MESSAGE,
    )


def _read(file: int, most: int) -> bytes:
    parts = []
    while most > 0 and (octets := os.read(file, most)):
        parts.append(octets)
        most -= len(octets)
    return b"".join(parts)


def _beginning(pieces: Iterable[str], characters: int) -> str:
    """Of a text at least so many, if it has them; the rest is not made."""
    parts = []
    for piece in pieces:
        parts.append(piece)
        characters -= len(piece)
        if characters <= 0:
            break
    return "".join(parts)


def clean(text: str) -> str:
    """Without what no database keeps as text: NUL, and halves of characters that odd charsets make."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _cleaned(found: Ordering) -> Ordering:
    changed = {name: clean(value) for name in found.__struct_fields__ if isinstance(value := getattr(found, name), str)}
    return msgspec.structs.replace(found, **changed, references=tuple(map(clean, found.references)))
