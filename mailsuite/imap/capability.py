"""Which capabilities to list when, RFC 3501 section 6.1.1 and the RFC beside each word."""

from __future__ import annotations

import msgspec

from mailsuite.imap.states import State

#: Offered in every state.
_ALWAYS: tuple[bytes, ...] = (
    b"IMAP4rev1",  # RFC 3501
    b"IMAP4rev2",  # RFC 9051
    b"SASL-IR",  # RFC 4959
    b"LITERAL+",  # RFC 7888
    b"ID",  # RFC 2971
    b"ENABLE",  # RFC 5161
    b"IDLE",  # RFC 2177
)

#: Only told after login: nobody needs them before, and the greeting stays short.
_AFTER_LOGIN: tuple[bytes, ...] = (
    b"UTF8=ACCEPT",  # RFC 9755
    b"NAMESPACE",  # RFC 2342
    b"CHILDREN",  # RFC 3348
    b"UIDPLUS",  # RFC 4315
    b"UNSELECT",  # RFC 3691
    b"UNAUTHENTICATE",  # RFC 8437
    b"MOVE",  # RFC 6851
    b"MULTIAPPEND",  # RFC 3502
    b"LIST-EXTENDED",  # RFC 5258
    b"LIST-STATUS",  # RFC 5819
    b"SPECIAL-USE",  # RFC 6154
    b"CREATE-SPECIAL-USE",  # RFC 6154
    b"STATUS=SIZE",  # RFC 8438
    b"OBJECTID",  # RFC 8474
    b"METADATA",  # RFC 5464
    b"LIST-METADATA",  # RFC 9590
    b"QUOTA",  # RFC 9208
    b"QUOTA=RES-STORAGE",
    b"QUOTA=RES-MESSAGE",
    b"ESEARCH",  # RFC 4731
    b"SEARCHRES",  # RFC 5182
    b"SORT",  # RFC 5256
    b"SORT=DISPLAY",  # RFC 5957
    b"ESORT",  # RFC 5267
    b"THREAD=ORDEREDSUBJECT",  # RFC 5256
    b"THREAD=REFERENCES",  # RFC 5256
    b"THREAD=REFS",  # draft-ietf-morg-inthread-01
    b"CONTEXT=SEARCH",  # RFC 5267
    b"CONTEXT=SORT",  # RFC 5267
    b"NOTIFY",  # RFC 5465
    b"INPROGRESS",  # RFC 9585
    b"MULTISEARCH",  # RFC 7377
    b"SEARCH=FUZZY",  # RFC 6203
    b"I18NLEVEL=1",  # RFC 5255
    b"WITHIN",  # RFC 5032
    b"CONDSTORE",  # RFC 7162
    b"QRESYNC",  # RFC 7162
    b"SAVEDATE",  # RFC 8514
    b"PREVIEW",  # RFC 8970
    b"PARTIAL",  # RFC 9394
    b"UIDONLY",  # RFC 9586
    b"UIDBATCHES",  # RFC 10022
    b"BINARY",  # RFC 3516
    b"CATENATE",  # RFC 4469
    b"URL-PARTIAL",  # RFC 5550 section 2.7.2
    b"URLAUTH",  # RFC 4467
    b"REPLACE",  # RFC 8508
)


class Offer(msgspec.Struct, frozen=True):
    """What this connection can do, beside what the language always can.

    ``starttls``: a certificate is there and TLS is not on yet.  ``plaintext_login``: LOGIN is allowed now (TLS is on,
    or the listener says so).  ``mechanisms``: SASL names in upper case, only those allowed now.  ``compress``:
    COMPRESS is allowed.  ``append_limit``: octets of the largest message (RFC 7889), 0 for none.  ``administrator``:
    who is logged in may set quotas.  ``sharing``: mailboxes can be shared with other users.
    ``message_limit``: messages of one command (RFC 9738), 0 for any number.
    """

    starttls: bool = False
    plaintext_login: bool = False
    mechanisms: tuple[str, ...] = ()
    compress: bool = False
    append_limit: int = 0
    administrator: bool = False
    sharing: bool = False
    message_limit: int = 0


def listed(state: State, offer: Offer) -> tuple[bytes, ...]:
    """The words, for ``responses.capability`` and ``codes.capability``."""
    words = list(_ALWAYS)
    if state is State.NOT_AUTHENTICATED:
        if offer.starttls:
            words.append(b"STARTTLS")
        if not offer.plaintext_login:
            words.append(b"LOGINDISABLED")
        words.extend(b"AUTH=" + mechanism.encode() for mechanism in offer.mechanisms)
    else:
        words.extend(_AFTER_LOGIN)
        if offer.append_limit:
            words.append(b"APPENDLIMIT=%d" % offer.append_limit)
        if offer.compress:
            words.append(b"COMPRESS=DEFLATE")  # RFC 4978
        if offer.message_limit:
            words.append(b"MESSAGELIMIT=%d" % offer.message_limit)
        if offer.sharing:
            words += (b"ACL", b"RIGHTS=texk", b"LIST-MYRIGHTS")  # RFC 4314, RFC 8440
        if offer.administrator:
            words.append(b"QUOTASET")  # RFC 9208 §4.1.3
    return tuple(words)
