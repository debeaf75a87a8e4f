"""The options of IMAP; see ``config.schema``."""

from __future__ import annotations

from typing import Annotated

import msgspec

from mailsuite.config.option import length


class Imap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What IMAP clients are offered."""

    administrators: Annotated[
        tuple[str, ...],
        length(
            0,
            1000,
            "Accounts (`user@domain`) that may see and set everybody's quota with GETQUOTA and SETQUOTA (RFC 9208).",
        ),
    ] = ()
