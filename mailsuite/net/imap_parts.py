"""What all IMAP sessions of a listener share, what one gathers of an APPEND, and errors of this protocol alone."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from twisted.internet import interfaces

from mailsuite.imap import codes
from mailsuite.interfaces import IDraft, IMailStores, IQuotas, ITLSContexts
from mailsuite.mime.ascii_header import AsciiHeader
from mailsuite.mime.binary import TextForm
from mailsuite.model import Flags
from mailsuite.net.imap_following import Allowance
from mailsuite.net.imap_lookout import Lookout
from mailsuite.net.imap_progress import Progress
from mailsuite.net.imap_settings import IMAPSettings
from mailsuite.net.login import Login


class BadCommand(Exception):
    """The client asked for what no client should ask for (RFC 5530 §3); the text is for it."""

    def __init__(self, text: str, code: bytes = codes.CLIENTBUG) -> None:
        super().__init__(text)
        self.code = code


class BrokenAnswer(Exception):
    """An answer failed half-way within a literal: nothing more can be said on this connection."""


class Offered(msgspec.Struct, frozen=True):
    """One message of an APPEND that is under way; ``date`` in epoch seconds."""

    draft: IDraft
    flags: Flags
    date: float
    #: Makes text of a message that may hold any octets; None for others.
    form: TextForm | None = None
    #: Looks at a header that must be ASCII; None where it need not be.
    header: AsciiHeader | None = None


class Parts(msgspec.Struct, frozen=True):
    """What all sessions of a factory share."""

    settings: IMAPSettings
    login: Login
    stores: IMailStores
    drafts: Callable[[], IDraft]
    tls: ITLSContexts
    clock: interfaces.IReactorTime
    lookout: Lookout
    quotas: IQuotas
    #: So many random octets, that nobody can guess.
    random: Callable[[int], bytes]
    allowance: Allowance
    progress: Progress
