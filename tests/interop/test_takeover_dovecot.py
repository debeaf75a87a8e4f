"""A Maildir that Dovecot filled becomes ours, and its clients do not notice: mbsync, POP3, flags and keywords."""

from __future__ import annotations

import imaplib
import poplib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dovecot import LIBEXEC, Dovecot

from mailsuite.testing.instance import Instance, running

MESSAGE = "From: ann@example.org\nSubject: {number}\nX-Number: {number}\n\n" + "line\n" * 50
FOLDERS = ("INBOX", "Sent", "Archive/2023.old", "Entwürfe")


@pytest.fixture
def base() -> Iterator[Path]:
    base = Path(tempfile.mkdtemp(prefix="mailsuite-takeover"))  # pytest's own folders are closed to other users
    base.chmod(0o755)
    yield base
    shutil.rmtree(base)


@pytest.fixture
def dovecot(program: Callable[[str], str], base: Path) -> Dovecot:
    """With mail in several folders, some of it flagged and some expunged."""
    (base / "old").mkdir()
    filled = Dovecot(program("doveadm"), base / "old", base / "old" / "Maildir")
    for name in FOLDERS[1:]:
        filled("mailbox", "create", "-s", name)
    for number in range(12):
        filled("save", "-m", FOLDERS[number % 4], given=MESSAGE.format(number=number))
    filled("flags", "add", "\\Seen \\Answered", "mailbox", "INBOX", "uid", "1")
    filled("flags", "add", "NonJunk $Forwarded Label1", "mailbox", "INBOX", "uid", "2")
    filled("flags", "add", "\\Flagged $MDNSent", "mailbox", "Sent", "uid", "2")
    filled("expunge", "mailbox", "INBOX", "uid", "3")
    filled("save", "-m", "Sent", given=MESSAGE.format(number=98))
    filled("expunge", "mailbox", "Sent", "uid", "4")  # the last of them: UIDNEXT is more than a UID that is there
    return filled


def write_rc(rc: Path, account: str, near: Path) -> None:
    rc.write_text(
        f"IMAPAccount a\n{account}\n\nIMAPStore far\nAccount a\n\n"
        f"MaildirStore near\nPath {near}/\nInbox {near}/INBOX\nSubFolders Verbatim\n\n"
        "Channel c\nFar :far:\nNear :near:\nPatterns *\nCreate Near\nExpunge Both\nSyncState *\n"
    )


def sync(mbsync: str, rc: Path) -> list[str]:
    """The commands that moved a message or changed one on the far side."""
    done = subprocess.run([mbsync, "-Dn", "-c", str(rc), "-a"], capture_output=True, text=True, timeout=60, check=False)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    sent = re.findall(r">+ \d+ (.*)", output)
    assert any("SELECT" in command for command in sent), output
    return [command for command in sent if re.search(r"BODY|APPEND|STORE|COPY|EXPUNGE", command)]


def listing(near: Path) -> dict[str, bytes]:
    """All messages, and what mbsync noted of them."""
    return {
        str(path.relative_to(near)): path.read_bytes()
        for path in near.rglob("*")
        if path.is_file() and (",U=" in path.name or path.name == ".mbsyncstate")
    }


def test_clients_do_not_notice(program: Callable[[str], str], dovecot: Dovecot, base: Path) -> None:
    mbsync = program("mbsync")
    near, rc = base / "near", base / "mbsyncrc"
    near.mkdir()
    write_rc(rc, f'Tunnel "{dovecot.tunnel()}"', near)
    assert len([command for command in sync(mbsync, rc) if "BODY" in command]) == 11
    sync(mbsync, rc)  # it notes what it saw
    before = listing(near)
    assert len(before) == 11 + len(FOLDERS)
    assert sync(mbsync, rc) == []
    status = {
        name: dovecot("-f", "flow", "mailbox", "status", "uidvalidity uidnext messages", name) for name in FOLDERS
    }
    flags = {name: dovecot("-f", "flow", "fetch", "uid flags", "mailbox", name) for name in FOLDERS}
    uidl = dovecot.pop3("UIDL\r\nQUIT\r\n") if (LIBEXEC / "pop3").exists() else []

    instance = Instance(base / "new")
    home = instance.folder / "store" / "demo.test" / "demo"
    home.mkdir(parents=True)
    shutil.copytree(base / "old" / "Maildir", home / "Maildir", copy_function=shutil.copy2)
    with running(instance):
        account = (
            f'Host localhost\nPort {instance.ports["imaps"]}\nUser {instance.account}\nPass "{instance.password}"\n'
            f"SSLType IMAPS\nCertificateFile {instance.authority}"
        )
        write_rc(rc, account, near)
        for _ in range(2):
            assert sync(mbsync, rc) == []
        assert listing(near) == before
        with imaplib.IMAP4("127.0.0.1", instance.ports["imap"]) as imap:
            imap.login(instance.account, instance.password)
            for name in FOLDERS:
                assert our_status(imap, name) == status[name]
                assert our_flags(imap, name) == [without_recent(line) for line in flags[name]]
            _, subscribed = imap.lsub()
            assert sorted(line.decode().split(" ")[-1].strip('"') for line in subscribed) == sorted(
                encoded(name) for name in FOLDERS[1:]
            )
        pop = poplib.POP3("127.0.0.1", instance.ports["pop3"])
        pop.user(instance.account)
        pop.pass_(instance.password)
        ours = [line.decode() for line in pop.uidl()[1]]
        pop.quit()
        if uidl:
            assert ours == [line for line in uidl if re.match(r"\d+ ", line)]
        assert len(ours) == 2

    for again in (True, False):  # with the index, and without it
        if not again:
            (home / "index.sqlite").unlink()
        with running(instance):
            assert sync(mbsync, rc) == []
            assert listing(near) == before


def encoded(name: str) -> str:
    return name.replace("ü", "&APw-")


def without_recent(line: str) -> str:
    """``uid=1 flags=\\Answered \\Seen``, the flags sorted."""
    uid, _, flags = line.partition(" flags=")
    return f"{uid} flags={' '.join(sorted(flag for flag in flags.split() if flag != chr(92) + 'Recent'))}"


def our_flags(imap: imaplib.IMAP4, name: str) -> list[str]:
    imap.select(f'"{encoded(name)}"', readonly=True)
    _, lines = imap.uid("FETCH", "1:*", "(FLAGS)")
    found = [re.search(rb"UID (\d+)", line)[1].decode() for line in lines if line]  # type: ignore[index]
    flags = [imaplib.ParseFlags(line) for line in lines if line]
    return [
        without_recent(f"uid={uid} flags={b' '.join(each).decode()}") for uid, each in zip(found, flags, strict=True)
    ]


def our_status(imap: imaplib.IMAP4, name: str) -> list[str]:
    _, [line] = imap.status(f'"{encoded(name)}"', "(UIDVALIDITY UIDNEXT MESSAGES)")
    assert isinstance(line, bytes)
    numbers = dict(re.findall(r"(\w+) (\d+)", line.decode().rpartition("(")[2]))
    return [f"{name} messages={numbers['MESSAGES']} uidnext={numbers['UIDNEXT']} uidvalidity={numbers['UIDVALIDITY']}"]
