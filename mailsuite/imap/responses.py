"""Untagged responses as octets: every builder gives complete lines, ``* `` in front and CRLF behind, for
``ServerCore.untagged``.  RFC 3501 section 7.  Tagged answers are the core's; what stands in ``[...]`` is ``codes``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache

from mailsuite.access import RIGHTS, Access, shown
from mailsuite.imap import codes, names, sets
from mailsuite.imap.items import StatusItem
from mailsuite.model import DELIMITER, Flags, MailboxStatus, Quota
from mailsuite.query import Ranges

# RFC 3501 section 9: QUOTED-CHAR is any 7-bit TEXT-CHAR; ATOM-CHAR excludes these and CTL.
_ATOM = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\\]]+')
_QUOTABLE = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\x7f]*")
# RFC 9051 section 9: QUOTED-CHAR =/ UTF8-2 / UTF8-3 / UTF8-4
_QUOTABLE_UTF8 = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\xff]*")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

#: Octets in a unit of STORAGE, RFC 9208 §5.1.
_STORAGE_UNIT = 1024


# -- strings -------------------------------------------------------------------------------------------------------


def string(value: bytes, utf8: bool = False) -> bytes:
    """Quoted where that is possible and short, else a literal.  ``utf8``: it is UTF-8, which this client takes in
    quotes."""
    if len(value) <= 1024 and (_QUOTABLE_UTF8 if utf8 else _QUOTABLE).fullmatch(value):
        return b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return literal(value)


def literal(value: bytes) -> bytes:
    return b"{%d}\r\n%s" % (len(value), value)


def nstring(value: bytes | None) -> bytes:
    """NIL where there is none."""
    return b"NIL" if value is None else string(value)


def astring(value: bytes, utf8: bool = False) -> bytes:
    """An atom where that is possible."""
    if _ATOM.fullmatch(value) and value.upper() != b"NIL":
        return value
    return string(value, utf8)


def mailbox(name: str, utf8: bool = False) -> bytes:
    """A mailbox name, RFC 3501 section 5.1.3, or in UTF-8, RFC 9051 section 5.1."""
    return astring(names.written(name, utf8), utf8)


# -- flags and dates -----------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def flags(values: Flags, recent: bool = False) -> bytes:
    r"""``(\Answered \Seen $Forwarded)``: system flags first, in a steady order."""
    words = sorted(values, key=lambda flag: (not flag.startswith("\\"), flag))
    if recent:
        words.append("\\Recent")
    return ("(" + " ".join(words) + ")").encode("ascii", "replace")


@lru_cache(maxsize=4096)
def _day(days: int) -> bytes:
    day = datetime.fromordinal(_EPOCH_ORDINAL + days)
    return f'"{day.day:2d}-{_MONTHS[day.month - 1]}-{day.year:04d}'.encode()


_EPOCH_ORDINAL = datetime(1970, 1, 1, tzinfo=UTC).toordinal()
_LAST_SECOND = 253402300799  # 9999-12-31 23:59:59, the last that four digits of a year can say
_MINUTES = [f" {minute // 60:02d}:{minute % 60:02d}:".encode() for minute in range(1440)]
_SECONDS = [f'{second:02d} +0000"'.encode() for second in range(60)]


class _Days(dict[int, bytes]):
    """The texts of some days, so that the loop over many messages calls no function for each."""

    def __missing__(self, days: int) -> bytes:
        text = self[days] = _day(days)
        return text


def internaldate(epoch: float) -> bytes:
    """date-time of RFC 3501 section 9, in UTC, with its quotes: ``" 7-Feb-2026 21:52:25 +0000"``."""
    return internaldates((epoch,))[0]


def internaldates(epochs: Sequence[float]) -> list[bytes]:
    """The same of many.  Tables instead of formats, since listing a big folder asks for thousands."""
    seconds = list(map(int, epochs))
    if min(seconds, default=0) < 0 or max(seconds, default=0) > _LAST_SECOND:
        seconds = [min(max(second, 0), _LAST_SECOND) for second in seconds]
    days = _Days()
    return [days[second // 86400] + _MINUTES[second % 86400 // 60] + _SECONDS[second % 60] for second in seconds]


# -- responses -----------------------------------------------------------------------------------------------------


def status_line(word: bytes, text: bytes, code: bytes = b"") -> bytes:
    """``* OK [code] text``; ``word`` is OK, NO, BAD, BYE or PREAUTH (RFC 3501 section 7.1)."""
    return b"* " + word + (b" [" + code + b"] " if code else b" ") + text + b"\r\n"


def ok(text: bytes, code: bytes = b"") -> bytes:
    return status_line(b"OK", text, code)


def no(text: bytes, code: bytes = b"") -> bytes:
    return status_line(b"NO", text, code)


def bye(text: bytes, code: bytes = b"") -> bytes:
    return status_line(b"BYE", text, code)


def capability(words: Iterable[bytes]) -> bytes:
    """``words`` from ``capability.listed``."""
    return b"* CAPABILITY " + b" ".join(words) + b"\r\n"


def enabled(words: Iterable[str]) -> bytes:
    """RFC 5161 section 3.2: those of the asked that are on now."""
    return " ".join(("* ENABLED", *words)).encode() + b"\r\n"


def ident(fields: Iterable[tuple[str, str]]) -> bytes:
    """RFC 2971 section 3.2; NIL where there are none."""
    words = [string(part.encode("ascii", "replace")) for field in fields for part in field]
    return b"* ID " + (b"(" + b" ".join(words) + b")" if words else b"NIL") + b"\r\n"


def list_line(
    word: bytes,
    attributes: Iterable[bytes],
    name: bytes,
    extended: bytes = b"",
    delimiter: bytes = b'"/"',
) -> bytes:
    """``* LIST (\\HasNoChildren) "/" name``; ``word`` LIST or LSUB, ``name`` as ``mailbox`` writes it, here and
    below, ``extended`` RFC 5258 data in parentheses."""
    end = b" " + extended if extended else b""
    return b"* %s (%s) %s %s%s\r\n" % (word, b" ".join(attributes), delimiter, name, end)


def status(name: bytes, items: Sequence[StatusItem], counters: MailboxStatus, append_limit: int) -> bytes:
    """``* STATUS name (MESSAGES 3 ...)``, RFC 3501 section 7.2.4; ``append_limit`` in octets (RFC 7889 §3.1)."""
    words = [_status_value(item, counters, append_limit) for item in items]
    return b"* STATUS %s (%s)\r\n" % (name, b" ".join(words))


def _status_value(item: StatusItem, counters: MailboxStatus, append_limit: int) -> bytes:
    if item is StatusItem.MAILBOXID:
        return codes.mailboxid(counters.id)  # it looks the same there, RFC 8474 §4.3
    value = append_limit if item is StatusItem.APPENDLIMIT else _COUNTERS[item](counters)
    return b"%s %d" % (item.value.encode(), value)


_COUNTERS = {
    StatusItem.MESSAGES: lambda s: s.messages,
    StatusItem.RECENT: lambda s: s.recent,
    StatusItem.UIDNEXT: lambda s: s.uidnext,
    StatusItem.UIDVALIDITY: lambda s: s.uidvalidity,
    StatusItem.UNSEEN: lambda s: s.unseen,
    StatusItem.DELETED: lambda s: s.deleted,
    StatusItem.SIZE: lambda s: s.size,
    StatusItem.HIGHESTMODSEQ: lambda s: s.highestmodseq,
    StatusItem.DELETED_STORAGE: lambda s: s.deleted_size,
}


def namespace(others: str, utf8: bool = False) -> bytes:
    """RFC 2342: one personal namespace, and where others' mailboxes are; empty for nowhere."""
    there = b'((%s "/"))' % string(names.written(others + DELIMITER, utf8), utf8) if others else b"NIL"
    return b'* NAMESPACE (("" "/")) %s NIL\r\n' % there


