"""A program for ``test_pop3_clients``: Twisted's own POP3 client fetches by APOP, marks the first message and quits.

``pop3_twisted.py PORT NAME SECRET FOLDER``: one file a message, and ``facts`` with what else it was told.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from twisted.mail.pop3 import AdvancedPOP3Client

port, name, secret, folder = int(sys.argv[1]), sys.argv[2].encode(), sys.argv[3].encode(), Path(sys.argv[4])


def stop(result: object) -> None:
    if isinstance(result, Failure):
        print(result.getTraceback(), file=sys.stderr)
    reactor.stop()


async def fetch() -> None:
    client: Any = AdvancedPOP3Client()
    greeted: Deferred[None] = Deferred()
    client.serverGreeting = lambda greeting: greeted.callback(None)
    await connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", port), client)
    await greeted
    assert client.serverChallenge, "no timestamp in the greeting"
    await client.login(name, secret)
    capabilities = await client.capabilities()
    count, octets = await client.stat()
    sizes, names = await client.listSize(), await client.listUID()
    assert (len(sizes), sum(sizes), len(set(names))) == (count, octets, count)
    retrieved = [client.retrieve(index) for index in range(count)]  # pipelined
    for index, waiting in enumerate(retrieved):
        (folder / str(index)).write_bytes(b"".join(line + b"\n" for line in await waiting))
    assert len(await client.retrieve(0, lines=1)) <= len((folder / "0").read_bytes().split(b"\n"))
    await client.delete(0)
    await client.reset()
    await client.delete(count - 1)
    (folder / "facts").write_text(repr(sorted(capabilities)))
    await client.quit()


Deferred.fromCoroutine(fetch()).addErrback(lambda failure: failure.trap(ConnectionDone)).addBoth(stop)
reactor.run()
