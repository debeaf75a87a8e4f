"""Charsets of SEARCH strings, RFC 3501 section 6.4.4: a fixed list, so that no odd Python codec is ever reached."""

from __future__ import annotations

from mailsuite.imap import codes
from mailsuite.imap.syntax.cursor import ProtocolError

#: IANA name in upper case -> Python codec.  Each maps octets to text alone: no compression, no transforms.
#: None that needs NUL for ASCII, such as UTF-16: no string may hold one (RFC 3501 §9 ``CHAR8``).
_CODECS: dict[str, str] = {
    "US-ASCII": "utf-8",  # its superset: clients that say US-ASCII and send UTF-8 mean that
    "ASCII": "utf-8",
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
    "KOI8-R": "koi8-r",
    "KOI8-U": "koi8-u",
    "GB2312": "gb18030",
    "GBK": "gb18030",
    "GB18030": "gb18030",
    "BIG5": "big5",
    "SHIFT_JIS": "shift_jis",
    "EUC-JP": "euc_jp",
    "ISO-2022-JP": "iso2022_jp",
    "EUC-KR": "euc_kr",
    "TIS-620": "tis_620",
    **{f"ISO-8859-{part}": f"iso8859-{part}" for part in (*range(1, 12), 13, 14, 15, 16)},
    **{f"WINDOWS-{page}": f"cp{page}" for page in range(1250, 1259)},
}
#: Told to who asks for another one: the names that IANA prefers.
_TOLD = tuple(name.encode() for name in _CODECS if name not in ("ASCII", "UTF8"))


def codec(charset: bytes) -> str:
    """The Python codec of a charset's name; refused with BADCHARSET if it is not known."""
    name = _CODECS.get(charset.decode("ascii", "replace").upper())
    if name is None:
        raise ProtocolError("this charset is not supported", codes.badcharset(_TOLD), b"NO")
    return name


def decode(octets: bytes, name: str) -> str:
    """Text from octets; refused with BADCHARSET if they are none of that charset."""
    if octets.isascii() and not name.startswith("iso2022"):
        return octets.decode("ascii")
    try:
        return octets.decode(name)
    except UnicodeError:
        raise ProtocolError("the text is not in the charset", codes.badcharset(_TOLD), b"NO") from None
