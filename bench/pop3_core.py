"""What a POP3 command costs, without and with the connection around the core.

    python -m bench.pop3_core [--commands N] [--messages N] [--listed N]

Prints microseconds of processor time a command; UIDL is one command for a whole maildrop.  The connection runs over a
transport in memory with a store in memory, so what is measured is Python, not a disk.
Example: ``python -m bench.pop3_core --listed 1000000``.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock

from bench.program import Arguments
from mailsuite.net.login import Login
from mailsuite.net.pop3_accounts import Accounts
from mailsuite.net.pop3_factory import POP3ServerFactory
from mailsuite.net.pop3_settings import POP3Settings
from mailsuite.net.sessions import Admission
from mailsuite.net.throttle import Throttle
from mailsuite.pop3.capabilities import Terms
from mailsuite.pop3.conversation import Profile
from mailsuite.pop3.events import Retrieve
from mailsuite.pop3.maildrop import Maildrop
from mailsuite.pop3.server import ServerCore
from mailsuite.testing.directory import MemoryDirectory
from mailsuite.testing.memory_store import MemoryStores
from mailsuite.testing.transport import FakeTransport
from mailsuite.wire.signals import NEED_DATA

TIM = "tim@example.org"
HELLO = b"USER tim\r\nPASS secret\r\n"
SMALL = b"Subject: x\r\n\r\n" + b"A line of an ordinary letter, neither short nor long.\r\n" * 75  # 4 KiB
LARGE = SMALL * 256  # 1 MiB


def main() -> None:
    parser = Arguments(__doc__)
    parser.count("--commands", 20_000, "commands given to the core alone")
    parser.count("--messages", 1000, "messages that are read over a connection; of 1 MiB a fiftieth")
    parser.count("--listed", 100_000, "messages that UIDL lists")
    asked = parser.parse_args()
    few = max(asked.messages // 50, 1)
    report("core: RETR of 4 KiB", core_retr(asked.commands))
    report("core: NOOP", core_noop(asked.commands))
    report("connection: RETR of 4 KiB, pipelined", connection(SMALL, asked.messages, b"RETR %d\r\n", True))
    report("connection: RETR of 4 KiB, one by one", connection(SMALL, asked.messages, b"RETR %d\r\n", False))
    report("connection: RETR of 1 MiB", connection(LARGE, few, b"RETR %d\r\n", False))
    report("connection: TOP n 0 of 4 KiB, pipelined", connection(SMALL, asked.messages, b"TOP %d 0\r\n", True))
    report(f"core: UIDL of {asked.listed:,} messages", core_uidl(asked.listed))


def report(what: str, seconds: float) -> None:
    print(f"{what:45} {seconds * 1e6:10.1f} us")


def timed(count: int, work: Callable[[], int], octets: int) -> float:
    """Seconds a command; RuntimeError if ``work`` did not give back so many octets at least."""
    start = time.process_time()
    given = work()
    spent = time.process_time() - start
    if given < octets:
        raise RuntimeError(f"{given} octets were answered, not {octets}")
    return spent / count


def logged_in(count: int) -> ServerCore:
    core = ServerCore(Profile("mail.example.org", plaintext=True))
    core.receive(HELLO)
    core.next_event()
    core.next_event()
    core.logged_in(Maildrop([len(SMALL)] * count, [f"{n:08x}" for n in range(count)]), Terms())
    core.data_to_send()
    return core


def core_retr(count: int) -> float:
    core = logged_in(17)

    def work() -> int:
        octets = 0
        for _ in range(count):
            core.receive(b"RETR 17\r\n")
            assert isinstance(core.next_event(), Retrieve)
            core.send_message(SMALL)
            octets += len(core.data_to_send())
        return octets

    return timed(count, work, count * len(SMALL))


def answers(core: ServerCore) -> int:
    """Octets of what it answers by itself to what it was given."""
    octets = 0
    while core.next_event() is not NEED_DATA:
        octets += len(core.data_to_send())
    return octets


def core_noop(count: int) -> float:
    core = logged_in(1)
    core.receive(b"NOOP\r\n" * count)
    return timed(count, lambda: answers(core), count * len(b"+OK\r\n"))


def core_uidl(count: int) -> float:
    core = logged_in(count)
    core.receive(b"UIDL\r\n")
    return timed(1, lambda: answers(core), count * len(b"1 00000000\r\n"))


def connection(message: bytes, count: int, command: bytes, pipelined: bool) -> float:
    """``command`` for each of so many messages."""
    clock = Clock()
    stores = MemoryStores(clock)
    for _ in range(count):
        stores.deliver(TIM, message)
    login = Login(MemoryDirectory(["example.org"], {TIM: "secret"}), Throttle(clock), clock)
    settings = POP3Settings("mail.example.org", allow_plaintext_auth=True)
    factory = POP3ServerFactory(settings, stores, login, Admission(1, 1), None, clock, Accounts(clock), lambda: "1")
    transport = FakeTransport()
    transport.connect(factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 4000)))
    transport.feed(HELLO)
    drain(transport)
    commands = [command % number for number in range(1, count + 1)]

    def work() -> int:
        octets = 0
        for piece in (b"".join(commands),) if pipelined else commands:
            transport.feed(piece)
            octets += drain(transport)
        return octets

    return timed(count, work, count * (len(message) if command.startswith(b"RETR") else len(b"Subject: x\r\n")))


def drain(transport: FakeTransport) -> int:
    """Octets that are sent until there is nothing left to do."""
    octets, busy = 0, True
    while busy:
        settled, sent = transport.settle(), transport.take()
        octets += len(sent)
        busy = settled or bool(sent)
    return octets


if __name__ == "__main__":
    main()
