"""The servers that are measured: private instances on loopback that look the same to a client."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from bench.figures.daemon import daemon
from mailsuite.cli.instance import open_records
from mailsuite.directory.passwords import hash_password
from mailsuite.testing.foreign import MAIL_USER, configure_postfix, free_port, open_folder, until_it_answers
from mailsuite.testing.instance import PASSWORD, Instance

CROWD = "20000"
#: The local part of who has mail.
USER = "demo"

#: Of main.cf.
_POSTFIX = {
    "myhostname": "mx.bench.test",
    "smtpd_client_connection_count_limit": "2000",
    "in_flow_delay": "0",
    "default_destination_concurrency_limit": "100",
    "initial_destination_concurrency": "100",
    "virtual_mailbox_domains": "demo.test",
    "virtual_mailbox_maps": "static:box/",
}

_DOVECOT = """
base_dir = {here}/run
state_dir = {here}/state
instance_name = bench-{imap}
protocols = imap pop3
listen = 127.0.0.1
log_path = {here}/log
ssl = no
disable_plaintext_auth = no
mail_location = maildir:{here}/mail/%n/Maildir
mail_uid = {user}
mail_gid = {user}
first_valid_uid = 100
mail_max_userip_connections = {crowd}
default_client_limit = 9000
auth_mechanisms = plain
{passwords}
userdb {{
  driver = static
  args = uid={user} gid={user} home={here}/mail/%n
}}
namespace inbox {{
  inbox = yes
}}
service anvil {{
  client_limit = 18000
}}
service auth {{
  client_limit = 18000
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
  service_count = 0
  process_min_avail = 2
  client_limit = 5000
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
  service_count = 0
  process_min_avail = 2
}}
service imap {{
  service_count = 1000
  process_limit = 9000
}}
"""

#: All have the one password; or what ours keeps, argon2id hashes, and its cache.
_CLEAR = f"passdb {{\n driver = static\n args = password={PASSWORD}\n}}"
_HASHED = """
auth_cache_size = 10M
passdb {{
  driver = passwd-file
  args = {here}/people
}}
"""


class Served(msgspec.Struct, frozen=True):
    """A running server.  ``inbox``: the Maildir of ``user``; ``pid``: of its first process; ``imaps``: over TLS, 0
    where that is not measured."""

    pid: int
    inbox: Path
    user: str = ""
    password: str = ""
    smtp: int = 0
    imap: int = 0
    imaps: int = 0
    pop3: int = 0

    def person(self, number: int) -> str:
        """The name by which one of many logs in, with the same password."""
        return f"p{number}{self.user[len(USER) :]}"


@contextlib.contextmanager
def ours(relay: int = 0, dns: int = 0, inbox: Path | None = None, people: int = 0) -> Iterator[Served]:
    """``relay``: the port of other servers, whose names ``dns`` knows.  ``inbox``: files to begin with.  ``people``:
    how many have an account beside the one with the files."""
    with tempfile.TemporaryDirectory(prefix="bench-ours") as folder:
        instance = Instance(Path(folder) / "server", account=USER)
        for key in ("connections", "connections_per_address"):
            instance.set("limits", key, CROWD)
        instance.set("relay", "at_once", "100")
        instance.set("relay", "per_destination", "100")
        if dns:
            instance.route_by(dns, relay)
        local, _, domain = instance.account.partition("@")
        maildir = instance.folder / "store" / domain / local / "Maildir"
        if inbox is not None:
            shutil.copytree(inbox, maildir, copy_function=os.link)
        ports = instance.ports
        known = {name: ports[name] for name in ("smtp", "imap", "imaps", "pop3")}
        served = Served(0, maildir, instance.account, PASSWORD, **known)
        if people:
            with open_records(str(instance.config)) as records:
                for number in range(people):
                    records.add_account(served.person(number), PASSWORD)
        try:
            instance.start(60)
            yield msgspec.structs.replace(served, pid=instance.pid)
        finally:
            instance.stop()


def why_not(program: str) -> str:
    """What keeps that peer from being started here; empty if nothing does."""
    if os.geteuid() != 0:
        return "only root can start it"
    return "" if shutil.which(program) else "it is not installed"


def can_have(program: str) -> bool:
    """Whether that peer can be started here; if not, it is told why."""
    if why := why_not(program):
        print(f"{program} is left out: {why}", file=sys.stderr)
    return not why


@contextlib.contextmanager
def postfix(relay: int = 0) -> Iterator[Served]:
    """Delivers demo.test into one Maildir, all other mail to ``relay``."""
    with open_folder("bench-postfix") as here:
        port = free_port()
        relayhost = f"[127.0.0.1]:{relay}" if relay else ""
        order = configure_postfix(here, port, {**_POSTFIX, "relayhost": relayhost}, processes="200")
        with daemon([*order, "start"], [*order, "stop"], here / "spool/pid/master.pid") as pid:
            until_it_answers(port)
            yield Served(pid, here / "mail/box", smtp=port)


@contextlib.contextmanager
def dovecot(inbox: Path | None = None, people: int = 0) -> Iterator[Served]:
    """In its fast mode: login and imap processes are used again.  It has no index of ``inbox`` yet.  It is given the
    password in clear; if there are ``people``, theirs as argon2id hashes."""
    with open_folder("bench-dovecot") as here:
        imap, pop3 = free_port(), free_port()
        for name in ("run", "state", "mail"):
            (here / name).mkdir()
        maildir = here / "mail" / USER / "Maildir"
        if inbox is not None:
            shutil.copytree(inbox, maildir, copy_function=os.link)
        subprocess.run(["chown", "-R", f"{MAIL_USER}:{MAIL_USER}", str(here / "mail")], check=True)
        served = Served(0, maildir, USER, PASSWORD, imap=imap, pop3=pop3)
        names = map(served.person, range(people))
        (here / "people").write_text("".join(f"{name}:{{ARGON2ID}}{hash_password(PASSWORD)}\n" for name in names))
        passwords = _HASHED.format(here=here) if people else _CLEAR
        values = {"imap": imap, "pop3": pop3, "user": MAIL_USER, "passwords": passwords, "crowd": CROWD}
        (here / "dovecot.conf").write_text(_DOVECOT.format(here=here, **values))
        given = ["-c", str(here / "dovecot.conf")]
        with daemon(["dovecot", *given], ["doveadm", *given, "stop"], here / "run/master.pid") as pid:
            until_it_answers(imap)
            yield msgspec.structs.replace(served, pid=pid)
