"""Reads stored messages and renders what IMAP asks of them.  Imports no Twisted (``disk.placer``).  Blocking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from mailsuite.disk.opening import open_file
from mailsuite.mime.identity import Digest, thread
from mailsuite.mime.render import summarize, summary
from mailsuite.mime.structure import Scanner

#: Octets of a message that are read at once.
PIECE = 1 << 18

#: (envelope, structure, body), as IMAP sends them; the digest of all octets and that of the thread (``mime.identity``).
Rendered: TypeAlias = tuple[bytes, bytes, bytes, bytes, bytes]
#: For each path what is rendered, or nothing if the file is not there.
Summarize: TypeAlias = Callable[[Sequence[str]], Sequence[Rendered | tuple[()]]]


def summarize_files(paths: Sequence[str]) -> list[Rendered | tuple[()]]:
    """``Summarize``, in this thread; OSError for what is there and cannot be read."""
    return [_if_there(path) for path in paths]


def _if_there(path: str) -> Rendered | tuple[()]:
    try:
        return summarize_file(path)
    except FileNotFoundError:
        return ()


def summarize_file(path: str) -> Rendered:
    """OSError."""
    with open(open_file(path), "rb", buffering=0) as file:
        octets = file.read(PIECE)
        digest = Digest()
        digest.feed(octets)
        if len(octets) < PIECE:
            made = summary(octets)
        else:
            scanner = Scanner()
            scanner.feed(octets)
            while octets := file.read(PIECE):
                scanner.feed(octets)
                digest.feed(octets)
            made = summarize(scanner.finish())
    return made.envelope, made.structure, made.body, digest.finish(), thread(made.fields)
