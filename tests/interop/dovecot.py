"""Dovecot 2.3 on one Maildir, no daemon: ``doveadm``, and its IMAP and POP3 servers on their standard streams."""

from __future__ import annotations

import os
import pwd
import re
import subprocess
from pathlib import Path
from typing import IO, Self

LIBEXEC = Path("/usr/lib/dovecot")
_LITERAL = re.compile(rb"\{(\d+)\}\r\n$")
_NOBODY = 65534
_CONFIG = """
base_dir = {base}/run
state_dir = {base}/run
log_path = {base}/log
ssl = no
mail_location = maildir:{maildir}
mail_plugins = listescape
first_valid_uid = 0
first_valid_gid = 0
stats_writer_socket_path =
namespace inbox {{
  inbox = yes
  separator = /
}}
"""


class Dovecot:
    """As a user that may own mail; everything below ``base`` is given to that user before each use."""

    def __init__(self, doveadm: str, base: Path, maildir: Path) -> None:
        self._doveadm = doveadm
        self._base = base
        self.config = base / "dovecot.conf"
        (base / "run").mkdir()
        self._owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        user = f"mail_uid = {self._owner.pw_uid}\nmail_gid = {self._owner.pw_gid}\n" if self._owner else ""
        self.config.write_text(_CONFIG.format(base=base, maildir=maildir) + user)

    def __call__(self, *arguments: str, given: str = "") -> list[str]:
        """The lines ``doveadm`` answers."""
        self._give_away()
        return self._run([self._doveadm, "-c", str(self.config), *arguments], given)

    def pop3(self, commands: str) -> list[str]:
        """The lines its POP3 server answers to somebody who has logged in."""
        self._give_away()
        return self._run([str(LIBEXEC / "pop3"), "-c", str(self.config)], commands, drop=True)

    def tunnel(self) -> str:
        """A command line for a client: its IMAP server, logged in."""
        self._give_away()
        run_as = (
            f"setpriv --reuid={self._owner.pw_uid} --regid={self._owner.pw_gid} --clear-groups " if self._owner else ""
        )
        return f"{run_as}env USER=ann HOME={self._base} {LIBEXEC}/imap -c {self.config}"

    def _give_away(self) -> None:
        if self._owner:
            for path in (self._base, *self._base.rglob("*")):
                os.chown(path, self._owner.pw_uid, self._owner.pw_gid)

    def _run(self, command: list[str], given: str, drop: bool = False) -> list[str]:
        user = self._owner.pw_uid if self._owner and drop else None
        done = subprocess.run(
            command,
            env={**os.environ, "USER": "ann", "HOME": str(self._base)},
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            user=user,
            group=user,
            extra_groups=None if user is None else (),
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()


class Imap:
    """Dovecot's imap process on ``folder/Maildir`` with its defaults, asked one thing after the other: it carries out
    several commands at the same time, and forgets at LOGOUT, or at the end of its input, what it has still to say.
    Use as a context."""

    def __init__(self, folder: Path) -> None:
        self._process, self._say, self._hear = _serve(folder)
        self._number = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._say.close()
        self._hear.close()
        self._process.wait(60)

    def ask(self, command: bytes) -> list[bytes]:
        """Its untagged answers, each with its literals; the tagged one must be OK."""
        self._number += 1
        tag = b"t%d " % self._number
        self._say.write(tag + command + b"\r\n")
        self._say.flush()
        answers = []
        while not (answer := self._answer()).startswith(tag):
            assert answer, (command, "it has ended")
            answers.append(answer)
        assert answer.startswith(tag + b"OK "), (command, answer)
        return answers

    def _answer(self) -> bytes:
        """A line, and what follows its literals; empty at the end."""
        answer = line = self._hear.readline()
        while literal := _LITERAL.search(line):
            answer += self._hear.read(int(literal[1]))
            answer += (line := self._hear.readline())
        return answer


def _serve(folder: Path) -> tuple[subprocess.Popen[bytes], IO[bytes], IO[bytes]]:
    """Dovecot's imap process on ``folder/Maildir`` with its defaults, what it is told by and what it answers by."""
    config = folder / "dovecot.conf"
    config.write_text(
        f"mail_location = maildir:{folder}/Maildir\nbase_dir = {folder}\nstate_dir = {folder}\nprotocols = imap\n"
        f"log_path = /dev/stderr\nstats_writer_socket_path =\nfirst_valid_uid = 1\nssl = no\n"
    )
    user = None
    if os.geteuid() == 0:
        user = _NOBODY
        for path in (folder, *folder.rglob("*")):
            os.chown(path, _NOBODY, _NOBODY)
    process = subprocess.Popen(
        [LIBEXEC / "imap", "-c", config],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"HOME": str(folder), "USER": "test", "PATH": "/usr/bin:/bin"},
        cwd=folder,
        user=user,
        group=user,
        extra_groups=None if user is None else (),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    return process, process.stdin, process.stdout
