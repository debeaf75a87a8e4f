"""The form of a journal's files.  No I/O.

A file is a page (4 KiB) with a magic word and a salt, then frames, each beginning on a page of its own so that writing
one cannot harm its neighbour.  A frame is a header (magic, number, base, length, CRC-32 begun with the salt) and units,
each a length and ``steps`` in msgpack.  Numbers count on for ever, through all files; ``base`` says that the effects of
all frames below it are in place for good.  Files are used again from their start, so behind the newest frame older
ones may lie.  A frame is synced before the next is begun: what a crash leaves of the last one is no frame, and anything
else that is no frame was damaged later.  The salt is secret, so no message can hold something taken for a frame.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

import msgspec

from mailsuite.errors import Corrupt
from mailsuite.steps import Append, Link, Put, Rename, Step, Unit, Unlink, Unlinks

PAGE = 4096
SALT = 16
_FILE = struct.Struct(f"<16s{SALT}s")
_FILE_MAGIC = b"mailsuite log 1\n"
_MAGIC = b"mailfrm1"
_HEADER = struct.Struct("<8sQQII")
_LENGTH = struct.Struct("<I")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Step]).decode


class Octets(Protocol):
    """``bytes``, or a file that is read where it is asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice) -> bytes: ...


class Frame(msgspec.Struct, frozen=True):
    """``payload`` holds the units; ``end`` is the offset in its file at which the next frame begins."""

    number: int
    base: int
    payload: bytes
    end: int


class History(msgspec.Struct, frozen=True):
    """What the files of a journal say.  ``frames`` are those whose effects may be missing, in order; ``number`` is the
    next one's, ``file`` and ``offset`` where it goes, ``torn`` whether the beginning of one lies there.  ``before`` is
    the newest in the other file, 0 if there is none."""

    frames: list[Frame]
    number: int
    file: str
    offset: int
    torn: bool
    before: int


# -- writing -------------------------------------------------------------------------------------------------------


def file_head(salt: bytes) -> bytes:
    """The first page."""
    return _FILE.pack(_FILE_MAGIC, salt).ljust(PAGE, b"\0")


def padded(length: int) -> int:
    """Octets that a frame with units of this length, lengths included, takes."""
    return -(-(_HEADER.size + length) // PAGE) * PAGE


def taken(unit: bytes) -> int:
    """Octets of a unit in a frame."""
    return _LENGTH.size + len(unit)


def frame_parts(salt: bytes, number: int, base: int, units: Sequence[bytes]) -> list[bytes]:
    """What to write, to be joined."""
    parts = [part for unit in units for part in (_LENGTH.pack(len(unit)), unit)]
    length = sum(map(len, parts))
    crc = _crc(salt, number, base, length)
    for part in parts:
        crc = zlib.crc32(part, crc)
    return [_HEADER.pack(_MAGIC, number, base, length, crc), *parts]


def _crc(salt: bytes, number: int, base: int, length: int) -> int:
    return zlib.crc32(_HEADER.pack(_MAGIC, number, base, length, 0), zlib.crc32(salt))


def encode_unit(unit: Unit, base: str) -> bytes:
    """Paths below ``base`` (which ends in ``/``) are kept relative to it, so a moved installation stays whole."""
    return _encode([_renamed(step, lambda path: path.removeprefix(base)) for step in unit])


def _renamed(step: Step, name: Callable[[str], str]) -> Step:
    match step:
        case Put():
            return Put(name(step.path), step.data, name(step.via), step.mtime, step.mode)
        case Append():
            return Append(name(step.path), step.offset, step.data)
        case Unlink():
            return Unlink(name(step.path))
        case Rename() | Link():
            return type(step)(name(step.old), name(step.new))
        case Unlinks():
            return Unlinks(name(step.folder), step.names)
    return type(step)(name(step.old_folder), name(step.new_folder), step.old, step.new)


# -- reading -------------------------------------------------------------------------------------------------------


def salt_of(name: str, data: Octets) -> bytes:
    """The salt in the first page; ``Corrupt``."""
    if len(data) < PAGE or data[: len(_FILE_MAGIC)] != _FILE_MAGIC:
        raise Corrupt(f"{name}: not a journal; docs/operations.md, 'A damaged journal', says what to do")
    salt: bytes = _FILE.unpack(data[: _FILE.size])[1]
    return salt


def frame_at(data: Octets, salt: bytes, offset: int) -> Frame | None:
    """The frame that begins there; None if there is no whole one."""
    start = offset + _HEADER.size
    if start > len(data):
        return None
    magic, number, base, length, crc = _HEADER.unpack(data[offset:start])
    if magic != _MAGIC or length > len(data) - start:
        return None
    payload = data[start : start + length]
    if zlib.crc32(payload, _crc(salt, number, base, length)) != crc:
        return None
    return Frame(number, base, payload, offset + padded(length))


def read_files(files: Mapping[str, Octets]) -> History:
    """By path.  ``Corrupt`` if a frame is damaged that is needed, or that was followed by others."""
    chains = {name: _chain(data, salt_of(name, data)) for name, data in files.items()}
    file = max(chains, key=lambda name: chains[name][-1].number if chains[name] else 0)
    newest = chains[file][-1] if chains[file] else Frame(0, 1, b"", PAGE)
    for name, data in files.items():
        end = chains[name][-1].end if chains[name] else PAGE
        for offset, found in _frames_behind(data, salt_of(name, data), end):
            if found.number > newest.number:
                raise _damaged(name, end, f"frame {found.number} follows at offset {offset}")
    there = {frame.number: frame for chain in chains.values() for frame in chain}
    wanted = range(newest.base, newest.number + 1)
    for number in wanted:
        if number not in there:
            raise _damaged(", ".join(files), 0, f"frame {number} is missing")
    torn = files[file][newest.end : newest.end + 16] == _HEADER.pack(_MAGIC, newest.number + 1, 0, 0, 0)[:16]
    before = max((frame.number for name, chain in chains.items() if name != file for frame in chain), default=0)
    return History([there[number] for number in wanted], newest.number + 1, file, newest.end, torn, before)


def _chain(data: Octets, salt: bytes) -> list[Frame]:
    """The frames that follow each other from the start of a file."""
    found: list[Frame] = []
    while frame := frame_at(data, salt, found[-1].end if found else PAGE):
        if found and frame.number != found[-1].number + 1:
            break
        found.append(frame)
    return found


def _frames_behind(data: Octets, salt: bytes, offset: int) -> Iterator[tuple[int, Frame]]:
    while offset < len(data):
        found = frame_at(data, salt, offset) if data[offset : offset + len(_MAGIC)] == _MAGIC else None
        if found is not None:
            yield offset, found
        offset = found.end if found is not None else offset + PAGE


def _damaged(name: str, offset: int, why: str) -> Corrupt:
    return Corrupt(
        f"{name}: damaged at offset {offset}, {why}; docs/operations.md, 'A damaged journal', says what to do"
    )


def units_of(frame: Frame, base: str) -> Iterator[list[Step]]:
    """``Corrupt`` for what cannot be read."""
    view, offset = memoryview(frame.payload), 0
    while offset < len(view):
        (length,) = _LENGTH.unpack_from(view, offset)
        offset += _LENGTH.size
        yield decode_unit(view[offset : offset + length], base)
        offset += length


def decode_unit(data: bytes | memoryview, base: str) -> list[Step]:
    """What ``encode_unit`` made; ``Corrupt``."""
    try:
        return [_renamed(step, lambda path: os.path.join(base, path) if path else "") for step in _decode(data)]
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise Corrupt(f"a unit in the journal cannot be read: {error}") from error
