"""``sendmail`` as programs call it: Debian's ``mail``, mutt, s-nail, the words of cron; with a server and without."""

from __future__ import annotations

import json
import os
import shutil
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

from mailsuite.sendmail.exits import Exit
from mailsuite.testing.instance import Instance

MAILSUITE = os.path.join(os.path.dirname(sys.executable), "mailsuite")
PASSWORD = "long-password-1\n"
LETTER = b"Subject: hello\n\nhello\n"


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    made = Instance(tmp_path_factory.mktemp("sendmail") / "i")
    made.command("user", "add", "root@demo.test", "--password-stdin", input="root-password-1\n")
    made.start()
    yield made
    assert made.stop() == 0


class Programs:
    """The links of an instance, and what came into its mailboxes since they were made."""

    def __init__(self, instance: Instance, links: Path) -> None:
        self.instance = instance
        self.env = {**os.environ, "MAILSUITE_CONFIG": str(instance.config), "HOME": str(links)}
        self.links = links
        for name in ("sendmail", "mailq", "newaliases"):
            (links / name).symlink_to(MAILSUITE)
        self._before = set(instance.mail())

    def run(self, *words: str, given: bytes = LETTER, cwd: str | None = None) -> subprocess.CompletedProcess[bytes]:
        beside = {"mailsuite": Path(MAILSUITE)}
        own = ("sendmail", "mailq", "newaliases")
        program = self.links / words[0] if words[0] in own else beside.get(words[0], words[0])
        return subprocess.run(
            [str(program), *words[1:]], input=given, capture_output=True, env=self.env, timeout=60, check=False, cwd=cwd
        )

    def came(self, count: int = 1, seconds: float = 10) -> list[Message]:
        def fresh() -> set[Path]:
            return set(self.instance.mail()) - self._before

        self.instance.wait_until(lambda: len(fresh()) >= count, seconds, f"{count} new messages")
        found = fresh()
        self._before |= found
        assert len(found) == count
        return [message_from_bytes(path.read_bytes()) for path in sorted(found)]


@pytest.fixture
def programs(instance: Instance, tmp_path: Path) -> Programs:
    return Programs(instance, tmp_path)


def test_what_cron_writes_arrives(programs: Programs) -> None:
    """The command and the header of Debian's cron(8)."""
    letter = (
        b"From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@host> test -x /usr/sbin/anacron\nMIME-Version: 1.0\n"
        b"Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\nX-Cron-Env: <SHELL=/bin/sh>\n\n"
        b"gr\xc3\xbc\xc3\x9fe\n.\nafter the dot\n"
    )
    done = programs.run("sendmail", "-FCronDaemon", "-i", "-B8BITMIME", "-oem", "root", given=letter)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    (got,) = programs.came()
    assert (got["From"], got["To"]) == ("Cron Daemon <root@demo.test>", "root@demo.test")
    assert got["Date"]
    assert got["Message-ID"].endswith("@mail.demo.test>")
    assert got.get_payload(decode=True) == b"gr\xc3\xbc\xc3\x9fe\n.\nafter the dot\n"


@pytest.mark.skipif(shutil.which("bsd-mailx") is None, reason="Debian's mail is not installed")
def test_debians_mail(programs: Programs) -> None:
    (programs.links / ".mailrc").write_text(f"set sendmail={programs.links}/sendmail\nset sendwait\n")
    done = programs.run("bsd-mailx", "-s", "from mail", "-c", "root", "demo@demo.test", given=b"first\nlast\n")
    assert (done.returncode, done.stderr) == (0, b"")
    for got in programs.came(2):
        assert (got["Subject"], got["To"], got["Cc"]) == ("from mail", "demo@demo.test", "root@demo.test")
        assert got["From"].endswith("root@demo.test>") or got["From"] == "root@demo.test"
        assert got.get_payload() == "first\nlast\n"


@pytest.mark.skipif(shutil.which("mutt") is None, reason="mutt is not installed")
def test_mutt(programs: Programs) -> None:
    rc = programs.links / "muttrc"
    rc.write_text(f'set sendmail="{programs.links}/sendmail -oem -oi"\nset from="demo@demo.test"\nset copy=no\n')
    done = programs.run(
        "mutt", "-n", "-F", str(rc), "-s", "grüße", "-b", "root@demo.test", "demo@demo.test", given="ä\n".encode()
    )
    assert (done.returncode, done.stderr) == (0, b"")
    for got in programs.came(2):
        assert "Bcc" not in got
        assert got["From"].endswith("demo@demo.test>")
        assert got["Return-Path"] in ("<root@demo.test>", "<demo@demo.test>")


@pytest.mark.skipif(shutil.which("s-nail") is None, reason="s-nail is not installed")
def test_s_nail(programs: Programs) -> None:
    done = programs.run("s-nail", "-:/", "-S", f"mta={programs.links}/sendmail", "-S", "sendwait", "-s", "x", "demo")
    assert (done.returncode, done.stderr) == (0, b"")
    (got,) = programs.came()
    assert got["Subject"] == "x"


