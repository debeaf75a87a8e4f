"""Options of mail that waits: when it is tried again, what its senders are told.  Part of ``config.schema``."""

from __future__ import annotations

from typing import Annotated

import msgspec

from mailsuite.config.option import about, length, number
from mailsuite.queue.schedule import Schedule as Usual

_WAITS = length(1, 100, "Time before each further attempt; the last one repeats.", unit="seconds")
_LIFETIME = number(
    1,
    60 * 86_400,
    "Age at which a message is given up and its sender told; RFC 5321 §4.5.4.1 wants 4 to 5 days.",
    unit="seconds",
)
_DELAY_NOTICE = number(
    0,
    60 * 86_400,
    "Age at which the sender is told that a message is still waiting, and until when; 0: never.",
    unit="seconds",
)
_USUAL = Usual()


class Retry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When mail that could not be sent is tried again."""

    waits: Annotated[tuple[Annotated[float, msgspec.Meta(ge=0.1, le=7 * 86_400)], ...], _WAITS] = _USUAL.waits
    jitter: Annotated[
        float,
        number(
            0,
            1,
            "Part of each wait by which chance makes it longer, so that what failed together does not come back "
            "together.",
        ),
    ] = _USUAL.jitter
    lifetime: Annotated[float, _LIFETIME] = _USUAL.lifetime
    delay_notice: Annotated[float, _DELAY_NOTICE] = _USUAL.delay_notice


class Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another schedule for some mail, such as codes that are worthless after minutes, or notices (`<>`); the first
    `[[schedule]]` that holds decides, else `[retry]` does."""

    senders: Annotated[
        tuple[str, ...],
        length(0, 10_000, "Senders: `user@example.org`, `@example.org`, `<>` for notices. Empty: any."),
    ] = ()
    domains: Annotated[
        tuple[str, ...],
        length(
            0,
            10_000,
            "Recipients' domains: `example.org`; with those below it `.example.org`. All recipients of a message must "
            "be there. Empty: any.",
        ),
    ] = ()
    waits: Annotated[tuple[Annotated[float, msgspec.Meta(ge=0.1, le=7 * 86_400)], ...], _WAITS] = _USUAL.waits
    lifetime: Annotated[float, _LIFETIME] = _USUAL.lifetime
    delay_notice: Annotated[float, _DELAY_NOTICE] = _USUAL.delay_notice


class Notices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What senders are told of mail that was delayed, returned or handed on (RFC 3464)."""

    whole_message: Annotated[
        int,
        number(
            0,
            64 * 1024**2,
            "Largest message returned whole to a sender who asked for it (RET=FULL); of others only the header.",
            unit="octets",
        ),
    ] = 1024 * 1024
    to_postmaster: Annotated[
        bool, about("Tell postmaster of failures that can be told to nobody else: notices that bounce.")
    ] = True