def acl(name: bytes, access: Access) -> bytes:
    """``* ACL name identifier rights ...``, RFC 4314 section 3.6."""
    pairs = [(astring(identifier.encode()), shown(rights).encode()) for identifier, rights in access.items()]
    return b"* ACL %s%s\r\n" % (name, b"".join(b" %s %s" % pair for pair in pairs))


def list_rights(name: bytes, identifier: str, required: str) -> bytes:
    """Section 3.7: what it always has, and each right that it can be given."""
    always = shown(required).encode() or b'""'
    optional = b"".join(b" " + right.encode() for right in shown(RIGHTS) if right not in required)
    end = b"" if required == RIGHTS else optional
    return b"* LISTRIGHTS %s %s %s%s\r\n" % (name, astring(identifier.encode()), always, end)


def my_rights(name: bytes, rights: str) -> bytes:
    """Section 3.8."""
    return b"* MYRIGHTS %s %s\r\n" % (name, shown(rights).encode() or b'""')


def metadata(name: bytes, entries: Mapping[str, bytes | None]) -> bytes:
    """``* METADATA name (/private/comment "mine")``, RFC 5464 section 4.4.1; at least one entry."""
    words = b" ".join(astring(entry.encode("ascii")) + b" " + _value(value) for entry, value in entries.items())
    return b"* METADATA %s (%s)\r\n" % (name, words)


