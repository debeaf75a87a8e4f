"""REQUIRETLS: a message that may only travel under TLS, RFC 8689.

It is offered, and its parameter known, under TLS only (§2).
"""

from __future__ import annotations

from mailsuite.smtp.esmtp.extension import Extension, Parameter, Session, flag


def _offered(session: Session) -> bool:
    return session.secure


REQUIRETLS = Extension(
    "REQUIRETLS",
    offered=_offered,
    mail=(Parameter("REQUIRETLS", "require_tls", flag("REQUIRETLS")),),
    mail_octets=11,
    under_tls=True,
)
