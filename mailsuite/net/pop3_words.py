"""What a POP3 client is told about an error: text and response code (RFC 2449 §8.1, RFC 3206, RFC 6856)."""

from __future__ import annotations

import msgspec

from mailsuite.errors import BadCredentials, Expunged, MailError, NotAllowed, Temporary, Throttled, Unsupported
from mailsuite.net.pop3_accounts import InUse, TooSoon
from mailsuite.pop3.texts import Text
from mailsuite.sasl.values import Cancelled, Malformed, SASLError


class Refusal(msgspec.Struct, frozen=True):
    """``code`` may be empty; ``logged``: somebody who runs the server may want to know."""

    text: Text
    code: str = ""
    logged: bool = False


#: The first that fits.
_REFUSALS: tuple[tuple[type[Exception], Refusal], ...] = (
    (BadCredentials, Refusal(Text.WRONG, "AUTH")),
    (NotAllowed, Refusal(Text.NOT_ALLOWED, "AUTH")),
    (Unsupported, Refusal(Text.NO_MECHANISM)),
    (Cancelled, Refusal(Text.CANCELLED)),
    (Malformed, Refusal(Text.MALFORMED)),
    (InUse, Refusal(Text.IN_USE, "IN-USE")),
    (TooSoon, Refusal(Text.TOO_SOON, "LOGIN-DELAY")),
    (Expunged, Refusal(Text.GONE)),
    (Throttled, Refusal(Text.THROTTLED, "SYS/TEMP", logged=True)),
    (Temporary, Refusal(Text.TEMPORARY, "SYS/TEMP", logged=True)),
    (MailError, Refusal(Text.PERMANENT, "SYS/PERM", logged=True)),
)


def refusal_for(error: MailError | SASLError) -> Refusal:
    """RFC 3206: what may work later, and what somebody has to mend first."""
    return next(refusal for kind, refusal in _REFUSALS if isinstance(error, kind))
