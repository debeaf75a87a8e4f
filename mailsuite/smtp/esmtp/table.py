"""All extensions, in the order in which EHLO lists them, and what of them a session is offered."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import msgspec

from mailsuite.smtp.esmtp.auth import AUTH, AUTH_PARAMETER
from mailsuite.smtp.esmtp.body import BINARY_MIME, CHUNKING, EIGHT_BIT_MIME
from mailsuite.smtp.esmtp.deliverby import DELIVERBY
from mailsuite.smtp.esmtp.dsn import DSN
from mailsuite.smtp.esmtp.extension import Extension, Parameter, Session, before_tls
from mailsuite.smtp.esmtp.futurerelease import FUTURERELEASE
from mailsuite.smtp.esmtp.inquiries import ETRN, EXPN, HELP, VRFY
from mailsuite.smtp.esmtp.limits import LIMITS
from mailsuite.smtp.esmtp.priority import MT_PRIORITY
from mailsuite.smtp.esmtp.requiretls import REQUIRETLS
from mailsuite.smtp.esmtp.size import SIZE
from mailsuite.smtp.esmtp.smtputf8 import SMTPUTF8
from mailsuite.smtp.esmtp.xclient import XCLIENT


def _offers_tls(session: Session) -> bool:
    return session.options.starttls and not session.secure


#: RFC 2920, RFC 2034 and RFC 3207 are of no more than a keyword.
EXTENSIONS: tuple[Extension, ...] = (
    Extension("PIPELINING"),
    SIZE,
    EIGHT_BIT_MIME,
    SMTPUTF8,
    CHUNKING,
    BINARY_MIME,
    DSN,
    REQUIRETLS,
    LIMITS,
    DELIVERBY,
    MT_PRIORITY,
    FUTURERELEASE,
    ETRN,
    VRFY,
    EXPN,
    HELP,
    Extension("ENHANCEDSTATUSCODES"),
    Extension("STARTTLS", offered=_offers_tls),
    AUTH,
    XCLIENT,
)


class Offer(msgspec.Struct, frozen=True):
    """What a session may use, parameters by their keyword."""

    extensions: tuple[Extension, ...]
    mail: Mapping[str, Parameter]
    rcpt: Mapping[str, Parameter]
    #: Octets that commands may be longer (RFC 5321 §4.1.1.1 leaves it to each extension).
    longer: int
    session: Session

    def lines(self, now: float) -> tuple[str, ...]:
        """What EHLO says of them; ``now`` in seconds since the epoch."""
        told = ((extension.keyword, extension.told(self.session, now)) for extension in self.extensions)
        return tuple(f"{keyword} {more}" if more else keyword for keyword, more in told)


@functools.lru_cache(64)
def offer(session: Session) -> Offer:
    """The extensions that work now; a later one's parameter replaces an earlier one's of the same keyword."""
    without = session.options.without
    found = tuple(one for one in EXTENSIONS if one.keyword not in without and one.offered(session))
    later = [one for one in EXTENSIONS if one.under_tls and one.keyword not in without and _offers_tls(session)]
    mail = {parameter.keyword: before_tls(parameter) for extension in later for parameter in extension.mail}
    mail |= {parameter.keyword: parameter for extension in found for parameter in extension.mail}
    rcpt = {parameter.keyword: parameter for extension in found for parameter in extension.rcpt}
    if session.options.mechanisms:
        mail[AUTH_PARAMETER.keyword] = AUTH_PARAMETER
    longer = max(sum(one.mail_octets for one in found), sum(one.rcpt_octets for one in found))
    return Offer(found, mail, rcpt, longer, session)


@functools.lru_cache(64)
def nothing(session: Session) -> Offer:
    """After HELO, and before any greeting."""
    return Offer((), {}, {}, 0, session)
