"""Other mail servers beside ours: Postfix with a configuration of its own, and Exim as a program that sends at once.

Both want to be root, for they change to users of their own; what they write is in an open folder
(``mailsuite.testing.foreign``).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from senders import run

from mailsuite.testing.foreign import configure_postfix, free_port, until_it_answers
from mailsuite.testing.instance import Instance

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


class Postfix:
    """A Postfix of its own: mail for postfix.test stays there, for lmtp.test goes to the instance by LMTP, all other
    to it by SMTP, both ways under TLS."""

    def __init__(self, here: Path, instance: Instance) -> None:
        self.here = here
        self.port = free_port()
        self._order = configure_postfix(here, self.port, self._settings(instance))

    def _settings(self, instance: Instance) -> dict[str, str]:
        return {
            "myhostname": "mx.postfix.test",
            "virtual_mailbox_domains": "postfix.test",
            "virtual_mailbox_maps": "inline:{ { box@postfix.test = box/ } }",
            "smtpd_tls_security_level": "may",
            "smtpd_tls_cert_file": f"{instance.folder}/certificate.pem",
            "smtpd_tls_key_file": f"{instance.folder}/key.pem",
            "smtpd_tls_received_header": "yes",
            "smtp_tls_security_level": "verify",
            "smtp_tls_verify_cert_match": "localhost",
            "smtp_tls_CAfile": str(instance.authority),
            "relayhost": f"[127.0.0.1]:{instance.ports['smtp']}",
            "transport_maps": f"inline:{{ {{ lmtp.test = lmtp:inet:[127.0.0.1]:{instance.ports['lmtp']} }} }}",
            "lmtp_tls_security_level": "may",
            "lmtp_tls_CAfile": str(instance.authority),
        }

    def log(self) -> str:
        file = self.here / "maillog"
        return file.read_text(errors="replace") if file.exists() else ""

    def delivered(self) -> list[Path]:
        return [path for path in (self.here / "mail").rglob("new/*") if path.is_file()]

    @contextlib.contextmanager
    def running(self) -> Iterator[Postfix]:
        run(*self._order, "start")
        try:
            until_it_answers(self.port)
            yield self
        finally:
            run(*self._order, "stop")


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
