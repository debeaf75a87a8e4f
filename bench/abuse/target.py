"""The server that is abused: a real one as a child, with short time-outs so that a case takes seconds."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from mailsuite.testing.children import child
from mailsuite.testing.instance import Instance

#: Time-outs in seconds that clients meet here; the defaults are minutes.
TIMEOUTS = {"smtp": 6, "smtp_greeting": 4, "smtp_data": 5, "login": 5, "pop3": 8, "imap": 8}
ATTACKER = "mallory"
#: Where ``bench`` is found.
CHECKOUT = Path(__file__).parents[2]
#: Connections at once, of all.
CONNECTIONS = 400


def make(folder: Path, dns_port: int) -> Instance:
    """Not started.  The polite account is the instance's own, the attacker's ``mallory``; nobody is trusted."""
    instance = Instance(folder)
    instance.command("user", "add", f"{ATTACKER}@{instance.domain}", "--password-stdin", input=instance.password + "\n")
    for key, seconds in TIMEOUTS.items():
        instance.set("timeouts", key, str(seconds))
    instance.edit(lambda text: re.sub(r"trusted_networks = .*", "trusted_networks = []", text))
    instance.set("limits", "connections", str(CONNECTIONS))
    instance.set("dns", "nameservers", f'["127.0.0.1:{dns_port}"]')
    instance.set("dns", "timeout", "5")
    instance.set("relay", "port", "9")
    return instance


@contextlib.contextmanager
def name_server() -> Iterator[int]:
    """The port of a name server with zones that no sane person has, in a process of its own.  Ctrl-C is not for it: it
    ends when its standard input does, whatever happens here."""
    order = [sys.executable, "-m", "bench.abuse.zones"]
    pipe = subprocess.PIPE
    with child(lambda: subprocess.Popen(order, stdin=pipe, stdout=pipe, cwd=CHECKOUT, start_new_session=True)) as zones:
        assert zones.stdout is not None
        yield int(zones.stdout.readline())


@contextlib.contextmanager
def target(folder: Path) -> Iterator[Instance]:
    """A running server; killed at the end if it does not stop."""
    with name_server() as dns_port:
        instance = make(folder, dns_port)
        try:
            instance.start()
            yield instance
        finally:
            instance.stop()
