"""The options of IMAP; see ``config.schema``."""

from __future__ import annotations

from typing import Annotated

import msgspec

from mailsuite.config.option import about, length, number


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
    other_users: Annotated[
        str,
        length(
            0,
            100,
            "Where users see the mailboxes that others share with them (ACL, RFC 4314), one level without `/`: "
            "`Other Users/ann@example.org/Work`. Empty: nothing is shared.",
        ),
    ] = "Other Users"
    notify_mailboxes: Annotated[
        int,
        number(
            0,
            100_000,
            "Mailboxes of which one session can be told what happens in them while another one is selected (NOTIFY, "
            "RFC 5465); a session costs about 1 KiB for each. Who asks for more is refused.",
        ),
    ] = 500
    compress: Annotated[
        bool,
        about(
            "Offer COMPRESS (RFC 4978): answers take a fifth of the octets, and a session 45 KiB more while it waits. "
            "Who can make a user read chosen text and watch his connection may learn from sizes what else was sent."
        ),
    ] = True
    url_fetchers: Annotated[
        tuple[str, ...],
        length(
            0,
            1000,
            "Accounts (`user@domain`) of submission servers, which may fetch what URLs for submission name (RFC 4467).",
        ),
    ] = ()
    administrator_contact: Annotated[
        str,
        length(0, 1000, "How users reach you, a URI such as `mailto:postmaster@example.org` (RFC 5464 /shared/admin)."),
    ] = ""
    index_texts: Annotated[
        bool,
        about(
            "Read new messages of selected mailboxes when nothing else is to be done, so that searches find their "
            "texts indexed; off: the first search of a message does that. The index takes a fifth of the mail's size."
        ),
    ] = True
    message_limit: Annotated[
        int,
        number(
            0,
            1_000_000,
            "Messages that one command may be about (MESSAGELIMIT, RFC 9738), at least 1000; 0: any number. More are "
            "done in part, from the newest on, or refused, and clients that do not know this miss the rest.",
        ),
    ] = 0
    eight_bit_headers: Annotated[
        bool,
        about(
            "Take messages with 8-bit octets in their header also from clients that did not say ENABLE IMAP4rev2 or "
            "UTF8=ACCEPT. RFC 9755 §4 has them refused (off); but old mail has them, and spam, and programs that move "
            "mail would stop at the first."
        ),
    ] = True
    comment: Annotated[str, length(0, 1000, "A note on this server for its users (RFC 5464 /shared/comment).")] = ""
