"""Options of ``mailsuite track``.  Part of ``config.schema``."""

from __future__ import annotations

from typing import Annotated

import msgspec

from mailsuite.config.option import Path, length, number


class Track(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `mailsuite track` knows: what became of each message, from its arrival until it is expunged. Addresses and
    Message-IDs are kept, nothing else of a message."""

    keep: Annotated[
        float, number(0, 366 * 86_400, "How long it is kept. 0: nothing is written down.", unit="seconds")
    ] = 14 * 86_400.0
    size: Annotated[
        int, number(1024**2, 100 * 1024**3, "Largest size of the file; the oldest goes first.", unit="octets")
    ] = 256 * 1024**2
    file: Annotated[Path, length(1, 1024, "SQLite file; may be deleted while the server is down.")] = "track.sqlite"
