"""Options of mail that programs on this machine send.  Part of ``config.schema``."""

from __future__ import annotations

from typing import Annotated

import msgspec

from mailsuite.config.option import Path, about


class Sendmail(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Mail from programs of this machine (`mailsuite sendmail`). Every local user may send; the log tells who did."""

    folder: Annotated[
        Path,
        about(
            "Folder that the server shares with local users: a socket, and a maildrop for while it does not run. Who "
            "cannot reach it (its parents are closed to him) cannot send. Empty: nobody can."
        ),
    ] = "sendmail"
