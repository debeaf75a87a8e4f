"""What a mail server that is not ours needs to run beside us: a folder, a port, and Postfix its configuration.

All of it is on loopback and below /tmp.  Foreign servers want to be root, and change to users of their own, who have to
reach their folder.  Blocking; whoever starts a server ends it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

#: Owner of the mail that they deliver; it needs no name.
MAIL_USER = 5000

#: Of every Postfix here; it delivers into Maildirs below ``mail``.
_POSTFIX = """
compatibility_level = 3.6
queue_directory = {here}/spool
data_directory = {here}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
maillog_file = {here}/maillog
maillog_file_prefixes = /
virtual_mailbox_base = {here}/mail
virtual_uid_maps = static:{user}
virtual_gid_maps = static:{user}
"""
#: Its services as Debian has them.
_SERVICES = Path("/usr/share/postfix/master.cf.dist")
_IN_CHROOT = re.compile(r"(?m)^(\w\S*(?:\s+\S+){3}\s+)y(?=\s)")
_RECEIVES = re.compile(r"(?m)^smtp +inet .*")


@contextlib.contextmanager
def open_folder(prefix: str) -> Iterator[Path]:
    """A folder that every user can reach, unlike pytest's."""
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as name:
        os.chmod(name, 0o755)
        yield Path(name)


def free_port() -> int:
    """Of loopback; another process could still take it before it is used."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until_it_answers(port: int) -> None:
    """TimeoutError if nothing does within some ten seconds."""
    for _ in range(200):
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing answers on port {port}")


def configure_postfix(here: Path, port: int, settings: Mapping[str, str], processes: str = "-") -> list[str]:
    """A Postfix that is all in ``here``, an empty folder that every user can reach, and receives on ``port`` by so many
    ``processes`` at most (its default: 100); ``settings`` of main.cf beside ours.  Gives the command to which ``start``
    and ``stop`` are added."""
    for name in ("etc", "data", "spool", "mail"):
        (here / name).mkdir()
    shutil.chown(here / "data", "postfix")
    os.chown(here / "mail", MAIL_USER, MAIL_USER)
    own = "".join(f"{name} = {value}\n" for name, value in settings.items())
    (here / "etc/main.cf").write_text(_POSTFIX.format(here=here, user=MAIL_USER) + own)
    services = _RECEIVES.sub(f"127.0.0.1:{port} inet n - n - {processes} smtpd", _SERVICES.read_text())
    (here / "etc/master.cf").write_text(_IN_CHROOT.sub(r"\1n", services))
    return ["postfix", "-c", str(here / "etc")]
