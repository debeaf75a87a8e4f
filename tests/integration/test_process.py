"""The process: starting, stopping, surviving."""

from __future__ import annotations

import grp
import imaplib
import os
import pwd
import re
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from mailsuite.testing.dns import DNSServer
from mailsuite.testing.instance import Instance, running

MESSAGE = b"From: a@b.test\r\nTo: demo@demo.test\r\nSubject: hello\r\n\r\nhello\r\n"
#: Octets of a body that everybody expects to get through; its header comes on top.
BIG = 50 * 1024 * 1024


def memory(pid: int) -> int:
    """Resident octets of a process."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def test_sigterm_lets_a_command_in_flight_finish_and_exits_0(tmp_path: Path) -> None:
    instance = Instance(tmp_path / "i")
    instance.start()
    with socket.create_connection(("127.0.0.1", instance.ports["smtp"]), 10) as client:
        reader = client.makefile("rb")
        reader.readline()
        for line in (b"EHLO me\r\n", b"MAIL FROM:<a@b.test>\r\n", b"RCPT TO:<demo@demo.test>\r\n", b"DATA\r\n"):
            client.sendall(line)
            while reader.readline()[3:4] == b"-":
                pass
        client.sendall(MESSAGE)
        os.kill(instance.pid, signal.SIGTERM)
        time.sleep(0.3)
        with pytest.raises(OSError, match=r".*"):
            socket.create_connection(("127.0.0.1", instance.ports["smtp"]), 2).close()
        client.sendall(b".\r\n")
        assert reader.readline().startswith(b"250 ")
        assert reader.readline()[:3] in (b"421", b"")
    assert instance.stop() == 0
    assert len(instance.delivered()) == 1


def test_answer_to_a_delivery_notice_is_taken_from_a_stranger(tmp_path: Path) -> None:
    """RFC 5321 §4.5.1: notices come from postmaster@hostname."""
    instance = Instance(tmp_path / "i")
    instance.edit(lambda text: re.sub(r"trusted_networks = .*", "trusted_networks = []", text))
    with running(instance), smtplib.SMTP("127.0.0.1", instance.ports["smtp"], "b.test", 10) as smtp:
        assert smtp.sendmail("a@b.test", "postmaster@mail.demo.test", MESSAGE) == {}
        assert len(instance.arrived(1)) == 1
        smtp.mail("a@b.test")
        assert smtp.rcpt("demo@mail.demo.test")[0] == 550


def test_daemon_writes_a_pidfile_and_ends_on_sigterm(tmp_path: Path) -> None:
    instance = Instance(tmp_path / "i")
    pidfile, log = tmp_path / "pid", tmp_path / "log"
    twistd = os.path.join(os.path.dirname(sys.executable), "twistd")
    command = [twistd, f"--pidfile={pidfile}", f"--logfile={log}", "mailsuite", "--config", str(instance.config)]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=30)
    instance.wait_until(pidfile.exists, 10, "the pidfile")
    pid = int(pidfile.read_text())
    try:
        instance.wait_until(lambda: "ready" in log.read_text(), 20, "the ready line")
        with imaplib.IMAP4("127.0.0.1", instance.ports["imap"]) as imap:
            imap.login(instance.account, instance.password)
    finally:
        os.kill(pid, signal.SIGTERM)
    instance.wait_until(lambda: not pidfile.exists(), 20, "the pidfile to go")
    instance.wait_until(lambda: not is_running(pid), 20, "the end of the daemon")
    assert "stopped" in log.read_text()


def is_running(pid: int) -> bool:
    """Neither gone nor a zombie that nobody waits for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def numbers(key: str, status: str) -> list[int]:
    """One line of ``/proc/PID/status``."""
    found = re.search(rf"^{key}:\s+(.*)$", status, re.MULTILINE)
    assert found is not None
    return [int(word) for word in found[1].split()]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up root")
def test_uid_and_gid_are_taken_after_ports_are_bound() -> None:
    with tempfile.TemporaryDirectory(prefix="mailsuite-uid-") as folder:  # one that another user can reach
        subprocess.run(["chmod", "0755", folder], check=True)
        instance = Instance(Path(folder) / "i")
        subprocess.run(["chown", "-R", "nobody:nogroup", str(instance.folder)], check=True)
        start_as_nobody(instance)


def start_as_nobody(instance: Instance) -> None:
    instance.edit(lambda text: text.replace(f"port = {instance.ports['smtp']}\n", "port = 987\n", 1))
    twistd = os.path.join(os.path.dirname(sys.executable), "twistd")
    command = [
        twistd,
        "-n",
        "--pidfile=",
        "--uid=nobody",
        "--gid=nogroup",
        "mailsuite",
        "--config",
        str(instance.config),
    ]
    with instance.log_file.open("ab") as log:
        process = subprocess.Popen(command, cwd=instance.folder, stdout=log, stderr=log)
    try:
        instance.wait_until(lambda: "ready" in instance.log(), 20, "the ready line")
        status = Path(f"/proc/{process.pid}/status").read_text()
        nobody, nogroup = pwd.getpwnam("nobody").pw_uid, grp.getgrnam("nogroup").gr_gid
        assert numbers("Uid", status) == [nobody] * 4
        assert numbers("Gid", status) == [nogroup] * 4
        assert set(numbers("Groups", status)) <= {nogroup}, "root's groups are still there"
        with smtplib.SMTP("127.0.0.1", 987, timeout=10) as client:
            client.sendmail("a@b.test", [instance.account], MESSAGE)
    finally:
        process.terminate()
    assert process.wait(20) == 0
    (delivered,) = instance.arrived(1)
    assert (delivered.stat().st_uid, delivered.stat().st_gid) == (nobody, nogroup)
    assert delivered.stat().st_mode & 0o077 == 0


