"""A program for ``test_imap_clients``: Twisted's own IMAP client works on a mailbox.

``imap_twisted.py PORT NAME PASSWORD FOLDER``: one file a message, as fetched; a copy of the first one in ``Box``.
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
    from twisted.mail.imap4 import IMAP4Client, MessageSet, PLAINAuthenticator

port, name, password, folder = int(sys.argv[1]), sys.argv[2].encode(), sys.argv[3].encode(), Path(sys.argv[4])


failed: list[str] = []


def stop(result: object) -> None:
    if isinstance(result, Failure):
        failed.append(result.getTraceback())
    reactor.stop()


async def work() -> None:
    client: Any = IMAP4Client()
    greeted: Deferred[None] = Deferred()
    client.serverGreeting = lambda capabilities: greeted.callback(None)
    client.registerAuthenticator(PLAINAuthenticator(name))
    await connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", port), client)
    await greeted
    await client.authenticate(password)
    await client.create("Box")
    await client.subscribe("Box")
    listed = {each[2] for each in await client.list("", "*")}
    subscribed = {each[2] for each in await client.lsub("", "*")}
    assert (listed, subscribed) == ({"INBOX", "Box"}, {"Box"}), (listed, subscribed)
    chosen = await client.select("INBOX")
    everything = MessageSet(1, chosen["EXISTS"])
    fetched = await client.fetchMessage(everything, uid=False)
    for number, parts in fetched.items():
        (folder / str(number)).write_bytes(parts["RFC822"].encode("latin-1", "surrogateescape"))
    assert (
        len(await client.fetchEnvelope(everything)) == len(await client.fetchBodyStructure(everything)) == len(fetched)
    )
    await client.addFlags("1", ["\\Flagged"], uid=True)
    assert await client.search("FLAGGED") == [1]
    await client.copy("1", "Box", uid=True)
    with (folder / "1").open("rb") as message:
        await client.append("INBOX", message, ("\\Seen",))
    assert (await client.status("INBOX", "MESSAGES"))["MESSAGES"] in (7, "7")
    assert (await client.status("Box", "MESSAGES"))["MESSAGES"] in (1, "1")
    await client.addFlags("1", ["\\Deleted"], uid=True)
    assert await client.expunge() == [1]
    await client.close()
    await client.rename("Box", "Box 2")
    await client.logout()


Deferred.fromCoroutine(work()).addErrback(lambda failure: failure.trap(ConnectionDone)).addBoth(stop)
reactor.run()
sys.exit("".join(failed) or 0)
