"""SASLprep (RFC 4013): the one spelling of a login name or password, whichever keyboard and mechanism it came from.

Every mechanism meets in the directory, so this is where it is done, for all alike.  As RFC 5802 §2.2 and RFC 4616 §2
ask; code points that Unicode 3.2 did not have (emoji) are let through in names and passwords alike, since people use
them.  The tables are Unicode 3.2's, which RFC 3454 fixes.
"""

from __future__ import annotations

import stringprep
import unicodedata

from mailsuite.errors import InvalidName

_PROHIBITED = (  # RFC 4013 §2.3
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def prepare(text: str) -> str:
    """The prepared form, which may be empty.  Raises InvalidName for control characters and the like."""
    if text.isascii() and text.isprintable():
        return text
    # RFC 4013 §§2.1, 2.2: other spaces are spaces, some characters are nothing, then NFKC
    mapped = "".join(" " if stringprep.in_table_c12(c) else c for c in text if not stringprep.in_table_b1(c))
    prepared = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    if any(prohibited(c) for c in prepared for prohibited in _PROHIBITED):
        raise InvalidName("it has a character that cannot be typed alike everywhere")
    _check_direction(prepared)
    return prepared


def prepared_or_same(text: str) -> str:
    """The prepared form; where there is none, the text as it is, which a password from before may well be."""
    try:
        return prepare(text)
    except InvalidName:
        return text


def _check_direction(text: str) -> None:
    """RFC 3454 §6: letters of both directions are not mixed, and a text from right to left is so at both ends."""
    if not any(stringprep.in_table_d1(c) for c in text):
        return
    if any(stringprep.in_table_d2(c) for c in text) or not (
        stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])
    ):
        raise InvalidName("it mixes letters that are written from the left with those from the right")
