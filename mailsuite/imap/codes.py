"""Response codes: what stands in ``[...]`` after OK, NO, BAD, BYE, without the brackets.

RFC 3501 section 7.1, RFC 5530 and those beside each.
``of_error`` is IMAP's one table from ``mailsuite.errors`` to words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from mailsuite import errors
from mailsuite.imap import names
from mailsuite.imap.sets import compress
from mailsuite.model import Appended, Copied

# RFC 3501 section 7.1
READ_ONLY = b"READ-ONLY"
READ_WRITE = b"READ-WRITE"
TRYCREATE = b"TRYCREATE"
# RFC 5530 section 3
UNAVAILABLE = b"UNAVAILABLE"
AUTHENTICATIONFAILED = b"AUTHENTICATIONFAILED"
AUTHORIZATIONFAILED = b"AUTHORIZATIONFAILED"
PRIVACYREQUIRED = b"PRIVACYREQUIRED"
NOPERM = b"NOPERM"
EXPUNGEISSUED = b"EXPUNGEISSUED"
CORRUPTION = b"CORRUPTION"
SERVERBUG = b"SERVERBUG"
CLIENTBUG = b"CLIENTBUG"
CANNOT = b"CANNOT"
LIMIT = b"LIMIT"
OVERQUOTA = b"OVERQUOTA"
ALREADYEXISTS = b"ALREADYEXISTS"
NONEXISTENT = b"NONEXISTENT"
HASCHILDREN = b"HASCHILDREN"  # RFC 9051 section 7.1
# RFC 3516, RFC 7889 section 4, RFC 4978, RFC 3691, RFC 7162 section 3.2.11, RFC 6154 section 3
UNKNOWN_CTE = b"UNKNOWN-CTE"
TOOBIG = b"TOOBIG"
CLOSED = b"CLOSED"
USEATTR = b"USEATTR"
METADATA_TOOMANY = b"METADATA TOOMANY"
URLMECH = b"URLMECH INTERNAL"  # RFC 4467 section 5
NOTIFICATIONOVERFLOW = b"NOTIFICATIONOVERFLOW"  # RFC 5465 section 5.8
TOOFEW = b"TOOFEW"  # RFC 10022
UIDREQUIRED = b"UIDREQUIRED"  # RFC 9586 section 3.1


def uidvalidity(value: int) -> bytes:
    return b"UIDVALIDITY %d" % value


def uidnext(value: int) -> bytes:
    return b"UIDNEXT %d" % value


def highestmodseq(value: int) -> bytes:
    """RFC 7162 §3.1.2.1."""
    return b"HIGHESTMODSEQ %d" % value


def noupdate(tag: bytes) -> bytes:
    """RFC 5267 §5: the search of that tag is not kept up to date."""
    return b'NOUPDATE "%b"' % tag.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def inprogress(tag: bytes, done: int, goal: int) -> bytes:
    """RFC 9585 §4: how far that command is, as far as that is known.  A tag that would end the code is left out; the
    goal "MUST be greater", so who is there has one more to go."""
    name = b"NIL" if b"]" in tag else b'"%b"' % tag
    return b"INPROGRESS (%b %b)" % (name, b"%d %d" % (min(done, goal - 1), goal) if goal else b"NIL NIL")


def badevent(known: Iterable[str]) -> bytes:
    """RFC 5465 section 8: the events that are supported."""
    return b"BADEVENT (" + " ".join(known).encode() + b")"


def messagelimit(limit: int, lowest: int = 0) -> bytes:
    """RFC 9738 §3.1: so many messages in one command; ``lowest`` is the last UID that it came to, 0 for none."""
    return b"MESSAGELIMIT %d" % limit + (b" %d" % lowest if lowest else b"")


def modified(numbers: Iterable[int]) -> bytes:
    """Those that a conditional STORE left alone: sequence numbers, or UIDs for UID STORE; RFC 7162 §3.1.3."""
    return b"MODIFIED " + compress(numbers)


def unseen(number: int) -> bytes:
    """The first unseen message's sequence number, RFC 3501 section 7.1."""
    return b"UNSEEN %d" % number


def badcharset(known: Iterable[bytes]) -> bytes:
    return b"BADCHARSET (" + b" ".join(known) + b")"


def badurl(url: bytes) -> bytes:
    """RFC 4469 section 4.1; what cannot stand in a response code is percent-encoded."""
    return b"BADURL " + b"".join(_URL_CHARS[octet] for octet in url)


