"""What a server says of itself: the banner and the answer to EHLO, RFC 5321 §4.1.1.1."""

from __future__ import annotations

import functools

from mailsuite.smtp.esmtp.extension import Session
from mailsuite.smtp.esmtp.table import offer
from mailsuite.smtp.extensions import Options
from mailsuite.smtp.reply import Reply, reply


def banner(options: Options) -> Reply:
    """RFC 5321 §4.2: the host name comes first."""
    return reply(220, "", f"{options.hostname} {'LMTP' if options.lmtp else 'ESMTP'}")


@functools.lru_cache(64)  # sessions are few in kind, and many begin within one second
def greeting(session: Session, extended: bool, now: int) -> Reply:
    """The answer to HELO, or to EHLO and LHLO (``extended``); ``now`` in seconds since the epoch."""
    if not extended:
        return reply(250, "", session.options.hostname)
    return reply(250, "", session.options.hostname, *offer(session).lines(now))
