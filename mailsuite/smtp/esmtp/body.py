"""8BITMIME (RFC 6152), CHUNKING and BINARYMIME (RFC 3030): what the octets of a body may be, and how they come.

A listener that does not offer CHUNKING does not offer BINARYMIME (RFC 3030 §3).
"""

from __future__ import annotations

import re

import msgspec

from mailsuite.model import BodyType
from mailsuite.smtp.esmtp.extension import Extension, Parameter, ParameterError, Session

# RFC 3030 §2: bdat-cmd = "BDAT" SP chunk-size [ SP end-marker ]; 20 digits are the bound of RFC 1870's sizes.
_CHUNK = re.compile(r"([0-9]{1,20})(?: +(LAST))?", re.IGNORECASE | re.ASCII)


class ChunkSize(msgspec.Struct, frozen=True):
    """The argument of BDAT."""

    size: int
    last: bool


def parse_chunk_size(argument: str) -> ChunkSize | None:
    """None if it is no chunk-size: nobody can tell then where the chunk ends."""
    found = _CHUNK.fullmatch(argument)
    return ChunkSize(int(found[1]), found[2] is not None) if found else None


def _parse_eight_bit(value: str) -> BodyType:
    return _parse_body(value, (BodyType.SEVEN_BIT, BodyType.EIGHT_BIT_MIME))


def _parse_any(value: str) -> BodyType:
    return _parse_body(value, tuple(BodyType))


def _parse_body(value: str, known: tuple[BodyType, ...]) -> BodyType:
    found = next((body for body in known if body.value == value.upper()), None)
    if found is None:
        raise ParameterError("BODY= is " + " or ".join(body.value for body in known))
    return found


def _offers_chunking(session: Session) -> bool:
    return "CHUNKING" not in session.options.without


EIGHT_BIT_MIME = Extension("8BITMIME", mail=(Parameter("BODY", "body", _parse_eight_bit),), mail_octets=17)
CHUNKING = Extension("CHUNKING")
BINARY_MIME = Extension(
    "BINARYMIME", offered=_offers_chunking, mail=(Parameter("BODY", "body", _parse_any),), mail_octets=16
)
