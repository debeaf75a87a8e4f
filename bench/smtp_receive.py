"""What the reactor thread spends on a message that comes through a socket.

    python -m bench.smtp_receive [--messages N] [--sessions N] [--size OCTETS] [--runs N] [--calls] [--profile]

Reactor, sockets, directory, policy, spool and log are the real ones; the delivery throws messages away and answers in
the next turn of the loop.  The client is Postfix's ``smtp-source``.  Prints microseconds of processor time of the
reactor's thread a message and messages a second, over connections that are used again and with a connection for each
message, the best of several runs; with ``--calls`` also the system calls a message (``strace`` counts them, in a run of
its own).  Example: ``python -m bench.smtp_receive --sessions 100 --calls``.
"""

from __future__ import annotations

import argparse
import contextlib
import cProfile
import os
import pstats
import random
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from twisted.internet import endpoints, reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.internet.utils import getProcessValue
from twisted.logger import globalLogBeginner, textFileLogObserver
from zope.interface import implementer

from bench.program import Arguments
from mailsuite.directory.database import Database, create
from mailsuite.directory.lookup import Lookups
from mailsuite.directory.quotas import Quotas
from mailsuite.directory.records import Records
from mailsuite.directory.sqlite import SQLiteDirectory
from mailsuite.disk.real import RealDisk
from mailsuite.disk.spool import Spool
from mailsuite.interfaces import IDelivery, IDraft
from mailsuite.model import Destination, Envelope
from mailsuite.net.login import Login
from mailsuite.net.prompt import send_at_once
from mailsuite.net.sessions import Admission
from mailsuite.net.smtp_factory import SMTPServerFactory
from mailsuite.net.smtp_settings import SMTPSettings
from mailsuite.net.throttle import Throttle
from mailsuite.offload import Offload
from mailsuite.policy.ordered import OrderedPolicy, standard_checks
from mailsuite.services.ids import message_ids
from mailsuite.store.maildir import MaildirStores
from mailsuite.testing.queue import MemoryQueue, NotedReports


@implementer(IDelivery)
class Discarding:
    """Counts what it is given, and answers all that came in one turn of the loop together."""

    def __init__(self, spool: Spool) -> None:
        self.taken = 0
        self._spool = spool
        self._waiting: list[Deferred[None]] = []

    def draft(self) -> IDraft:
        return self._spool.draft()

    def commit(
        self, draft: IDraft, envelope: Envelope, trace: bytes, destinations: Sequence[Destination]
    ) -> Deferred[None]:
        draft.discard()
        if not self._waiting:
            reactor.callLater(0, self._answer)
        answer: Deferred[None] = Deferred()
        self._waiting.append(answer)
        return answer

    def _answer(self) -> None:
        waiting, self._waiting = self._waiting, []
        self.taken += len(waiting)
        for answer in waiting:
            answer.callback(None)


class Server:
    """An SMTP server of its own with one account."""

    def __init__(self, folder: Path) -> None:
        path = str(folder / "directory.sqlite")
        create(path)
        database = Database(path)
        records = Records(database, Lookups(database))
        records.add_domain("here.test")
        records.add_account("bob@here.test", "bob", weak=True)
        database.close()
        os.utime(path, (1e9, 1e9))  # long ago, so that what it says may be remembered
        self.offload = Offload(reactor)
        self.offload.start()
        directory = SQLiteDirectory(path, self.offload, reactor)
        quotas = Quotas(path)
        stores = MaildirStores(str(folder / "store"), RealDisk(), self.offload, reactor, "mx.here.test", quotas)
        spool = Spool(str(folder / "spool"), self.offload)
        spool.clean()
        self.delivery = Discarding(spool)
        self.factory = SMTPServerFactory(
            SMTPSettings("mx.here.test"),
            directory,
            OrderedPolicy(standard_checks(1 << 26, 100, stores.room)),
            self.delivery,
            Login(directory, Throttle(reactor), reactor),
            Admission(1000, 1000),
            None,
            reactor,
            message_ids(reactor.seconds, random.Random()),
            NotedReports(),
            MemoryQueue(reactor),
        )


async def send(port: int, options: argparse.Namespace, again: bool) -> None:
    """All messages."""
    counts = [*(["-d"] if again else []), "-s", str(options.sessions), "-m", str(options.messages)]
    ends = ["-l", str(options.size), "-f", "alice@far.test", "-t", "bob@here.test", f"127.0.0.1:{port}"]
    status = await getProcessValue("smtp-source", [*counts, *ends], os.environ)
    if status:
        raise RuntimeError(f"smtp-source ended with {status}")


@contextlib.contextmanager
def counted_calls() -> Iterator[dict[str, int]]:
    """The system calls of this process by name, known at the end."""
    calls: dict[str, int] = {}
    with tempfile.NamedTemporaryFile("r") as table:
        columns = ["-U", "calls,name", "-o", table.name]
        strace = subprocess.Popen(["strace", "-qq", "-c", *columns, "-p", str(os.getpid())])
        time.sleep(0.5)
        yield calls
        strace.terminate()
        strace.wait()
        calls.update((name, int(count)) for count, name in re.findall(r"^ *(\d+) ([a-z_0-9]+)$", table.read(), re.M))
    calls.pop("total", None)


async def run(server: Server, options: argparse.Namespace) -> None:
    port = await endpoints.TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(server.factory)
    send_at_once(port)
    for again in (True, False):
        await measure(server, port.getHost().port, options, again)
    await port.stopListening()


async def measure(server: Server, port: int, options: argparse.Namespace, again: bool) -> None:
    best, fastest = float("inf"), float("inf")
    for _ in range(options.runs):
        spent, began, taken = time.thread_time(), time.perf_counter(), server.delivery.taken
        await send(port, options, again)
        fastest = min(fastest, time.perf_counter() - began)
        best = min(best, time.thread_time() - spent)
        if server.delivery.taken != taken + options.messages:
            raise RuntimeError(f"{server.delivery.taken - taken} of {options.messages} messages were taken")
    name = "connections used again" if again else "a connection a message"
    print(f"{name}: {best / options.messages * 1e6:6.1f} us a message, {options.messages / fastest:.0f}/s")
    if options.calls:
        with counted_calls() as calls:
            await send(port, options, again)
        shares = sorted(((count / options.messages, call) for call, count in calls.items()), reverse=True)
        print("  calls a message:", ", ".join(f"{call} {share:.1f}" for share, call in shares if share >= 0.1))
    if options.profile:
        profile = cProfile.Profile()
        profile.enable()
        await send(port, options, again)
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(40)


def main() -> None:
    parser = Arguments(__doc__)
    parser.count("--messages", 3000, "messages of a run")
    parser.count("--sessions", 20, "connections at a time")
    parser.size(4096, "octets of a message")
    parser.count("--runs", 3, "runs, of which the best counts")
    parser.add_argument("--calls", action="store_true", help="count system calls, too")
    parser.profile()
    options = parser.parse_args()
    parser.needs("smtp-source", "Postfix")
    if options.calls:
        parser.needs("strace", "a package of that name")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, open(f"{folder}/log", "w") as log:
        globalLogBeginner.beginLoggingTo([textFileLogObserver(log)], redirectStandardIO=False)
        server = Server(Path(folder))
        try:
            react(lambda _: Deferred.fromCoroutine(run(server, options)))
        finally:
            server.offload.stop()


if __name__ == "__main__":
    main()
