"""MT-PRIORITY: how urgent a message is, RFC 6710.

Strangers may lower the priority of their mail but not raise it (§4.1).  The header field of the same name (RFC 6758) is
not looked at: anybody could have written it.
"""

from __future__ import annotations

import re

import msgspec

from mailsuite.smtp.esmtp.extension import Extension, Parameter, ParameterError, Session
from mailsuite.smtp.events import Mail

# RFC 6710 §7: priority-value = (["-"] NZDIGIT) / "0"
_PRIORITY = re.compile(r"-?[1-9]|0")


def parse_priority(value: str) -> int:
    """-9 to 9."""
    if not _PRIORITY.fullmatch(value):
        raise ParameterError("MT-PRIORITY= is a number from -9 to 9", status="5.5.2")
    return int(value)


def lowered(mail: Mail, session: Session) -> Mail:
    """The same MAIL with the priority that this client may have."""
    if mail.priority <= 0 or session.known:
        return mail
    return msgspec.structs.replace(mail, priority=0, priority_lowered=True)


MT_PRIORITY = Extension("MT-PRIORITY", mail=(Parameter("MT-PRIORITY", "priority", parse_priority),), mail_octets=15)
