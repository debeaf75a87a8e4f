"""Other mail servers beside ours: Postfix with a configuration of its own, and Exim as a program that sends at once.

Both want to be root, for they change to users of their own; what they write is in a folder below /tmp that those users
can reach.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from senders import run

from mailsuite.testing.instance import Instance

#: Owner of the mail that Postfix delivers; it needs no name.
MAIL_USER = 5000

_MAIN = """
compatibility_level = 3.6
queue_directory = {here}/spool
data_directory = {here}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.postfix.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
maillog_file = {here}/maillog
maillog_file_prefixes = /
virtual_mailbox_domains = postfix.test
virtual_mailbox_base = {here}/mail
virtual_mailbox_maps = inline:{{ {{ box@postfix.test = box/ }} }}
virtual_uid_maps = static:{user}
virtual_gid_maps = static:{user}
smtpd_tls_security_level = may
smtpd_tls_cert_file = {instance.folder}/certificate.pem
smtpd_tls_key_file = {instance.folder}/key.pem
smtpd_tls_received_header = yes
smtp_tls_security_level = verify
smtp_tls_verify_cert_match = localhost
smtp_tls_CAfile = {instance.authority}
relayhost = [127.0.0.1]:{smtp}
transport_maps = inline:{{ {{ lmtp.test = lmtp:inet:[127.0.0.1]:{lmtp} }} }}
lmtp_tls_security_level = may
lmtp_tls_CAfile = {instance.authority}
"""

_EXIM = """
primary_hostname = exim.test
spool_directory = {here}/spool
log_file_path = {here}/%slog
exim_path = {exim}
trusted_users = root
host_lookup =
qualify_domain = exim.test
never_users =
begin acl
begin routers
send:
  driver = manualroute
  transport = smtp
  route_list = * 127.0.0.1 byname
  self = send
begin transports
smtp:
  driver = smtp
  port = {port}
  allow_localhost
  tls_verify_certificates = {instance.authority}
  tls_verify_hosts = *
  tls_verify_cert_hostnames = :
  hosts_require_tls = *
begin retry
"""


def require_root() -> None:
    """Postfix and Exim do not run for anybody else; .ci/run, where it is somebody else, runs these tests with sudo."""
    if os.geteuid() != 0:
        pytest.skip("other mail servers need root")


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach, unlike pytest's."""
    with tempfile.TemporaryDirectory(prefix="mailsuite-peer-") as name:
        os.chmod(name, 0o755)
        yield Path(name)


class Postfix:
    """A Postfix of its own: mail for postfix.test stays there, for lmtp.test goes to the instance by LMTP, all other
    to it by SMTP, both ways under TLS."""

    def __init__(self, here: Path, instance: Instance) -> None:
        self.here = here
        self.port = _free_port()
        for name in ("etc", "data", "spool", "mail"):
            (here / name).mkdir()
        shutil.chown(here / "data", "postfix")
        os.chown(here / "mail", MAIL_USER, MAIL_USER)
        ports = {"smtp": instance.ports["smtp"], "lmtp": instance.ports["lmtp"]}
        (here / "etc/main.cf").write_text(_MAIN.format(here=here, instance=instance, user=MAIL_USER, **ports))
        (here / "etc/master.cf").write_text(self._services())

    def _services(self) -> str:
        """Debian's, not in a chroot, on our port."""
        here = f"127.0.0.1:{self.port} inet"
        text = Path("/usr/share/postfix/master.cf.dist").read_text()
        return re.sub(r"(?m)^(\w\S*(?:\s+\S+){3}\s+)y(?=\s)", r"\1n", re.sub(r"(?m)^smtp\s+inet", here, text))

    def log(self) -> str:
        file = self.here / "maillog"
        return file.read_text(errors="replace") if file.exists() else ""

    def delivered(self) -> list[Path]:
        return [path for path in (self.here / "mail").rglob("new/*") if path.is_file()]

    @contextlib.contextmanager
    def running(self) -> Iterator[Postfix]:
        run("postfix", "-c", str(self.here / "etc"), "start")
        try:
            _until_it_answers(self.port)
            yield self
        finally:
            run("postfix", "-c", str(self.here / "etc"), "stop")


class Exim:
    """Exim without a daemon: it is given a message and sends it to the instance before it ends, always under TLS."""

    def __init__(self, exim: str, here: Path, instance: Instance) -> None:
        self._exim = exim
        self.here = here
        (here / "spool").mkdir()
        for name in (here, here / "spool"):
            shutil.chown(name, "Debian-exim", "Debian-exim")
        self._config = here / "exim.conf"
        self._config.write_text(
            _EXIM.format(here=here, exim=os.path.realpath(exim), instance=instance, port=instance.ports["smtp"])
        )
        authority = here / "ca.pem"
        authority.write_bytes(instance.authority.read_bytes())
        self._config.write_text(self._config.read_text().replace(str(instance.authority), str(authority)))

    def send(self, recipient: str, message: bytes) -> None:
        """A message with LF line ends, from someone@far.test."""
        command = [self._exim, "-C", str(self._config), "-odf", "-i", "-f", "someone@far.test", recipient]
        done = subprocess.run(command, input=message, capture_output=True, timeout=30, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "=> " in self.log(), self.log()

    def log(self) -> str:
        return "".join(path.read_text(errors="replace") for path in self.here.glob("*log"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _until_it_answers(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing answers on port {port}")
