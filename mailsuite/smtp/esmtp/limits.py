"""LIMITS: what a session may ask for at most, RFC 9422 §4; enforced in ``smtp.server``."""

from __future__ import annotations

from mailsuite.smtp.esmtp.extension import Extension, Session


def _told(session: Session, now: float) -> str:
    limits = session.options.limits
    values = {"MAILMAX": limits.transactions, "RCPTMAX": limits.recipients, "RCPTDOMAINMAX": limits.recipient_domains}
    return " ".join(f"{name}={value}" for name, value in values.items() if value)


LIMITS = Extension("LIMITS", told=_told)
