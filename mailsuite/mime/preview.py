"""The beginning of what a message says, as plain text for a list of messages: RFC 8970 §3.3.

From the first text part that is no attachment, plain before HTML within an alternative; quoted lines are left out where
something else is said.  Whatever the octets are, it gives text of at most ``MAX_CHARACTERS`` without control
characters; it is empty where nothing can be said, as of what is encrypted.  Looks at a bounded part of the message.
"""

from __future__ import annotations

import html
import re

from mailsuite.mime.encodings import decode, to_text
from mailsuite.mime.structure import Kind, Part, scan

#: RFC 8970 §3.3: 200 characters should be enough, more than 256 must not be.
MAX_CHARACTERS = 200
#: Octets of the message, and of the encoded text, that are looked at.
MAX_MESSAGE = 256 * 1024
_MAX_TEXT = 32 * 1024

_SEALED = (b"multipart/encrypted", b"application/pkcs7-mime", b"application/x-pkcs7-mime")
_INVISIBLE = re.compile(r"<(script|style|head|title)\b[^<>]*>.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.I | re.S)
#: Tags before and after which another line begins; all others stand within one, even within a word.
_BLOCKS = """address article aside blockquote body br button caption center dd details dialog dir div dl dt fieldset
figcaption figure footer form h[1-6] head header hr html img input legend li main menu nav ol option p pre section
select summary table tbody td textarea tfoot th thead title tr ul"""
_PARTING = re.compile(rf"</?(?:{'|'.join(_BLOCKS.split())})(?![\w:-])[^<>]*>", re.I)
_TAG = re.compile(r"<[^<>]*>|<[^<>]*\Z")
_QUOTED = re.compile(r"^>.*$", re.M)
_NOT_SHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]+")


def preview(message: bytes) -> str:
    """Of a message, or its first ``MAX_MESSAGE`` octets, with LF or CRLF line ends."""
    message = message[:MAX_MESSAGE].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    part = _chosen(scan(message))
    if part is None:
        return ""
    octets = message[part.body : min(part.end, part.body + _MAX_TEXT)]
    encoding = part.fields.get(b"content-transfer-encoding", b"")
    text = to_text(decode(octets, encoding), part.type.parameter(b"charset"))
    if _main(part) == b"text/html":
        text = html.unescape(_TAG.sub("", _PARTING.sub(" ", _INVISIBLE.sub("", text))))
    return _words(_QUOTED.sub("", text)) or _words(text)


def _words(text: str) -> str:
    return " ".join(_NOT_SHOWN.sub(" ", text).split())[:MAX_CHARACTERS].rstrip()


def _main(part: Part) -> bytes:
    return part.type.main.lower()


def _chosen(part: Part) -> Part | None:
    """The part that speaks for this one."""
    if _main(part) in _SEALED or part.fields.get(b"content-disposition", b"")[:10].lower() == b"attachment":
        return None
    if part.kind is Kind.LEAF:
        return part if _main(part) in (b"text/plain", b"text/html") else None
    found = [chosen for child in part.children if (chosen := _chosen(child)) is not None]
    if _main(part) == b"multipart/alternative":
        found.sort(key=lambda each: _main(each) != b"text/plain")
    return found[0] if found else None