def metadata_changed(name: bytes, entries: Iterable[str]) -> bytes:
    """``* METADATA INBOX /shared/comment``, RFC 5464 section 4.4.2: of which entries the values are others now."""
    return b"* METADATA %s %s\r\n" % (name, b" ".join(astring(entry.encode("ascii")) for entry in entries))


def _value(value: bytes | None) -> bytes:
    """value = nstring / literal8"""
    return b"~" + literal(value) if value and b"\0" in value else nstring(value)


def quota(root: str, now: Quota) -> bytes:
    """``* QUOTA root (STORAGE 10 512 MESSAGE 42 1000)``, RFC 9208 §4.2.1; what has no limit is not named."""
    words = []
    if now.octets_limit:
        words.append(b"STORAGE %d %d" % (-(-now.octets // _STORAGE_UNIT), now.octets_limit // _STORAGE_UNIT))
    if now.messages_limit:
        words.append(b"MESSAGE %d %d" % (now.messages, now.messages_limit))
    return b"* QUOTA %s (%s)\r\n" % (astring(root.encode()), b" ".join(words))


def quota_root(name: bytes, root: str) -> bytes:
    """RFC 9208 §4.2.2: the mailbox's only root."""
    return b"* QUOTAROOT %s %s\r\n" % (name, astring(root.encode()))


def search(numbers: Iterable[int], modseq: int = 0) -> bytes:
    """RFC 3501 section 7.2.5; the response is sent for no hits too.  ``modseq``: the highest of those found, where the
    client searched for MODSEQ and found something (RFC 7162 §3.1.6)."""
    end = b" (MODSEQ %d)\r\n" % modseq if modseq else b"\r\n"
    return " ".join(("* SEARCH", *map(str, numbers))).encode() + end


def sort(numbers: Iterable[int], modseq: int = 0) -> bytes:
    """RFC 5256 §4; ``modseq`` as in ``search`` (RFC 7162 §3.1.6)."""
    return b"* SORT" + search(numbers, modseq)[len(b"* SEARCH") :]


def exists(count: int) -> bytes:
    return b"* %d EXISTS\r\n" % count


def recent(count: int) -> bytes:
    return b"* %d RECENT\r\n" % count


def expunge(number: int) -> bytes:
    return b"* %d EXPUNGE\r\n" % number


def vanished(uids: Ranges, earlier: bool = False) -> bytes:
    """RFC 7162 §3.2.10; ``earlier``: before the mailbox was selected, or in answer to UID FETCH (VANISHED)."""
    return b"* VANISHED %b%b\r\n" % (b"(EARLIER) " if earlier else b"", sets.text(uids))


def uidfetch(uid: int, items: Sequence[bytes]) -> bytes:
    """The same for a client that uses UIDs only: RFC 9586 §3.3."""
    return b"* %d UIDFETCH (%s)\r\n" % (uid, b" ".join(items))


def fetch(number: int, items: Sequence[bytes]) -> bytes:
    """One FETCH line of finished items (``b"UID 7"``, ``b"FLAGS (\\\\Seen)"``); rows of many: see ``rows``."""
    return b"* %d FETCH (%s)\r\n" % (number, b" ".join(items))