_URL_CHARS = [
    bytes((octet,)) if 0x20 <= octet < 0x7F and octet not in b"]\\" else b"%%%02X" % octet for octet in range(256)
]


def capability(words: Iterable[bytes]) -> bytes:
    return b"CAPABILITY " + b" ".join(words)


def mailboxid(id: str) -> bytes:
    """RFC 8474 §4.1, §4.2."""
    return b"MAILBOXID (%b)" % id.encode("ascii")


def metadata_maxsize(octets: int) -> bytes:
    """RFC 5464 section 4.3."""
    return b"METADATA MAXSIZE %d" % octets


def metadata_longentries(octets: int) -> bytes:
    """RFC 5464 section 4.2.1: the largest value that was not told."""
    return b"METADATA LONGENTRIES %d" % octets


def appenduid(appended: Sequence[Appended]) -> bytes:
    """RFC 4315 section 3; of several messages (RFC 3502) as one set.  There is at least one."""
    return b"APPENDUID %d %s" % (appended[0].uidvalidity, compress([message.uid for message in appended]))


def copyuid(copied: Copied) -> bytes:
    """RFC 4315 section 3; empty where nothing was copied, since the syntax has no empty set."""
    if not copied.sources:
        return b""
    return b"COPYUID %d %s %s" % (copied.uidvalidity, compress(copied.sources), compress(copied.targets))


class Words(msgspec.Struct, frozen=True):
    """How a failure is told: NO with this code, and this text where the error itself brings none."""

    code: bytes
    text: bytes


#: The most special class first: the first that fits is taken.
_ERRORS: tuple[tuple[type[errors.MailError], Words], ...] = (
    (errors.Expunged, Words(EXPUNGEISSUED, b"some of the messages no longer exist")),
    (errors.NotFound, Words(NONEXISTENT, b"no such mailbox")),
    (errors.Exists, Words(ALREADYEXISTS, b"it exists already")),
    (errors.InvalidName, Words(CANNOT, b"this name cannot be used")),
    (errors.BadCredentials, Words(AUTHENTICATIONFAILED, b"wrong user name or password")),
    (errors.ReadOnly, Words(READ_ONLY, b"the mailbox is open for reading only")),
    (errors.HasChildren, Words(HASCHILDREN, b"it has mailboxes below it")),
    (errors.NotAllowed, Words(NOPERM, b"not permitted")),
    (errors.OverQuota, Words(OVERQUOTA, b"the account has no room left")),
    (errors.TooBig, Words(TOOBIG, b"too big")),
    (errors.TooManyMessages, Words(LIMIT, b"too many messages")),  # with the code of its own limit
    (errors.TooMany, Words(LIMIT, b"too many")),
    (errors.Undecodable, Words(UNKNOWN_CTE, b"the transfer encoding is not known here")),  # RFC 3516 §4.3
    (errors.Unsupported, Words(CANNOT, b"not supported here")),
    (errors.Throttled, Words(UNAVAILABLE, b"too many tries, try again later")),
    (errors.DiskFull, Words(UNAVAILABLE, b"the server has no room left on its disk, try again later")),
    (errors.Temporary, Words(UNAVAILABLE, b"temporary trouble, try again later")),
    (errors.Corrupt, Words(CORRUPTION, b"the stored mail is damaged, tell the administrator")),
    (errors.MailError, Words(b"", b"it failed")),
)


def is_ours(error: Exception) -> bool:
    """Whether the server is in trouble and its administrator should read of it: the text is for the log alone."""
    return isinstance(error, errors.Corrupt | errors.Temporary) and not isinstance(error, errors.Throttled)


def of_error(error: Exception, utf8: bool = False) -> Words:
    """Code and text for a failure, in UTF-8 where the client knows that (RFC 9051 §9 resp-text).  What is not a
    ``MailError`` is our bug and says nothing of its cause; trouble and damage on disk name files, so their text stays
    in the log too."""
    for kind, words in _ERRORS:
        if isinstance(error, kind):
            own = names.written(str(error).replace("\r", " ").replace("\n", " "), utf8)  # a mailbox as LIST shows it
            code = messagelimit(error.limit) if isinstance(error, errors.TooManyMessages) else words.code
            return words if not own or is_ours(error) else Words(code, own)
    return Words(SERVERBUG, b"an error of the server, it has been logged")