def test_large_message_arrives_through_the_disk_not_through_memory(tmp_path: Path) -> None:
    with running(Instance(tmp_path / "i")) as instance:
        with smtplib.SMTP("127.0.0.1", instance.ports["smtp"], timeout=120) as client:
            client.sendmail("a@b.test", [instance.account], MESSAGE)  # everything is loaded now
            before = memory(instance.pid)
            line = b"0123456789abcdef" * 4 + b"\r\n"
            big = MESSAGE + line * (BIG // len(line) + 1)
            client.sendmail("a@b.test", [instance.account], big)
            peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{instance.pid}/status").read_text())
        assert peak is not None
        grown = int(peak[1]) * 1024 - before
        assert grown < 20 * 1024 * 1024, f"grew by {grown / 1e6:.1f} MB"
        sizes = sorted(path.stat().st_size for path in instance.arrived(2))
        assert len(sizes) == 2
        assert sizes[1] > BIG * 65 // 66  # in lines that end in LF


def test_no_password_and_no_body_in_the_log(tmp_path: Path) -> None:
    with running(Instance(tmp_path / "i")) as instance:
        with smtplib.SMTP("127.0.0.1", instance.ports["submission"], timeout=30) as client:
            client.login(instance.account, instance.password)
            client.sendmail(instance.account, [instance.account], MESSAGE + b"a secret sentence\r\n")
        with pytest.raises(imaplib.IMAP4.error), imaplib.IMAP4("127.0.0.1", instance.ports["imap"]) as imap:
            imap.login(instance.account, "a wrong password")
    log = instance.log()
    assert "secret sentence" not in log
    assert instance.password not in log
    assert "a wrong password" not in log
    assert "=demo@demo.test" in log or "demo@demo.test" in log


def test_queue_survives_kill_and_reaches_the_next_host_later(tmp_path: Path) -> None:
    b = Instance(tmp_path / "b", "b.test")
    zone = {"b.test": {"MX": ["10 mx.b.test"]}, "mx.b.test": {"A": ["127.0.0.1"]}}
    with DNSServer(zone) as dns:
        a = Instance(tmp_path / "a", "a.test")
        a.route_by(dns.port, b.ports["smtp"])
        a.start()
        with smtplib.SMTP("127.0.0.1", a.ports["smtp"], timeout=30) as client:
            for number in range(20):
                client.sendmail("x@a.test", [b.account], b"Subject: %d\r\n\r\nqueued\r\n" % number)
        a.kill()
        with running(b), running(a):
            a.command("queue", "flush")
            b.wait_until(lambda: len(b.delivered()) >= 20, 30, "all queued messages at b")
            assert {line for path in b.delivered() for line in subjects(path)} == {
                f"Subject: {number}" for number in range(20)
            }


def subjects(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line.startswith("Subject: ")]


def test_failed_relay_tells_the_sender_and_of_notices_the_postmaster(tmp_path: Path) -> None:
    zone = {"nowhere.test": {"MX": ["0 ."]}}
    with DNSServer(zone) as dns:
        a = Instance(tmp_path / "a", "a.test")
        a.route_by(dns.port, 9)
        with running(a):
            with smtplib.SMTP("127.0.0.1", a.ports["smtp"], timeout=30) as client:
                client.sendmail("", ["null@nowhere.test"], MESSAGE)
                client.sendmail(a.account, ["who@nowhere.test", "ghost@missing.test"], MESSAGE)
            reports = lambda: "".join(path.read_text() for path in a.delivered())  # noqa: E731
            a.wait_until(lambda: reports().count("Final-Recipient:") >= 3, 30, "the reports")
            text = reports()
            assert "multipart/report" in text
            assert "who@nowhere.test" in text
            assert "5.1.10" in text
            assert "ghost@missing.test" in text
            assert "5.1.2" in text
            (second,) = [text for path in a.delivered() if "null@nowhere.test" in (text := path.read_text())]
            assert "Subject: A notice could not be delivered" in second
            assert "To: <postmaster@" in second
            assert a.command("queue", "list").returncode == 0


def test_mail_dropped_in_by_another_program_reaches_an_idle_session(tmp_path: Path) -> None:
    with running(Instance(tmp_path / "i")) as instance, imaplib.IMAP4("127.0.0.1", instance.ports["imap"]) as imap:
        imap.login(instance.account, instance.password)
        imap.select("INBOX")
        maildir = next((instance.folder / "store").rglob("new")).parent
        imap.send(b"x IDLE\r\n")
        assert imap.readline().startswith(b"+")
        (maildir / "tmp" / "1700000000.foreign.host").write_bytes(MESSAGE.replace(b"\r\n", b"\n"))
        (maildir / "tmp" / "1700000000.foreign.host").rename(maildir / "new" / "1700000000.foreign.host")
        imap.socket().settimeout(10)
        assert imap.readline() == b"* 1 EXISTS\r\n"
        imap.send(b"DONE\r\n")
        while not imap.readline().startswith(b"x OK"):
            pass
        assert imap.fetch("1", "(BODY.PEEK[])")[1][0][1] == MESSAGE
