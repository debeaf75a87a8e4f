"""Every option of ``mailsuite.toml``: its type, bounds, unit, default and reason, in one place.

The sample file (``etc/mailsuite.toml``), the checks and their error lines are made from these structs, so an option
is described here (what bounds clients: in ``config.limits``) and nowhere else.  Only shapes live here: what needs the
file system or the network (does the certificate exist, may the folder be written) is ``config.check``.
"""

from __future__ import annotations

import enum
from typing import Annotated

import msgspec

from mailsuite.config.addresses import Rewriting, Srs, Verp
from mailsuite.config.esmtp import Extensions, Submission
from mailsuite.config.imap import Imap
from mailsuite.config.limits import Limits, Rates, Timeouts
from mailsuite.config.local import Sendmail
from mailsuite.config.option import Path, TlsMode, about, length, number
from mailsuite.config.pop3 import Pop3
from mailsuite.config.relay import Backup, Dns, Relay, Smarthost, TlsPolicy, Transport
from mailsuite.config.retry import Notices, Retry, Schedule
from mailsuite.config.track import Track


class Service(enum.Enum):
    """What is spoken on a port."""

    SMTP = "smtp"
    SUBMISSION = "submission"
    LMTP = "lmtp"
    IMAP = "imap"
    POP3 = "pop3"


class Sasl(enum.Enum):
    """How users may log in."""

    EXTERNAL = "EXTERNAL"
    SCRAM_SHA_256_PLUS = "SCRAM-SHA-256-PLUS"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    PLAIN = "PLAIN"
    LOGIN = "LOGIN"


#: The listening address that means all of them, IPv4 and IPv6.
EVERYWHERE = "*"


