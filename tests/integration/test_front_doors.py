"""A real server behind sockets of systemd, a Unix socket and a proxy, and what ``mailsuite sessions`` tells of it."""

from __future__ import annotations

import contextlib
import json
import smtplib
import socket
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailsuite.testing.instance import Instance

MESSAGE = "Subject: hello\r\n\r\nhello\r\n"
#: What systemd does: the sockets are 3 and up, the variables name this very process.
ACTIVATE = """
import fcntl, os, sys
count = int(sys.argv[1])
kept = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 20) for fd in sys.argv[2:2 + count]]
for at, fd in enumerate(kept):
    os.dup2(fd, 3 + at)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(count), LISTEN_FDNAMES="smtp:lmtp")
os.execv(sys.argv[2 + count], sys.argv[2 + count:])
"""


@pytest.fixture(scope="module")
def passed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[socket.socket, socket.socket, Path]]:
    """What systemd would have opened: a TCP and a Unix socket."""
    path = tmp_path_factory.mktemp("run") / "lmtp"
    with socket.socket() as tcp, socket.socket(socket.AF_UNIX) as unix:
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        unix.bind(str(path))
        path.chmod(0o606)
        unix.listen()
        yield tcp, unix, path


@pytest.fixture(scope="module")
def instance(
    tmp_path_factory: pytest.TempPathFactory, passed: tuple[socket.socket, socket.socket, Path]
) -> Iterator[Instance]:
    instance = Instance(tmp_path_factory.mktemp("doors") / "i")
    listeners = """
[[listener]]
service = "smtp"
address = "systemd:smtp"
tls = "starttls"
proxy_from = ["host"]
xclient_from = ["203.0.113.0/24"]

[[listener]]
service = "lmtp"
address = "systemd:lmtp"

[[listener]]
service = "lmtp"
address = "unix:lmtp.sock"
mode = "0600"
"""
    instance.edit(lambda text: text + listeners)
    tcp, unix, _ = passed
    by = (sys.executable, "-c", ACTIVATE, "2", str(tcp.fileno()), str(unix.fileno()))
    instance.start(by=by, pass_fds=(tcp.fileno(), unix.fileno()))
    try:
        yield instance
    finally:
        assert instance.stop() == 0
    assert "Traceback" not in instance.log()


class UnixLMTP(smtplib.LMTP):
    """Over a Unix socket by its path."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), local_hostname="localhost", timeout=15)


@pytest.mark.parametrize("door", ["systemd", "own"])
def test_lmtp_over_a_unix_socket(instance: Instance, passed: tuple[object, object, Path], door: str) -> None:
    before = len(instance.delivered())
    with UnixLMTP(passed[2] if door == "systemd" else instance.folder / "lmtp.sock") as client:
        assert client.sendmail("al@far.test", [instance.account], MESSAGE) == {}
    assert b"Received: from localhost\n\tby mail.demo.test with LMTP id" in newest(instance, before)


def newest(instance: Instance, before: int) -> bytes:
    """The message that came after so many others."""
    instance.wait_until(lambda: len(instance.delivered()) > before, 15, "the message in its mailbox")
    return max(instance.delivered(), key=lambda path: path.stat().st_mtime_ns).read_bytes()


def test_a_unix_socket_has_the_mode_that_was_asked_for(instance: Instance, passed: tuple[object, object, Path]) -> None:
    assert stat.S_IMODE((instance.folder / "lmtp.sock").stat().st_mode) == 0o600
    assert stat.S_IMODE(passed[2].stat().st_mode) == 0o606, "systemd's is left alone"


@contextlib.contextmanager
def proxied(passed: tuple[socket.socket, object, object], client: str) -> Iterator[smtplib.SMTP]:
    """An SMTP session by way of a proxy."""

    class Proxy(smtplib.SMTP):
        def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
            link = socket.create_connection((host, port), timeout)
            link.sendall(f"PROXY TCP4 {client} 198.51.100.1 4444 25\r\n".encode())
            return link

    host, port = passed[0].getsockname()
    with Proxy(host, port, "client.test", timeout=15) as session:
        yield session


def test_behind_a_proxy_the_client_counts(instance: Instance, passed: tuple[socket.socket, object, object]) -> None:
    before = len(instance.delivered())
    with proxied(passed, "192.0.2.9") as session:
        session.sendmail("al@far.test", [instance.account], MESSAGE)
        with pytest.raises(smtplib.SMTPRecipientsRefused):  # the proxy is trusted, the client is not
            session.sendmail("al@far.test", ["x@elsewhere.test"], MESSAGE)
    assert b"([192.0.2.9])" in newest(instance, before)
    with proxied(passed, "192.0.2.9") as session:
        session.starttls()
        session.ehlo()
        session.sendmail("al@far.test", [instance.account], MESSAGE)


def test_without_a_header_a_proxied_port_says_nothing(passed: tuple[socket.socket, object, object]) -> None:
    with socket.create_connection(passed[0].getsockname(), 15) as link:
        link.sendall(b"EHLO x\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert link.recv(100) == b""


def test_sessions_are_told_to_the_administrator(
    instance: Instance, passed: tuple[socket.socket, object, object]
) -> None:
    with proxied(passed, "192.0.2.44"):
        found = json.loads(instance.command("sessions", "--json").stdout)
        table = instance.command("sessions").stdout
    (mine,) = [one for one in found["sessions"] if one["peer"] == "192.0.2.44:4444"]
    assert mine["service"] == "smtp"
    assert "192.0.2.44:4444" in table
    assert found["hits"]["no PROXY header"] >= 1


def test_sessions_without_a_server_says_so(tmp_path: Path) -> None:
    stopped = Instance(tmp_path / "i")
    with pytest.raises(RuntimeError, match="no server runs on this instance"):
        stopped.command("sessions")
