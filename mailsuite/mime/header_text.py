"""What is searched of a header: its fields as lines of text in the collation's form.  RFC 9051 §6.4.4, RFC 5051.

Encoded words are decoded; behind a field with parameters that RFC 2231 spelled they stand once more, as they are meant.
"""

from __future__ import annotations

from mailsuite.mime import header
from mailsuite.mime.collation import casemap, searchable
from mailsuite.mime.encodings import decode_words, to_text
from mailsuite.mime.parameters import as_meant, go_beyond_plain

_WITH_PARAMETERS = (b"content-type", b"content-disposition")


def header_text(block: bytes) -> str:
    """Of a header block: a line for each field, in order, as ``field_start`` and its value; each line begins with its
    line end."""
    lines = header.unfolded(block)
    if block.isascii() and b"=?" not in block and not go_beyond_plain(block):
        return "".join([_plain(line) for line in b"\n".join(lines).decode("ascii").upper().split("\n") if line])
    return "".join([_line(line) for line in lines if line])


def field_start(name: str) -> str:
    """What the line of such a field begins with."""
    return f"\n{casemap(name)}: "


def _line(line: bytes) -> str:
    name, _, value = line.partition(b":")
    name, value = name.rstrip(), value.strip()
    text = decode_words(value)
    if go_beyond_plain(value) and name.lower() in _WITH_PARAMETERS and (meant := as_meant(value)):
        text += "; " + meant
    return f"\n{casemap(to_text(name, b''))}: {searchable(text)}"


def _plain(line: str) -> str:
    """The same of text that is ASCII and in upper case."""
    name, _, value = line.partition(":")
    return f"\n{name.rstrip()}: {' '.join(value.split())}"
