"""How SASL octets travel in a line: base64 (RFC 4648 §4), strictly, and the two marks ``=`` and ``*``.

Nothing is skipped or repaired: what is not exactly the encoding of some octets is Malformed (RFC 4954 §4).
"""

from __future__ import annotations

import binascii

from mailsuite.sasl.values import Cancelled, Malformed

#: RFC 4954 §4: the longest line of an exchange, CRLF included.
MAX_LINE = 12288


def encode(data: bytes) -> bytes:
    return binascii.b2a_base64(data, newline=False)


def decode(line: bytes) -> bytes:
    """The octets of a response line without its CRLF; the empty line is the empty response.

    Raises Malformed, and Cancelled for ``*``."""
    if line == b"*":
        raise Cancelled("cancelled by the client")
    return strict(line)


def decode_initial(argument: bytes) -> bytes:
    """The octets of an initial response; ``=`` is the empty one (RFC 4954 §4, RFC 5034 §4, RFC 4959 §3)."""
    return b"" if argument == b"=" else strict(argument)


def strict(text: bytes) -> bytes:
    """The octets that this is exactly the encoding of.  Raises Malformed."""
    try:
        data = binascii.a2b_base64(text)
    except binascii.Error:
        raise Malformed("not base64") from None
    if encode(data) != text:  # a2b_base64 skips what is not of the alphabet, and stray bits behind the last octet
        raise Malformed("not base64")
    return data
