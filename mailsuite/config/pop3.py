"""The options of POP3; see ``config.schema``."""

from __future__ import annotations

from typing import Annotated

import msgspec

from mailsuite.config.option import about, number
from mailsuite.pop3.languages import Language


class Pop3(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What POP3 clients are offered, and what is asked of them."""

    apop: Annotated[
        bool,
        about(
            "Offer APOP, for accounts that keep a secret for it (`mailsuite user apop-secret`). Some clients then "
            "insist on it for every account."
        ),
    ] = False
    exclusive: Annotated[
        bool, about("One session an account at a time; a second one is refused with [IN-USE] (RFC 2449 §8.1.2).")
    ] = False
    login_delay: Annotated[
        int,
        number(0, 86_400, "Time between two logins of an account, announced (RFC 2449 §6.5). 0: none.", unit="seconds"),
    ] = 0
    expire_days: Annotated[
        int,
        number(
            -1,
            36_500,
            "Age at which messages are removed when a session ends, announced as EXPIRE (RFC 2449 §6.7). 0: those "
            "that were fetched; -1: never.",
            unit="days",
        ),
    ] = -1
    commands: Annotated[
        int,
        number(
            1_000,
            1_000_000_000,
            "Commands of one session; a client that fetches and removes a message takes two or three.",
        ),
    ] = 1_000_000
    language: Annotated[Language, about("What a client gets that asks for your language with `LANG *` (RFC 6856).")] = (
        Language.ENGLISH
    )
