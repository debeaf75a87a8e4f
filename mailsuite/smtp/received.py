"""The trace field that a server puts on top of each message: RFC 5321 §4.4, RFC 3848, RFC 6531 §4.3, RFC 6710 §4.1.

Folded, CR LF line ends, dates in UTC.  The ``for`` clause only stands where there is a single recipient, so that nobody
learns of another (RFC 5321 §7.2).  Domains are A-labels; U-labels (RFC 6531 §3.7.3) where that recipient is not ASCII
anyway: elsewhere they would keep the message from servers without SMTPUTF8 for nothing.  Whatever a client called
itself, the field keeps its form.
"""

from __future__ import annotations

import functools
from datetime import UTC, datetime

from mailsuite.model import Address, Client, Recipient
from mailsuite.smtp.address import is_domain, u_labels

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def received(
    client: Client,
    extended: bool,
    hostname: str,
    id: str,
    recipients: tuple[Recipient, ...],
    arrived: float,
    smtputf8: bool = False,
    priority: int = 0,
) -> bytes:
    """The whole field.  ``extended``: the client said EHLO or LHLO; ``arrived``: seconds since the epoch."""
    # RFC 5321 §4.4: the address in brackets stands for a TCP connection; a Unix socket has none.
    literal = _address_literal(client.address) if client.address else ""
    only = recipients[0].address if len(recipients) == 1 else None
    shown = u_labels if smtputf8 and only is not None and not only.local.isascii() else str
    source = shown(client.helo) if is_domain(client.helo) else literal or "localhost"
    origin = f"{source} ({literal})" if literal else source
    tls = f" ({client.tls})" if client.tls and client.tls.isprintable() and not set(client.tls) & set("()\\") else ""
    if only is not None and shown is not str:
        only = Address(only.local, shown(only.domain))
    receiver = f"\r\n\tfor <{only}>" if only is not None and only.domain else ""
    if priority:
        receiver += f"\r\n\tPRIORITY {priority}"
    return (
        f"Received: from {origin}\r\n"
        f"\tby {shown(hostname)} with {protocol(client, extended, smtputf8)}{tls} id {id}{receiver};\r\n"
        f"\t{date(arrived)}\r\n"
    ).encode()


def protocol(client: Client, extended: bool, smtputf8: bool = False) -> str:
    """RFC 3848: ESMTP or LMTP, UTF8SMTP or UTF8LMTP where that was used, S under TLS, A when authenticated."""
    if not extended:
        return "SMTP"
    if smtputf8:
        name = "UTF8LMTP" if client.service == "lmtp" else "UTF8SMTP"
    else:
        name = "LMTP" if client.service == "lmtp" else "ESMTP"
    return name + ("S" if client.tls else "") + ("A" if client.account else "")


def date(seconds: float) -> str:
    """RFC 5322 §3.3 date-time, in UTC; the names of days and months are English whatever the locale."""
    return _date(int(seconds))


@functools.lru_cache(8)  # many messages arrive within one second
def _date(seconds: int) -> str:
    at = datetime.fromtimestamp(seconds, UTC)
    return (
        f"{_DAYS[at.weekday()]}, {at.day} {_MONTHS[at.month - 1]} {at.year:04} "
        f"{at.hour:02}:{at.minute:02}:{at.second:02} +0000"
    )


def _address_literal(address: str) -> str:
    """RFC 5321 §4.1.3; a zone (``fe80::1%eth0``) means nothing elsewhere."""
    return f"[IPv6:{address.partition('%')[0]}]" if ":" in address else f"[{address}]"
