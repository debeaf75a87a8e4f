"""IMAP URLs that name a message or a part of one: RFC 5092, as CATENATE (RFC 4469 §3) and URLAUTH (RFC 4467) do.

``/Drafts;UIDVALIDITY=385759045/;UID=20/;SECTION=1.2/;PARTIAL=0.1024``; mailbox names are UTF-8, percent-encoded.
"""

from __future__ import annotations

import enum
import math
import re
from datetime import datetime
from urllib.parse import unquote_to_bytes

import msgspec

from mailsuite.imap import names
from mailsuite.imap.items import BodySection
from mailsuite.imap.sets import MAX_NUMBER
from mailsuite.imap.syntax import sections
from mailsuite.imap.syntax.cursor import ProtocolError
from mailsuite.model import DELIMITER

# imessagepart = imailbox-ref iuid [isection] [ipartial]
# imailbox-ref = enc-mailbox [uidvalidity] ; uidvalidity = ";UIDVALIDITY=" nz-number
# iuid = "/;UID=" nz-number ; isection = "/;SECTION=" enc-section ; ipartial = "/;PARTIAL=" number ["." nz-number]
_MESSAGE = re.compile(
    rb"(?P<mailbox>[^;?#]*?)(?:;UIDVALIDITY=(?P<uidvalidity>[1-9][0-9]{0,9}))?(?:(?<!\A)/)?;UID=(?P<uid>[1-9][0-9]{0,9})"
    rb"(?:/;SECTION=(?P<section>[^;?#]+?))?"
    rb"(?:/;PARTIAL=(?P<offset>[0-9]{1,19})(?:\.(?P<length>[1-9][0-9]{0,18}))?)?",
    re.IGNORECASE,
)
# RFC 3986 §4.2: no colon in the first segment, which would be a scheme; nor an authority
_ABSOLUTE = re.compile(rb"[^/;]*:|//")
_ESCAPES = re.compile(rb"(?:[^%]|%[0-9A-Fa-f]{2})*")
#: As good as "to the end".
_ALL = 2**63 - 1


class MessageUrl(msgspec.Struct, frozen=True):
    """``uidvalidity`` is 0 where the URL names none; ``section`` has the partial in it."""

    mailbox: str
    uidvalidity: int
    uid: int
    section: BodySection


def message(url: bytes, base: str) -> MessageUrl:
    """A relative URL; ``base`` is the selected mailbox, or empty.  ValueError for all others."""
    found = _MESSAGE.fullmatch(url)
    if found is None or _ABSOLUTE.match(url) or url.startswith(b"/;"):
        raise ValueError("not a relative URL of a message")
    uid, uidvalidity = int(found["uid"]), int(found["uidvalidity"] or 0)
    if max(uid, uidvalidity) > MAX_NUMBER:
        raise ValueError("there is no such UID")
    return MessageUrl(_mailbox(found["mailbox"], base), uidvalidity, uid, _section(found))


def _mailbox(path: bytes, base: str) -> str:
    name = _decoded(path).decode("utf-8")
    if name.startswith("/"):
        name = name[1:]
    elif name:  # RFC 3986 §5.2.3: in place of what stands behind the base's last slash
        name = base[: base.rfind(DELIMITER) + 1] + name
    else:
        name = base
    if not name:
        raise ValueError("no mailbox is selected")
    return names.canonical(name)


def _section(found: re.Match[bytes]) -> BodySection:
    offset, length = int(found["offset"] or 0), int(found["length"] or _ALL)
    if max(offset, length) > _ALL:
        raise ValueError("the partial is out of range")
    text = _decoded(found["section"] or b"")
    partial = b"<%d.%d>" % (offset, length) if found["offset"] else b""
    try:
        return sections.peeked(text, partial)
    except ProtocolError as error:
        raise ValueError("no such section") from error


def _decoded(text: bytes) -> bytes:
    if _ESCAPES.fullmatch(text) is None:
        raise ValueError("a percent sign that encodes nothing")
    return unquote_to_bytes(text)


# -- URLAUTH, RFC 4467 §6 ----------------------------------------------------------------------------------------------

# authimapurl = "imap://" enc-user [iauth] "@" hostport "/" imessagepart
# iurlauth-rump = [";EXPIRE=" date-time] ";URLAUTH=" access ; iua-verifier = ":" uauth-mechanism ":" enc-urlauth
_AUTHORIZED = re.compile(
    rb"(?P<rump>imap://(?P<user>[^@/;:]+)@(?P<host>[^@/;:]+)(?::143)?(?P<message>/[^?#]*?)"
    rb"(?:;EXPIRE=(?P<expire>[^;:]+:[^;:]+:[^;]+))?;URLAUTH=(?P<access>[^;:]+))(?::INTERNAL:(?P<token>[0-9A-Fa-f]{32,128}))?",
    re.IGNORECASE,
)
_SUBMIT, _USER, _ANYBODY = b"submit+", b"user+", (b"authuser", b"anonymous")


class Access(enum.Enum):
    """Who may use a URL: a submission server for a user, a user, whoever is logged in."""

    SUBMIT = enum.auto()
    USER = enum.auto()
    ANYBODY = enum.auto()


class AuthorizedUrl(msgspec.Struct, frozen=True):
    """``rump`` is all of it but mechanism and ``token``, which is empty where the URL has none; ``expires`` in epoch
    seconds, infinite where it says nothing; ``who`` goes with SUBMIT and USER."""

    rump: bytes
    owner: str
    host: str
    message: MessageUrl
    expires: float
    access: Access
    who: str
    token: str


def authorized(url: bytes) -> AuthorizedUrl:
    """With ``;URLAUTH=``; ValueError for all others."""
    found = _AUTHORIZED.fullmatch(url)
    if found is None:
        raise ValueError("not a URL with URLAUTH")
    expires = math.inf
    if found["expire"]:
        moment = datetime.fromisoformat(found["expire"].decode("ascii").upper())
        if moment.tzinfo is None:
            raise ValueError("a moment without a time zone")
        expires = moment.timestamp()
    access, who = _access(found["access"])
    return AuthorizedUrl(
        rump=found["rump"],
        owner=_decoded(found["user"]).decode("utf-8"),
        host=found["host"].decode("ascii").lower(),
        message=message(found["message"], ""),
        expires=expires,
        access=access,
        who=who,
        token=(found["token"] or b"").decode("ascii").lower(),
    )


def _access(text: bytes) -> tuple[Access, str]:
    """access = ("submit+" enc-user) / ("user+" enc-user) / "authuser" / "anonymous" """
    lower = text.lower()
    if lower in _ANYBODY:
        return Access.ANYBODY, ""
    for prefix, access in ((_SUBMIT, Access.SUBMIT), (_USER, Access.USER)):
        if lower.startswith(prefix):
            return access, _decoded(text[len(prefix) :]).decode("utf-8").lower()
    raise ValueError("nobody is meant by that access")