def test_dialogue_is_shown_as_it_happens(programs: Programs) -> None:
    done = programs.run("sendmail", "-v", "-i", "-N", "failure", "-f", "demo", "demo")
    lines = done.stdout.decode().splitlines()
    assert lines[0] == "220 mail.demo.test ESMTP"
    told = [line for line in lines if line.startswith((">>> MAIL", ">>> RCPT", "354", "250 2.0.0 Ok: queued as "))]
    assert told[0].startswith(">>> MAIL FROM:<demo@demo.test> SIZE=")
    assert told[1] == ">>> RCPT TO:<demo@demo.test> NOTIFY=FAILURE"
    assert len(told) == 4
    assert "hello" not in done.stdout.decode()
    programs.came()


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("where", ["| true", ">/dev/full", ">&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_mail_goes_whoever_looks_on(programs: Programs, where: str, unbuffered: str) -> None:
    """Standard output is a pipe that nobody reads, a full disk, closed."""
    programs.env["PYTHONUNBUFFERED"] = unbuffered
    script = f"set -o pipefail; {programs.links}/sendmail -v demo {where}"
    done = programs.run("bash", "-c", script)
    assert (done.returncode, done.stderr) == (0, b"")
    (got,) = programs.came()
    assert got["Subject"] == (None if where.startswith("<&-") else "hello")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_status_is_that_of_the_mail_though_nobody_is_told(programs: Programs, unbuffered: str) -> None:
    programs.env["PYTHONUNBUFFERED"] = unbuffered
    done = programs.run("sh", "-c", f"{programs.links}/sendmail -v nobody >/dev/full 2>/dev/full")
    assert done.returncode == Exit.NOUSER


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", ["mailq", "sendmail --help", "newaliases", "sendmail -bs", "sendmail -bv demo"])
def test_what_was_asked_for_and_cannot_be_written_is_an_error(
    programs: Programs, command: str, unbuffered: str
) -> None:
    programs.env["PYTHONUNBUFFERED"] = unbuffered
    done = programs.run("sh", "-c", f"{programs.links}/{command} >/dev/full", given=b"QUIT\r\n")
    assert done.returncode in (Exit.IOERR, Exit.UNAVAILABLE)
    assert done.stderr.count(b"\n") == 1
    assert done.stderr.endswith(b"No space left on device\n")
    done = programs.run("bash", "-c", f"set -o pipefail; {programs.links}/{command} | true", given=b"QUIT\r\n")
    assert (done.returncode != 0, done.stderr) == (True, b"")


def test_recipients_of_the_header_and_bcc(programs: Programs) -> None:
    letter = b"To: Demo <demo>\nBcc: root@demo.test\nSubject: x\n\nhello\n"
    assert programs.run("sendmail", "-t", given=letter).returncode == 0
    for got in programs.came(2):
        assert (got["To"], got["Bcc"]) == ("Demo <demo@demo.test>", None)


def test_the_status_says_what_is_wrong_and_others_have_it(programs: Programs) -> None:
    done = programs.run("sendmail", "nobody", "demo")
    assert done.returncode == Exit.NOUSER
    assert done.stderr.startswith(b"sendmail: nobody@demo.test: 550 5.1.1 ")
    programs.came()
    assert programs.run("sendmail", "-oeq", "nobody").stderr == b""
    assert programs.run("sendmail").returncode == Exit.USAGE
    assert programs.run("sendmail", "-t").returncode == Exit.USAGE
    assert programs.run("sendmail", "not an address").returncode == Exit.DATAERR
    assert programs.run("sendmail", "-C", "/nowhere.toml", "demo").returncode == Exit.CONFIG


@pytest.mark.parametrize("name", [("sendmail",), ("mailsuite", "sendmail")])
def test_address_that_begins_with_a_dash(programs: Programs, name: tuple[str, ...]) -> None:
    made = ("--config", str(programs.instance.config), "--", "-x@demo.test")
    programs.instance.command("alias", "add", *made, "demo@demo.test", config=False)
    try:
        assert programs.run(*name, "--", "-x@demo.test").returncode == 0
        (got,) = programs.came()
        assert got["Return-Path"] == "<root@demo.test>"
    finally:
        programs.instance.command("alias", "remove", *made, config=False)


def test_what_has_no_meaning_is_told_to_who_asks_and_not_to_programs(programs: Programs) -> None:
    assert programs.run("sendmail", "-ONope=1", "demo").stderr == b""
    done = programs.run("sendmail", "-v", "-ONope=1", "-oQ/x", "demo")
    assert done.stderr == b"sendmail: without meaning here, and passed over: -ONope=1 -oQ/x\n"
    programs.came(2)


def test_with_oem_the_sender_is_told_by_mail(programs: Programs) -> None:
    assert programs.run("sendmail", "-oem", "nobody").returncode == 0
    (got,) = programs.came(seconds=20)
    assert (got["Subject"], got["To"]) == ("Your message could not be delivered", "<root@demo.test>")


def test_smtp_on_standard_input(programs: Programs) -> None:
    said = b"EHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<demo@demo.test>\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\nQUIT\r\n"
    done = programs.run("sendmail", "-bs", given=said)
    assert (done.returncode, done.stdout[:4]) == (0, b"220 ")
    assert b"\r\n250 2.0.0 Ok: queued as " in done.stdout
    programs.came()


def test_mailq_and_newaliases(programs: Programs) -> None:
    assert programs.run("mailq").stdout == b"Mail queue is empty\n"
    assert programs.run("newaliases").returncode == 0
    assert programs.run("sendmail", "-q").returncode == 0


def test_the_log_says_who_sent(programs: Programs) -> None:
    programs.run("sendmail", "demo")
    programs.came()
    assert f"client=local uid={os.getuid()} " in programs.instance.log()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
def test_any_user_can_send_and_none_can_look(instance: Instance, tmp_path: Path) -> None:
    shared = Path("/tmp") / f"mailsuite-test-{os.getpid()}"
    shutil.copytree(instance.folder / "sendmail", shared / "x", ignore=shutil.ignore_patterns("socket"))
    shared.chmod(0o755)
    (shared / "x" / "drop").chmod(0o1733)
    program = f"""
import os, sys
from mailsuite.sendmail import program, site
os.setgid(65534)
os.setuid(65534)
site.LINK = {str(shared / "x")!r}
sys.exit(program.main(["-f", "demo", "demo"]))
"""
    try:
        done = subprocess.run([sys.executable, "-c", program], input=LETTER, capture_output=True, check=False, cwd="/")
        assert (done.returncode, done.stderr) == (0, b"")
        (name,) = os.listdir(shared / "x" / "drop")
        assert (shared / "x" / "drop" / name).stat().st_uid == 65534
        look = subprocess.run(["ls", str(shared / "x" / "drop")], user=65534, capture_output=True, check=False)
        assert look.returncode != 0
    finally:
        shutil.rmtree(shared)


def test_links_are_made_and_taken_away(instance: Instance, tmp_path: Path) -> None:
    (tmp_path / "usr/sbin").mkdir(parents=True)
    (tmp_path / "usr/sbin/sendmail").write_text("another one")
    install = ("sendmail", "--install", "--root", str(tmp_path))
    with pytest.raises(RuntimeError, match="--force"):
        instance.command(*install)
    assert not (tmp_path / "usr/bin/mailq").exists()
    instance.command(*install, "--force")
    assert os.readlink(tmp_path / "usr/bin/mailq") == MAILSUITE
    assert os.readlink(tmp_path / "etc/mailsuite/sendmail") == str(instance.folder / "sendmail")
    instance.command(*install)
    instance.command(*install, "--remove")
    assert (tmp_path / "usr/sbin/sendmail").read_text() == "another one"
    assert not os.path.lexists(tmp_path / "etc/mailsuite/sendmail")


def test_without_a_server_it_is_kept_and_sent_at_the_next_start(tmp_path: Path) -> None:
    instance = Instance(tmp_path / "i")
    programs = Programs(instance, tmp_path)
    done = programs.run("sendmail", "demo")  # the server has never run: there is no folder yet
    assert done.returncode == Exit.TEMPFAIL
    instance.start()
    instance.kill()
    assert programs.run("sendmail", "demo").returncode == 0
    assert programs.run("sendmail", "-v", "nobody", "demo").stdout.startswith(b"the server cannot be reached: ")
    instance.start()
    found = programs.came(3)
    assert sorted(got["Return-Path"] for got in found) == ["<>", "<root@demo.test>", "<root@demo.test>"]
    assert list((instance.folder / "sendmail/drop").iterdir()) == []
    with smtplib.SMTP("127.0.0.1", instance.ports["smtp"]) as client:
        assert client.noop()[0] == 250
    assert instance.stop() == 0
    assert not (instance.folder / "sendmail/socket").exists()


def test_explain_says_what_the_server_would_do(programs: Programs) -> None:
    programs.instance.command("user", "add", "full@demo.test", "--quota", "1K", "--password-stdin", input=PASSWORD)
    config = str(programs.instance.config)
    done = programs.run("mailsuite", "explain", "--config", config, "--from", "<>", "--to", "full@demo.test", "--json")
    steps = json.loads(done.stdout)["steps"]
    assert [step["words"] for step in steps if step["rule"] == "quota"] == [
        "full@demo.test keeps 0 of 1024 octets, 0 messages"  # the running server was asked
    ]
    assert (steps[-1]["stage"], steps[-1]["answer"]) == ("outcome", "ok")
    trust = next(step for step in steps if step["rule"] == "trusted_networks")
    line = int(trust["where"].rpartition(":")[2])
    assert programs.instance.config.read_text().splitlines()[line - 1].startswith("trusted_networks")
    verified = programs.run("sendmail", "-bv", "nobody", "demo").stdout.decode()
    assert "550 5.1.1" in verified
    assert "no size was given" in verified
    assert "--size" not in verified  # which is no option of sendmail
    assert "into INBOX of demo@demo.test" in verified
    assert max(map(len, verified.splitlines())) <= 80