class Listener(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One port.  Repeat the section for each."""

    service: Annotated[
        Service,
        about("What is spoken here. `smtp` takes mail from other servers, `submission` from users who log in."),
    ]
    address: Annotated[
        str,
        length(
            1,
            1024,
            "IP address to listen on. `*` is every address; `0.0.0.0` every IPv4 one, `::` every IPv6 one. `unix:PATH` "
            "is a Unix socket, `systemd:NAME` the sockets that systemd passes under that name (FileDescriptorName=).",
        ),
    ]
    port: Annotated[int, number(0, 65535, "TCP port; 0 only for `unix:` and `systemd:`, which have none.")] = 0
    tls: Annotated[TlsMode, about("`starttls`: plain until the client asks; `implicit`: TLS from the first octet.")] = (
        TlsMode.NONE
    )
    allow_plaintext_login: Annotated[
        bool,
        about("Let users log in without TLS. For loopback and tests only: anybody on the way can read what is sent."),
    ] = False
    mechanisms: Annotated[
        tuple[Sasl, ...],
        length(
            0,
            5,
            "SASL mechanisms that are offered, each where it is possible: under TLS, EXTERNAL with a client "
            "certificate, SCRAM for accounts that keep keys. Without PLAIN, IMAP's LOGIN and POP3's PASS are off too.",
        ),
    ] = tuple(Sasl)
    client_ca: Annotated[
        Path,
        about(
            "PEM file of authorities: clients are asked for certificates that they signed, and may log in with "
            "EXTERNAL to the account whose address the certificate names. Empty: clients are not asked."
        ),
    ] = ""
    connections: Annotated[
        int, number(0, 100_000, "Connections open at once here; 0: only the limits of all ports together count.")
    ] = 0
    proxy_from: Annotated[
        tuple[str, ...],
        length(
            0,
            100,
            "Proxies in front of this port: addresses and networks as in `trusted_networks`. Each must begin with a "
            "PROXY header (version 1 or 2) that names the client; nobody else may connect. Empty: no proxy.",
        ),
    ] = ()
    xclient_from: Annotated[
        tuple[str, ...],
        length(
            0,
            100,
            "SMTP, submission, LMTP: who may say with XCLIENT for whom it speaks (a filter in front of this server): "
            "addresses and networks as in `trusted_networks`. Whoever is named here can be anybody.",
        ),
    ] = ()
    mend_bare_lf: Annotated[
        bool,
        about(
            "SMTP, submission, LMTP: take messages with an LF that has no CR, and give it one; else they are refused. "
            "For programs that cannot do better, at their own port. Commands and the end of data always need CR LF."
        ),
    ] = False
    mode: Annotated[str, length(3, 4, "Permissions of the Unix socket, octal: who may write to it may connect.")] = (
        "0660"
    )
    owner: Annotated[str, about("User who owns the Unix socket; empty: who starts the server.")] = ""
    group: Annotated[str, about("Group of the Unix socket; empty: that of who starts the server.")] = ""


class Tls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The server's certificate; needed as soon as a listener uses TLS. Read again when the files change."""

    certificate: Annotated[Path, about("PEM file: the certificate, then the intermediate ones. Empty: no TLS.")] = ""
    key: Annotated[Path, about("PEM file with the private key, not encrypted; readable by the server's user only.")] = (
        ""
    )


class Paths(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where things lie, relative to the folder of this file. Store, queue and spool are best on one file system."""

    directory: Annotated[Path, length(1, 1024, "SQLite file with domains, accounts and aliases.")] = "directory.sqlite"
    store: Annotated[Path, length(1, 1024, "Folder of the mailboxes: one Maildir++ an account.")] = "store"
    queue: Annotated[Path, length(1, 1024, "Folder of mail that waits for other servers.")] = "queue"
    spool: Annotated[Path, length(1, 1024, "Folder for large messages while they arrive.")] = "spool"


class Passwords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Checking a password costs some 30 ms of a processor on purpose; clients that poll would pay it every time."""

    remember: Annotated[
        float,
        number(
            0,
            86_400,
            "How long a checked password is known again, as a keyed hash. A changed one is refused at once.",
            unit="seconds",
        ),
    ] = 300.0
    checks_at_once: Annotated[
        int, number(1, 64, "Passwords checked at the same time; each takes 19 MiB of memory.")
    ] = 2
    first_delay: Annotated[
        float,
        number(
            0,
            30,
            "What a wrong password makes the next login from the same address wait, twice as long after each further "
            "one; addresses count together as for connections. 0: nobody waits.",
            unit="seconds",
        ),
    ] = 1.0
    longest_delay: Annotated[float, number(0, 40, "Longest wait of an address.", unit="seconds")] = 15.0
    longest_account_delay: Annotated[
        float,
        number(
            0,
            40,
            "Longest wait for an account that is attacked from many addresses; there is none where its password was "
            "right before. 0: accounts never wait.",
            unit="seconds",
        ),
    ] = 4.0
    forget_after: Annotated[
        float, number(1, 86_400, "Time without a wrong password after which all is forgiven.", unit="seconds")
    ] = 900.0


class Settings(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    rename={
        "listeners": "listener",
        "transports": "transport",
        "backups": "backup",
        "tls_policies": "tls_policy",
        "schedules": "schedule",
    },
):
    """The whole file."""

    hostname: Annotated[
        str,
        length(
            1, 253, "This server's full name as other servers look it up; given in greetings, Received fields and HELO."
        ),
    ]
    listeners: Annotated[tuple[Listener, ...], length(1, 256, "The ports.")]
    local_domains: Annotated[
        tuple[str, ...],
        length(
            0,
            10_000,
            "Domains received here besides those of the directory (`mailsuite domain add`, no restart needed).",
        ),
    ] = ()
    default_domain: Annotated[
        str,
        about(
            "Domain of users who log in without one, and of `postmaster`. Empty: the first one added to the directory."
        ),
    ] = ""
    postmaster: Annotated[
        str,
        about("Who gets postmaster's mail of domains that name nobody. Empty: the domain's first account."),
    ] = ""
    trusted_networks: Annotated[
        tuple[str, ...],
        length(
            0,
            1000,
            "Who may relay without login: addresses, networks (`192.0.2.0/24`, `2001:db8::/32`), `host` (this "
            "machine's own addresses), `subnet` (the networks it is in).",
        ),
    ] = ()
    tls_policies: Annotated[tuple[TlsPolicy, ...], length(0, 10_000, "TLS by domain.")] = ()
    backups: Annotated[tuple[Backup, ...], length(0, 1000, "Domains of others.")] = ()
    transports: Annotated[tuple[Transport, ...], length(0, 10_000, "The transport table.")] = ()
    schedules: Annotated[tuple[Schedule, ...], length(0, 1000, "Schedules of their own.")] = ()
    tls: Tls = Tls()
    paths: Paths = Paths()
    limits: Limits = Limits()
    timeouts: Timeouts = Timeouts()
    rates: Rates = Rates()
    pop3: Pop3 = Pop3()
    imap: Imap = Imap()
    passwords: Passwords = Passwords()
    smarthost: Smarthost = Smarthost()
    extensions: Extensions = Extensions()
    submission: Submission = Submission()
    sendmail: Sendmail = Sendmail()
    track: Track = Track()
    relay: Relay = Relay()
    rewriting: Rewriting = Rewriting()
    srs: Srs = Srs()
    verp: Verp = Verp()
    retry: Retry = Retry()
    notices: Notices = Notices()
    dns: Dns = Dns()
