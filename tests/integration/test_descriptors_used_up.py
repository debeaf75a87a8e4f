"""A server that has no file descriptor left: it lives, it does not spin, and it serves again when there are some."""

from __future__ import annotations

import contextlib
import os
import resource
import smtplib
import socket
import time
from pathlib import Path

from mailsuite.testing.instance import Instance, running

MESSAGE = b"From: a@b.test\r\nSubject: hello\r\n\r\nhello\r\n"


def processor_time(pid: int) -> float:
    """Seconds that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_no_descriptor_left_is_survived(tmp_path: Path) -> None:
    with running(Instance(tmp_path / "i")) as instance:
        with smtplib.SMTP("127.0.0.1", instance.ports["smtp"], timeout=30) as client:
            client.sendmail("a@b.test", [instance.account], MESSAGE)  # everything is loaded now
        used = len(os.listdir(f"/proc/{instance.pid}/fd"))
        resource.prlimit(instance.pid, resource.RLIMIT_NOFILE, (used + 10, used + 10))
        clients = [socket.create_connection(("127.0.0.1", instance.ports["smtp"]), 10) for _ in range(40)]
        time.sleep(0.5)
        before = processor_time(instance.pid)
        time.sleep(1.0)
        assert processor_time(instance.pid) - before < 0.3
        answered = 0
        for one in clients:
            one.settimeout(5)
            with contextlib.suppress(ConnectionResetError):
                answered += one.recv(4).startswith(b"220")
            one.close()
        assert 0 < answered < 40
        instance.wait_until(lambda: len(os.listdir(f"/proc/{instance.pid}/fd")) <= used + 2, 10, "connections to end")
        with smtplib.SMTP("127.0.0.1", instance.ports["smtp"], timeout=30) as client:
            client.sendmail("a@b.test", [instance.account], MESSAGE)
        assert len(instance.arrived(2)) == 2


def test_soft_limit_is_raised_at_the_start_and_a_low_hard_one_told(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    instance = Instance(tmp_path / "i")
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        with running(instance):
            assert resource.prlimit(instance.pid, resource.RLIMIT_NOFILE)[0] > 2000
            assert "files may be open" not in instance.log()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    instance.set("limits", "connections", "100000")
    hard = before[1]
    if 0 < hard < 200_000:
        with running(instance):
            assert instance.log().count(f"only {hard} files may be open") == 1
