"""The POP3 server of the dialogues: tim@example.org with four messages, and what an option or ``% do`` changes.

Options: ``starttls yes``, ``plaintext no``, ``messages N`` (N small ones instead), ``big OCTETS`` (one of that size),
``fail METHOD WHAT``, ``late yes`` (every seam answers later), ``faults N``, ``commands N``, ``failed_logins N``,
``connections N``, ``mechanisms NAMES``, ``shown ADDRESSES`` (of the client's certificate).
``apop yes`` (tim's secret is the one of RFC 1939), ``exclusive yes``, ``login_delay S``, ``expire DAYS``,
``own_delay S``, ``own_expire DAYS`` (ann@example.org's own),
``language TAG``, ``global yes`` (a fifth message with UTF-8 in its header).
Acts: ``vanish NUMBER``, ``deliver TEXT``, ``shut_down``, ``fail METHOD WHAT``, ``left NUMBERS`` (UIDs still there),
``password NEW``, ``disable``,
``unreadable`` (the directory, at the next question).
"""

from __future__ import annotations

import msgspec
from twisted.internet.task import Clock

from mailsuite.errors import Corrupt, MailError, Temporary
from mailsuite.interfaces import IOffload
from mailsuite.model import Account, Pop3Rules
from mailsuite.net.login import Login
from mailsuite.net.pop3_accounts import Accounts, Rules
from mailsuite.net.pop3_factory import POP3ServerFactory
from mailsuite.net.pop3_settings import POP3Settings
from mailsuite.net.sessions import Admission
from mailsuite.net.throttle import Throttle
from mailsuite.pop3.languages import Language
from mailsuite.pop3.limits import Limits
from mailsuite.testing.directory import MemoryDirectory
from mailsuite.testing.late import Late
from mailsuite.testing.memory_store import MemoryStores
from mailsuite.testing.sasl_clients import ShownCertificate
from mailsuite.testing.tls import ReadyTLS

#: The server's part of the nonce in RFC 7677's example, with which every exchange begins.
NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
TIM, ANN = "tim@example.org", "ann@example.org"
MESSAGES = (
    b"From: a@example.org\r\nSubject: one\r\n\r\nHello Tim,\r\nhow are you?\r\n",
    b"Subject: dots\r\n\r\n.\r\n..\r\n.hidden\r\nin.side\r\n",
    b"Subject: no body\r\n\r\n",
    b"Subject: no line end\r\n\r\nlast words",
)
GLOBAL = (
    "From: Дима <дима@пример.рф>\r\nTo: tim@example.org\r\nSubject: Привет\r\nMIME-Version: 1.0\r\n"
    "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n.Всё хорошо\r\n"
).encode()
#: ``late`` is understood.
LATE = True
FAILURES: dict[str, type[MailError]] = {"temporary": Temporary, "corrupt": Corrupt}


class WorldFactory(ShownCertificate, POP3ServerFactory):
    """What a script can do behind the server's back."""

    stores: MemoryStores
    directory: MemoryDirectory

    def act(self, verb: str, text: str) -> None:
        if verb == "password":
            self.directory.set_password(TIM, text)
        elif verb == "disable":
            self.directory.disabled.add(TIM)
        elif verb == "vanish":
            self.stores.drop_message(TIM, int(text))
        elif verb == "deliver":
            self.stores.deliver(TIM, text.encode() + b"\r\n")
        elif verb == "unreadable":
            self.directory.fail(Temporary("the disk is gone"))
        elif verb == "fail":
            plan(self.stores, text)
        elif verb == "left":
            left = " ".join(str(uid) for uid in self.stores.store(TIM).mailbox("INBOX").messages)
            assert left == text, f"left: {left}"
        elif verb == "shut_down":
            self.shut_down()
        else:
            raise ValueError(verb)


def plan(stores: MemoryStores, text: str) -> None:
    method, _, what = text.partition(" ")
    faults = stores.faults if method == "stores.open" else stores.store(TIM).faults
    faults.plan(method.removeprefix("stores."), FAILURES[what]("the disk is full"))


def build(options: dict[str, str], clock: Clock, offload: IOffload) -> WorldFactory:
    stores = MemoryStores(clock)
    messages = MESSAGES
    if "messages" in options:
        messages = tuple(b"Subject: %d\r\n\r\n" % n for n in range(int(options["messages"])))
    if "big" in options:
        size = int(options["big"])
        messages = ((b"Subject: big\r\n\r\n" + b".2345678\r\n" * (size // 10 + 1))[: size - 2] + b"\r\n",)
    for message in messages:
        stores.deliver(TIM, message)
    if options.get("global") == "yes":
        stores.deliver(TIM, GLOBAL)
    if "fail" in options:
        plan(stores, options["fail"])
    settings = POP3Settings(
        "mail.example.org",
        starttls=options.get("starttls") == "yes",
        allow_plaintext_auth=options.get("plaintext") != "no",
        mechanisms=tuple(options.get("mechanisms", "PLAIN LOGIN").split()),
        limits=Limits(
            commands=int(options.get("commands", 1000)),
            faults=int(options.get("faults", 20)),
            failed_logins=int(options.get("failed_logins", 5)),
        ),
        apop=options.get("apop") == "yes",
        language=Language(options.get("language", "en")),
    )
    rules = Rules(
        exclusive=options.get("exclusive") == "yes",
        login_delay=int(options.get("login_delay", 0)),
        expire_days=int(options.get("expire", -1)),
    )
    directory = MemoryDirectory(["example.org"], {TIM: "secret word", ANN: "pässwort"})
    directory.apop_secrets[TIM] = "tanstaaf"
    directory.accounts[ANN] = Account(
        ANN,
        pop3=Pop3Rules(
            int(options["own_delay"]) if "own_delay" in options else msgspec.UNSET,
            int(options["own_expire"]) if "own_expire" in options else msgspec.UNSET,
        ),
    )
    late = options.get("late") == "yes"
    login = Login(Late(directory, clock) if late else directory, Throttle(clock), clock, lambda: NONCE)
    admission = Admission(int(options.get("connections", 10)), 100)
    factory = WorldFactory(
        settings, stores, login, admission, ReadyTLS(), clock, Accounts(clock, rules), lambda: "1896.697170952"
    )
    factory.directory = directory
    factory.shown = tuple(options.get("shown", "").split())
    if late:
        factory.stores = Late(stores, clock)
    return factory
