"""Microseconds a POP3 command costs, without and with the connection around the core: ``python bench/pop3_core.py``.

The connection runs over a transport in memory with a store in memory, so what is measured is Python, not a disk.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock

from mailsuite.net.login import Login
from mailsuite.net.pop3_accounts import Accounts
from mailsuite.net.pop3_factory import POP3ServerFactory
from mailsuite.net.pop3_settings import POP3Settings
from mailsuite.net.sessions import Admission
from mailsuite.net.throttle import Throttle
from mailsuite.pop3.events import Retrieve
from mailsuite.pop3.maildrop import Maildrop
from mailsuite.pop3.server import Profile, ServerCore
from mailsuite.testing.directory import MemoryDirectory
from mailsuite.testing.memory_store import MemoryStores
from mailsuite.testing.transport import FakeTransport
from mailsuite.wire.signals import NEED_DATA

COMMANDS = 20_000
MESSAGES = 1000
TIM = "tim@example.org"
SMALL = b"Subject: x\r\n\r\n" + b"A line of an ordinary letter, neither short nor long.\r\n" * 75  # 4 KiB
LARGE = SMALL * 256  # 1 MiB


def main() -> None:
    report("core: RETR of 4 KiB", COMMANDS, core_retr())
    report("core: NOOP", COMMANDS, core_noop())
    report("connection: RETR of 4 KiB, pipelined", MESSAGES, connection(SMALL, MESSAGES, b"RETR %d\r\n", True))
    report("connection: RETR of 4 KiB, one by one", MESSAGES, connection(SMALL, MESSAGES, b"RETR %d\r\n", False))
    report("connection: RETR of 1 MiB", 20, connection(LARGE, 20, b"RETR %d\r\n", False))
    report("connection: TOP n 0 of 4 KiB, pipelined", MESSAGES, connection(SMALL, MESSAGES, b"TOP %d 0\r\n", True))
    report("core: UIDL of 100,000 messages", 1, core_uidl(100_000))


def report(what: str, count: int, seconds: float) -> None:
    print(f"{what:45} {seconds / count * 1e6:10.1f} us")


def timed(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def logged_in(count: int) -> ServerCore:
    core = ServerCore(Profile("mail.example.org", plaintext=True))
    core.receive(b"USER tim\r\nPASS secret\r\n")
    core.next_event()
    core.next_event()
    core.logged_in(Maildrop([len(SMALL)] * count, [f"{n:08x}" for n in range(count)]))
    core.data_to_send()
    return core


def core_retr() -> float:
    core = logged_in(MESSAGES)
    line = b"RETR 17\r\n"

    def work() -> None:
        for _ in range(COMMANDS):
            core.receive(line)
            assert isinstance(core.next_event(), Retrieve)
            core.send_message(SMALL)
            core.data_to_send()

    return timed(work)


def core_noop() -> float:
    core = logged_in(1)
    core.receive(b"NOOP\r\n" * COMMANDS)

    def work() -> None:
        while core.next_event() is not NEED_DATA:
            core.data_to_send()

    return timed(work)


def core_uidl(count: int) -> float:
    core = logged_in(count)
    core.receive(b"UIDL\r\n")

    def work() -> None:
        core.next_event()
        core.data_to_send()

    return timed(work)


def connection(message: bytes, count: int, command: bytes, pipelined: bool) -> float:
    clock = Clock()
    stores = MemoryStores(clock)
    for _ in range(count):
        stores.deliver(TIM, message)
    login = Login(MemoryDirectory(["example.org"], {TIM: "secret"}), Throttle(clock), clock)
    settings = POP3Settings("mail.example.org", allow_plaintext_auth=True)
    factory = POP3ServerFactory(settings, stores, login, Admission(1, 1), None, clock, Accounts(clock), lambda: "1")
    transport = FakeTransport()
    transport.connect(factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 4000)))
    transport.feed(b"USER tim\r\nPASS secret\r\n")
    drain(transport)
    commands = [command % number for number in range(1, count + 1)]

    def work() -> None:
        for piece in (b"".join(commands),) if pipelined else commands:
            transport.feed(piece)
            drain(transport)

    return timed(work)


def drain(transport: FakeTransport) -> None:
    while transport.settle() or transport.take():
        pass


if __name__ == "__main__":
    main()
