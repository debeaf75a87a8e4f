"""What can go wrong, by meaning.

Work raises these; each protocol has one table that turns them into its own words (``452 4.2.2``,
``NO [OVERQUOTA]``, ``-ERR [SYS/TEMP]``).  The text is for the person who caused it and never holds a secret.
A peer that breaks its protocol is not here: that is each language's own ``ProtocolError``.  Any other exception
is a fault of ours, logged with its traceback and answered as a temporary one.
"""


class MailError(Exception):
    """Base of everything that is expected to go wrong."""


class NotFound(MailError):
    """The account, mailbox, message, queued message or domain does not exist."""


class Exists(MailError):
    """It is there already."""


class InvalidName(MailError):
    """The name or address cannot be used; the text says what is allowed."""


class BadCredentials(MailError):
    """The login name or the password is wrong; never says which."""


class NotAllowed(MailError):
    """The operation is understood and known, and is not permitted to this caller."""


class HasChildren(NotAllowed):
    """It has mailboxes below it, which must go first."""


class ReadOnly(NotAllowed):
    """The mailbox is open for reading only."""


class OverQuota(MailError):
    """The account has no room left."""


class TooBig(MailError):
    """The message, header or name exceeds a fixed limit; trying again will not help."""


class TooMany(MailError):
    """A count exceeds its limit (recipients, connections, keywords, search keys)."""


class Expunged(NotFound):
    """The message was there and is gone."""


class Unsupported(MailError):
    """Well formed, but not something that this server does (a charset, a mechanism)."""


class TooManyMessages(TooMany):
    """One command is not for more than ``limit`` of them (RFC 9738)."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"at most {limit} messages in one command")
        self.limit = limit


class Undecodable(Unsupported):
    """The transfer encoding of a body, or octets that the mailbox cannot hold."""


class Temporary(MailError):
    """It may work later: a file that cannot be read, a DNS server that does not answer, a shutdown in progress.

    The text names files and hosts and is for the log alone; of its kinds, only ``Throttled`` speaks to the client.
    """


class DiskFull(Temporary):
    """The disk has no room left, or none for the user that this server runs as."""


class NotWritten(Temporary):
    """It was done and cannot be undone, and could not be written down: whoever did it keeps at that."""


class Throttled(Temporary):
    """Tried too often; it may work for this client later."""


class Corrupt(MailError):
    """Something on disk is not what this program writes; the text names the file and what to do."""


class ConfigError(MailError):
    """A configuration file cannot be used; the text names file, key, value and what is allowed."""


class OnHold(MailError):
    """Mail for this domain is kept until somebody releases it; the text says why."""


class NoRoute(MailError):
    """Mail for this domain can never be sent from here (RFC 5321 section 5, RFC 7505).

    ``status`` is the RFC 3463 status that tells the sender why, as text (``"5.1.2"``).
    """

    def __init__(self, status: str, text: str) -> None:
        super().__init__(text)
        self.status = status
