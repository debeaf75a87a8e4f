"""The program of a second process that puts files in their places: ``python -m mailsuite.disk.placer BASE``.

It frees the server's interpreter of what costs most when much mail comes: system calls for each file, and the scan of
each message for the indexes.  It is asked over the socket that is its standard input and answers in order; it knows
nothing between two requests, ends when the socket does, and is never needed: what it leaves undone the server does
(``disk.placer_process``).  It imports no Twisted, to be small and there at once.  Trusts its parent.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import sys
from collections.abc import Sequence

import msgspec

from mailsuite.disk.files import append_to_file, write_file
from mailsuite.disk.findable import Findable, examine_file
from mailsuite.disk.frames import decode_unit
from mailsuite.disk.many import Course, do_many
from mailsuite.disk.summary import Rendered, summarize_file
from mailsuite.steps import Append, Link, Put, Rename, Renames, Single, Unlink, Unlinks, singles

#: A request and an answer: this, then so many octets of msgpack.
HEAD = struct.Struct("<cI")
#: Kinds of request.  PLACE: units as ``frames.encode_unit`` makes them; the answer is whether all is done.
#: CHANGE: a unit of one step that concerns many files; the answer is the numbers of those that were not there, or
#: nothing if it may be done in part.
#: SUMMARIZE: paths, and sets of header fields; the answer is for each path what ``disk.summary`` renders, nothing if it
#: could not be read.
#: EXAMINE, EXAMINE_HEADERS: paths; for each what ``disk.findable`` makes, nothing if it could not be read.
PLACE, CHANGE, SUMMARIZE, EXAMINE, EXAMINE_HEADERS = b"p", b"c", b"s", b"e", b"h"

_encode = msgspec.msgpack.Encoder().encode
_units = msgspec.msgpack.Decoder(list[bytes]).decode
_paths = msgspec.msgpack.Decoder(list[str]).decode
_paths_and_sets = msgspec.msgpack.Decoder(tuple[list[str], list[str]]).decode


def place(units: Sequence[bytes], base: str) -> bool:
    """Do their steps; whether that went well.  It stops at the first that did not."""
    try:
        for unit in units:
            for step in decode_unit(unit, base):
                for single in singles(step):
                    _do(single)
    except OSError:
        return False
    return True


def _do(step: Single) -> None:
    match step:
        case Put():
            write_file(step)
        case Append():
            append_to_file(step)
        case Rename():
            os.rename(step.old, step.new)
        case Link():
            os.link(step.old, step.new)
        case Unlink():
            with contextlib.suppress(FileNotFoundError):
                os.unlink(step.path)


def change(unit: bytes, base: str) -> list[int] | None:
    """Do its one step, which renames or removes files; those that were missed, None if it broke off."""
    course = Course()
    try:
        for step in decode_unit(unit, base):
            if isinstance(step, Renames | Unlinks):
                do_many(step, course)
    except OSError:
        return None
    return course.missed


def rendered(paths: Sequence[str], sets: Sequence[str]) -> list[Rendered | tuple[()]]:
    """Nothing for what cannot be read, too: the server will see why."""
    return [_rendered(path, sets) for path in paths]


def _rendered(path: str, sets: Sequence[str]) -> Rendered | tuple[()]:
    try:
        return summarize_file(path, sets)
    except OSError:
        return ()


def examined(paths: Sequence[str], bodies: bool) -> list[Findable | None]:
    """The same for what there is to find."""
    return [_examined(path, bodies) for path in paths]


def _examined(path: str, bodies: bool) -> Findable | None:
    try:
        return examine_file(path, bodies)
    except OSError:
        return None


def serve(connection: socket.socket, base: str) -> None:
    """Answer until the other side is gone, which it may be at any octet: it was killed."""
    with contextlib.suppress(ConnectionError):
        while head := receive(connection, HEAD.size):
            kind, octets = HEAD.unpack(head)
            if not (data := receive(connection, octets)):
                return
            answer = _encode(_do_asked(kind, data, base))
            connection.sendall(HEAD.pack(kind, len(answer)) + answer)


def _do_asked(kind: bytes, data: bytes, base: str) -> object:
    if kind == PLACE:
        return place(_units(data), base)
    if kind == CHANGE:
        return change(data, base)
    if kind == SUMMARIZE:
        return rendered(*_paths_and_sets(data))
    return examined(_paths(data), kind == EXAMINE)


def receive(connection: socket.socket, octets: int) -> bytes:
    """Exactly so many; nothing if the other side is gone."""
    data = bytearray(octets)
    view = memoryview(data)
    while view:
        count = connection.recv_into(view)
        if not count:
            return b""
        view = view[count:]
    return bytes(data)


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):  # meant for the server, whose end ends us
        signal.signal(number, signal.SIG_IGN)
    os.umask(0o077)
    with socket.socket(fileno=sys.stdin.fileno()) as connection:
        serve(connection, sys.argv[1])


if __name__ == "__main__":
    main()
