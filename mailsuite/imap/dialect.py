"""What a client said that it understands beyond IMAP4rev1, with ENABLE: IMAP4rev2 (RFC 9051), UTF8=ACCEPT (RFC 9755).
Until it says so everything is IMAP4rev1's (RFC 9051 §7.2.2)."""

from __future__ import annotations

import msgspec


class Dialect(msgspec.Struct, frozen=True):
    """Of one session; it only ever grows."""

    rev2: bool = False
    utf8_accept: bool = False

    @property
    def utf8(self) -> bool:
        """Mailbox names are UTF-8, and so are quoted strings (RFC 9051 §4.3, §5.1; RFC 9755 §3)."""
        return self.rev2 or self.utf8_accept

    def __or__(self, more: Dialect) -> Dialect:
        return Dialect(self.rev2 or more.rev2, self.utf8_accept or more.utf8_accept)


#: IMAP4rev1.
REV1 = Dialect()
REV2 = Dialect(rev2=True)
UTF8_ACCEPT = Dialect(utf8_accept=True)
