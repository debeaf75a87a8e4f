"""The IMAP server of the dialogue scripts: two accounts (ann, bob at example.org, password ``secret``) in memory.

Options: ``inbox NAME...`` messages of ``MESSAGES`` that ann's INBOX begins with; ``plaintext no`` refuses passwords
without TLS; ``certificate no``; ``compress no``; ``notify N`` mailboxes of a session; ``quota OCTETS``; ``largest
OCTETS`` of a message; ``failures N`` logins may fail; ``connections N`` at a time; ``mechanisms NAMES``; ``shown
ADDRESSES`` of the client's certificate; ``url_fetchers ACCOUNTS``; ``administrators ACCOUNTS``; ``contact URI`` of the
administrator; ``others NAME`` of the level below which others' mailboxes are; ``eight_bit_headers no`` refuses them;
``message_limit N`` of one command.
Verbs of ``% do``: ``deliver [mailbox] NAME`` mail arrives for ann; ``expunge UID`` and ``flag UID FLAG...`` another
program acts on her INBOX; ``remove NAME`` it deletes a mailbox; ``fail METHOD KIND`` the next such call of the store
fails (``temporary``, ``gone``, ``quota`` or ``bug``); ``hold METHOD`` the next such call takes its time, until
``release``; ``stop`` the server shuts down;
``annotate N`` gives her mailbox Job so many annotations; ``password NEW`` and
``disable`` change ann's account.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from mailsuite import errors
from mailsuite.imap.limits import Limits
from mailsuite.interfaces import IOffload
from mailsuite.net.imap_server import IMAPServerFactory
from mailsuite.net.imap_settings import IMAPSettings
from mailsuite.net.login import Login
from mailsuite.net.sessions import Admission
from mailsuite.net.throttle import Throttle, ThrottleSettings
from mailsuite.sharing.stores import SharingStores
from mailsuite.testing.delivery import MemoryDelivery
from mailsuite.testing.directory import MemoryDirectory
from mailsuite.testing.memory_store import MemoryStore, MemoryStores
from mailsuite.testing.quotas import MemoryQuotas
from mailsuite.testing.sasl_clients import ShownCertificate
from mailsuite.testing.tls import ReadyTLS

#: The server's part of the nonce in RFC 7677's example, with which every exchange begins.
NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
ANN = "ann@example.org"

MESSAGES = {
    "plain": b"""\
From: Ann <ann@example.org>
To: bob@example.org
Subject: lunch
Date: Sun, 15 Jun 2025 12:00:00 +0200
Message-ID: <1@example.org>

Zebra at noon?
""",
    "parts": b"""\
From: Bob <bob@example.org>
To: ann@example.org
Subject: two parts
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b

first
--b
Content-Type: message/rfc822

Subject: inner
X-Kind: nested

inner text
--b--
""",
    "encoded": b"""\
Subject: encoded
Content-Type: multipart/mixed; boundary=b

--b
Content-Transfer-Encoding: quoted-printable

caf=C3=A9 au=
 lait
--b
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64

AAECAwQF
--b
Content-Transfer-Encoding: x-rot13

uryyb
--b--
""",
    "large_encoded": b"Subject: large\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"
    + b"Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\n"
    + (b"QUJD" * 19 + b"\n") * 6000
    + b"AAAA\n--b\nContent-Transfer-Encoding: x-rot13\n\nuryyb\n--b--\n",
    "quoting": b"""\
Subject: Re: lunch
Content-Type: multipart/alternative; boundary=b

--b
Content-Type: text/html

<p>Yes, <b>gladly</b></p>
--b

Yes,
gladly: caf\xc3\xa9!

> Zebra at noon?
--b--
""",
    "global": b"""\
Subject: forwarded
Content-Type: multipart/mixed; boundary=b

--b

see below
--b
Content-Type: Message/Global
Content-Transfer-Encoding: 8bit

Subject: =?utf-8?q?=C3=A9t=C3=A9?=

x
--b--
""",
    "nul": b"Subject: a\0b\n\nc\0d\n",
    "large": b"Subject: large\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n"
    + b"0123456789\n" * 30_000
    + b"--b\n\nsecond\n--b--\n",
}

MESSAGES |= {
    "again": b"""\
From: Zoe <zoe@example.org>
To: =?utf-8?q?Bj=C3=B6rn?= <bjorn@example.org>
Cc: carol@example.org
Subject: Re: lunch
Date: Sun, 15 Jun 2025 09:00:00 +0200
Message-ID: <2@example.org>
In-Reply-To: <1@example.org>

