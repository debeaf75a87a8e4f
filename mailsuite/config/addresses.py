"""Options of addresses that are rewritten on their way.  Part of ``config.schema``."""

from __future__ import annotations

from typing import Annotated

import msgspec

from mailsuite.config.option import Path, about, length, number


class Srs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Mail that an alias leads to another server keeps its sender, which SPF forbids us to use: with this, it leaves
    with a return path of our own, and bounces find their way back (the Sender Rewriting Scheme)."""

    domain: Annotated[
        str, about("Domain of such return paths, whose mail comes to this server. Empty: senders are not rewritten.")
    ] = ""
    secret_file: Annotated[
        Path,
        about(
            "File for the server's user only (mode 0600) with a secret of at least 16 characters on each line; the "
            "first one signs, the others are still believed. `openssl rand -hex 32` makes one."
        ),
    ] = ""
    days: Annotated[
        int, number(5, 500, "How long bounces find their way back: longer than other servers try.", unit="days")
    ] = 21


class Verp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Variable envelope return paths, for mailing lists: bounces come to `list-owner+ann=example.net@...`, so that it
    is clear whose address is dead."""

    senders: Annotated[
        tuple[str, ...],
        length(0, 10_000, "Senders whose mail leaves with a return path for each recipient: `list-owner@example.org`."),
    ] = ()
