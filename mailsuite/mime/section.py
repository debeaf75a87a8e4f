"""Sections of a message, RFC 9051 §6.4.5: where ``BODY[1.2.HEADER]`` and the like lie within the CRLF form."""

from __future__ import annotations

import enum

import msgspec

from mailsuite.mime.structure import Kind, Part, parts_of


class Which(enum.Enum):
    """What is wanted of the part that the numbers name; ``ALL`` of no numbers is the whole message."""

    ALL = ""
    HEADER = "HEADER"
    TEXT = "TEXT"
    MIME = "MIME"


class Span(msgspec.Struct, frozen=True):
    """``length`` octets from ``start``."""

    start: int
    length: int


def find_part(root: Part, numbers: tuple[int, ...]) -> Part | None:
    """The part that section numbers name; None if there is no such part.

    Part 1 of what is no multipart is its own content; numbers step through an embedded message without a level of
    their own (RFC 9051 §6.4.5.1)."""
    part, message = root, True
    for number in numbers:
        if part.kind is Kind.MESSAGE and not message:
            part, message = part.children[0], True
        if part.kind is Kind.MULTIPART:
            children = parts_of(part)
            if not 1 <= number <= len(children):
                return None
            part, message = children[number - 1], False
        elif message and number == 1:
            message = False
        else:
            return None
    return part


def locate(root: Part, numbers: tuple[int, ...], which: Which) -> Span | None:
    """Where a section lies; None if the message has no such section."""
    part = find_part(root, numbers)
    if part is None:
        return None
    if not numbers:
        return _of_message(part, which)
    if which is Which.ALL:
        return Span(part.body, part.end - part.body)
    if which is Which.MIME:
        return Span(part.start, part.body - part.start)
    return _of_message(part.children[0], which) if part.kind is Kind.MESSAGE else None


def _of_message(message: Part, which: Which) -> Span | None:
    if which is Which.ALL:
        return Span(message.start, message.end - message.start)
    if which is Which.HEADER:
        return Span(message.start, message.body - message.start)
    return Span(message.body, message.end - message.body) if which is Which.TEXT else None
