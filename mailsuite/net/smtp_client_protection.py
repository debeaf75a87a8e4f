"""What a message asks of the way to a next hop, RFC 8689.

REQUIRETLS (§4.2.1): a name that is certain, TLS with a certificate valid for it, and the promise to ask the same of the
next one.  A hop that does not offer this decides nothing: another one may.  Whoever tries the last of them returns the
message.  TLS-Required: No (§3, §4.2.2): TLS where it works, and rather none than no mail.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailsuite.model import Delayed, Envelope, Hop, Outcome, Recipient, Security, Status, TlsLevel
from mailsuite.net.smtp_client_message import Outgoing
from mailsuite.net.smtp_client_settings import CourierSettings, Tls

#: No TLS that could be relied on; no REQUIRETLS behind it.  Of class 5 once no hop is left.
NOT_PROTECTED = Status(4, 7, 10)
NOT_PROMISED = Status(4, 7, 30)
#: The TLS that a policy asks for is not there: to be tried again, RFC 7672 §2.2 and RFC 8461 §5.
NO_SECURITY = Status(4, 7, 5)


def needs_protection(envelope: Envelope) -> bool:
    """Notices ask for it where it is offered, and go without where it is not: RFC 8689 §5."""
    return envelope.require_tls and not envelope.sender.is_null


def wanted_tls(envelope: Envelope, outgoing: Outgoing, settings: CourierSettings, security: Security) -> Tls:
    """What has to be between us and the hop for this message."""
    if needs_protection(envelope):
        return Tls.DANE if security.tlsa else Tls.VERIFY
    wanted = strictest(settings.tls, security)
    waivable = security.by_recipient if wanted is not settings.tls else settings.waivable
    if wanted.needed and waivable and not envelope.require_tls and outgoing.waives_tls:
        return Tls.MAY
    return wanted


def strictest(usual: Tls, security: Security) -> Tls:
    """What the recipient's domain asks for adds to what is usual here; what the administrator says of the domain takes
    its place."""
    if security.level is TlsLevel.USUAL:
        return usual
    wanted = Tls(security.level.value)
    return max(usual, wanted, key=list(Tls).index) if security.by_recipient else wanted


def untrusted(hop: Hop, recipients: Sequence[Recipient]) -> Sequence[Outcome]:
    """Its name comes from an MX record that neither DNSSEC nor MTA-STS vouches for."""
    text = f"the message requires TLS, and nothing vouches for it that {hop.host} is the right host"
    return [Delayed(recipient.address, NOT_PROMISED, text) for recipient in recipients]


def unpromised(hop: Hop, recipients: Sequence[Recipient]) -> Sequence[Outcome]:
    """It does not offer REQUIRETLS."""
    text = f"the message requires TLS all the way, which {hop.host} does not promise"
    return [Delayed(recipient.address, NOT_PROMISED, text) for recipient in recipients]
