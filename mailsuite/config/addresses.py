"""Options of addresses that are rewritten on their way.  Part of ``config.schema``."""

from __future__ import annotations

import enum
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


class Headers(enum.Enum):
    """In whose messages addresses of the header are exchanged."""

    OURS = "ours"
    ALL = "all"
    NONE = "none"


class Rewriting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Addresses that are exchanged for others: in mail that comes in by `canonical` and `masquerade`, in mail that
    leaves by `generic`. The tables are files as Postfix has them (`old@example.org new@example.org` a line), read again
    when they change."""

    canonical: Annotated[Path, about("Table for senders and recipients, after the next two. Empty: none.")] = ""
    sender_canonical: Annotated[Path, about("Table for senders alone.")] = ""
    recipient_canonical: Annotated[Path, about("Table for recipients alone.")] = ""
    masquerade: Annotated[
        tuple[str, ...],
        length(
            0,
            100,
            "Domains that stand for all hosts below them, in senders and in the header: `example.org` makes "
            "`ann@pc7.example.org` to `ann@example.org`. The first that fits decides; `!lab.example.org` stays.",
        ),
    ] = ()
    masquerade_exceptions: Annotated[
        tuple[str, ...], length(0, 1000, "Users whose host is shown all the same, such as `root`.")
    ] = ()
    headers: Annotated[
        Headers,
        about(
            "In whose messages the header is rewritten, besides the envelope: `ours` are clients in "
            "`trusted_networks`, those that have logged in, and programs of this machine."
        ),
    ] = Headers.OURS
    generic: Annotated[
        Path,
        about(
            "Table for mail to other servers, envelope and header: addresses that mean nothing outside become "
            "such that do. Not by LMTP."
        ),
    ] = ""