Yes.
""",
    "latin": b"""\
From: =?iso-8859-1?q?=C9mile?= <emile@example.org>
To: bob@example.org
Subject: =?iso-8859-1?q?[food]_D=E9jeuner?=
Date: Sat, 14 Jun 2025 12:00:00 +0200
Message-ID: <3@example.org>
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

=C0 midi, mon ch=E9ri?
""",
}

_FAULTS: dict[str, Callable[[], Exception]] = {
    "temporary": lambda: errors.Temporary("the disk is tired"),
    "gone": lambda: errors.NotFound("no such mailbox"),
    "quota": lambda: errors.OverQuota("no room"),
    "bug": lambda: ZeroDivisionError("a bug"),
}


class World(ShownCertificate, IMAPServerFactory):
    """The factory, and the hands of other programs."""

    def __init__(self, options: dict[str, str], clock: Clock) -> None:
        self._secrets = itertools.count(1)
        self.directory = directory = MemoryDirectory(("example.org",))
        directory.add(ANN)
        directory.add("bob@example.org")
        self.stores = MemoryStores(clock, quota_bytes=int(options.get("quota", 0)))
        self.delivery = MemoryDelivery()
        others = options.get("others", "Other Users")
        settings = IMAPSettings(
            hostname="mail.example.org",
            allow_plaintext_login=options.get("plaintext") != "no",
            notify_mailboxes=int(options.get("notify", 500)),
            compress=options.get("compress") != "no",
            url_fetchers=frozenset(options.get("url_fetchers", "").split()),
            login_failures=int(options.get("failures", 10)),
            mechanisms=tuple(options.get("mechanisms", "PLAIN LOGIN").split()),
            other_users=others,
            administrator_contact=options.get("contact", ""),
            administrators=frozenset(options.get("administrators", "").split()),
            eight_bit_headers=options.get("eight_bit_headers") != "no",
            message_limit=int(options.get("message_limit", 0)),
            limits=Limits(message=int(options.get("largest", 1_000_000))),
        )
        super().__init__(
            settings,
            SharingStores(self.stores, others, self.delivery.draft) if others else self.stores,
            self.delivery.draft,
            Login(directory, Throttle(clock, ThrottleSettings(first=0.0)), clock, lambda: NONCE),
            Admission(int(options.get("connections", 100)), 100),
            ReadyTLS(options.get("certificate") != "no"),
            clock,
            MemoryQuotas(self.stores),
            random=lambda length: bytes((next(self._secrets),)) * length,
        )
        self.shown = tuple(options.get("shown", "").split())
        for name in options.get("inbox", "").split():
            self.stores.deliver(ANN, MESSAGES[name])

    @property
    def ann(self) -> MemoryStore:
        return self.stores.store(ANN)

    def act(self, verb: str, text: str) -> None:
        words = text.split()
        if verb == "deliver":
            self.stores.deliver(ANN, MESSAGES[words[-1]], *words[:-1])
        elif verb == "expunge":
            self.stores.drop_message(ANN, int(text))
        elif verb == "flag":
            self.stores.set_flags(ANN, int(words[0]), frozenset(words[1:]))
        elif verb == "remove":
            self.ann.delete(text)
        elif verb == "fail":
            self.ann.faults.plan(words[0], _FAULTS[words[1]]())
        elif verb == "hold":
            self.hold(text)
        elif verb == "release":
            self.held.callback(None)
        elif verb == "password":
            self.directory.set_password(ANN, text)
        elif verb == "disable":
            self.directory.disabled.add(ANN)
        elif verb == "annotate":
            annotations = {f"/shared/n{number}": b"x" for number in range(int(text))}
            self.ann.notes.annotate("Job", ANN, annotations, ())
        elif verb == "stop":
            self.shut_down()
        else:
            raise ValueError(f"no verb {verb}")

    def hold(self, method: str) -> None:
        """The next such call of ann's store, through whichever session, goes on when ``held`` fires."""
        self.held: Deferred[None] = Deferred()
        store, work = self.ann, getattr(self.ann, method)

        def later(*args: object) -> Deferred[object]:
            delattr(store, method)
            return self.held.addCallback(lambda _: work(*args))

        setattr(store, method, later)


def build(options: dict[str, str], clock: Clock, offload: IOffload) -> World:
    return World(options, clock)
