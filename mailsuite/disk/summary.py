"""Reads stored messages and renders what IMAP asks of them.  Imports no Twisted (``disk.placer``).  Blocking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

from mailsuite.disk.opening import open_file
from mailsuite.mime.header import header_end, select
from mailsuite.mime.identity import Digest, thread
from mailsuite.mime.render import summarize, summary
from mailsuite.mime.structure import Scanner

#: Octets of a message that are read at once.
PIECE = 1 << 18

#: (envelope, structure, body), as IMAP sends them; the digest of all octets and that of the thread (``mime.identity``);
#: chosen header fields, or none of a header that is very long.
Rendered: TypeAlias = tuple[bytes, bytes, bytes, bytes, bytes, tuple[bytes, ...]]


class Summarize(Protocol):
    """Renders messages."""

    def __call__(self, paths: Sequence[str], sets: Sequence[str], /) -> Sequence[Rendered | tuple[()]]:
        """For each path what is rendered, or nothing if the file is not there.  ``sets``: names of header fields, with
        a space between them; what has these names is one of the chosen fields."""


def summarize_files(paths: Sequence[str], sets: Sequence[str]) -> list[Rendered | tuple[()]]:
    """``Summarize``, in this thread; OSError for what is there and cannot be read."""
    return [_if_there(path, sets) for path in paths]


def _if_there(path: str, sets: Sequence[str]) -> Rendered | tuple[()]:
    try:
        return summarize_file(path, sets)
    except FileNotFoundError:
        return ()


def summarize_file(path: str, sets: Sequence[str]) -> Rendered:
    """OSError."""
    with open(open_file(path), "rb", buffering=0) as file:
        octets = file.read(PIECE)
        digest = Digest()
        digest.feed(octets)
        fields = _fields(octets, sets)
        if len(octets) < PIECE:
            made = summary(octets)
        else:
            scanner = Scanner()
            scanner.feed(octets)
            while octets := file.read(PIECE):
                scanner.feed(octets)
                digest.feed(octets)
            made = summarize(scanner.finish())
    return made.envelope, made.structure, made.body, digest.finish(), thread(made.fields), fields


def _fields(octets: bytes, sets: Sequence[str]) -> tuple[bytes, ...]:
    end = header_end(octets)
    block = octets[:end]
    return tuple(select(block, names.encode().split()) for names in sets) if end < PIECE else ()
