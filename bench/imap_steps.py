"""What an IMAP client waits for, here and with Dovecot, on the same messages in the same run.

imap_steps.py --peers PEERS --corpus CORPUS --steps STEPS [--count N] [--runs N] [--only STEP,...] [--foreign]

PEERS is a script that starts and stops a private Dovecot (``PEERS dovecot start DIR IMAPPORT POP3PORT``), CORPUS
writes a Maildir (``CORPUS maildir DIR COUNT``), STEPS times the commands (``STEPS HOST PORT USER PASSWORD``, one JSON
object of seconds or counts a second).  The messages come into our store by APPEND; with ``--foreign`` they are files
of another program.  Dovecot gets the files and begins each run without an index.  Each line is a step: the median of
ours, of Dovecot's, and their ratio; above 1 we are slower.
"""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mailsuite.testing.instance import PASSWORD, Instance

IN_ONE_APPEND = 50
USER = "bench"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def append_all(instance: Instance, files: list[Path]) -> None:
    """The corpus into INBOX, with its flags and times."""
    with socket.create_connection(("127.0.0.1", instance.ports["imap"])) as client:
        answers = client.makefile("rb")
        answers.readline()

        def ask(command: bytes) -> None:
            client.sendall(b"t " + command + b"\r\n")
            while not (line := answers.readline()).startswith(b"t "):
                pass
            if not line.startswith(b"t OK"):
                raise RuntimeError(line)

        ask(b"LOGIN %s %s" % (instance.account.encode(), PASSWORD.encode()))
        for start in range(0, len(files), IN_ONE_APPEND):
            parts = [b"APPEND INBOX"]
            for file in files[start : start + IN_ONE_APPEND]:
                octets = file.read_bytes().replace(b"\n", b"\r\n")
                date = time.strftime("%d-%b-%Y %H:%M:%S +0000", time.gmtime(file.stat().st_mtime))
                flags = b"(\\Seen)" if "S" in file.name.rpartition(",")[2] else b"()"
                parts.append(b'%b "%b" {%d+}\r\n%b' % (flags, date.encode(), len(octets), octets))
            ask(b" ".join(parts))


def wait_for_index(instance: Instance, count: int) -> None:
    """Until all that was delivered is rendered, as it is some seconds later."""
    path = next((instance.folder / "store").rglob("index.sqlite"))
    end = time.monotonic() + 120
    while time.monotonic() < end:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
            if db.execute("SELECT count(*) FROM summary").fetchone()[0] >= count:
                return
        time.sleep(0.2)
    print("not all messages were rendered in time", file=sys.stderr)


def prepare(instance: Instance, source: Path, foreign: bool) -> None:
    """A running server with the corpus in INBOX."""
    instance.set("limits", "connections_per_address", "100000")
    files = sorted((source / "cur").iterdir(), key=lambda file: file.name)
    if foreign:
        user, _, domain = instance.account.partition("@")
        shutil.copytree(source, instance.folder / "store" / domain / user / "Maildir", dirs_exist_ok=True)
    instance.start()
    if not foreign:
        append_all(instance, files)
        wait_for_index(instance, len(files))


def steps(program: str, port: int, user: str, password: str, only: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, program, "127.0.0.1", str(port), user, password, *(["--only", only] if only else [])],
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return {step: value for step, value in json.loads(done.stdout).items() if value is not None}


class Dovecot:
    """A private one with the corpus as INBOX of ``USER``."""

    def __init__(self, peers: str, folder: Path, source: Path) -> None:
        self._peers, self._folder, self.port = peers, folder, free_port()
        self._mail = folder / "mail" / USER
        shutil.copytree(source, self._mail / "Maildir")

    def run(self, program: str, only: str) -> dict[str, float]:
        for index in (*self._mail.rglob("dovecot*"),):
            index.unlink()
        subprocess.run(["chown", "-R", "vmail:", str(self._folder / "mail")], check=True)
        subprocess.run(
            [self._peers, "dovecot", "start", str(self._folder), str(self.port), str(free_port())], check=True
        )
        try:
            return steps(program, self.port, USER, "pass", only)
        finally:
            subprocess.run([self._peers, "dovecot", "stop", str(self._folder)], check=True)
            time.sleep(0.5)


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("--peers", "--corpus", "--steps"):
        parser.add_argument(name, required=True)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--foreign", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "source")
        subprocess.run([sys.executable, asked.corpus, "maildir", str(source), str(asked.count)], check=True)
        Path(folder).chmod(0o755)
        subprocess.run(["id", "vmail"], check=False, capture_output=True)
        dovecot = Dovecot(asked.peers, Path(folder, "dovecot"), source)
        instance = Instance(Path(folder, "ours"))
        prepare(instance, source, asked.foreign)
        try:
            ours, theirs = [], []
            for _ in range(asked.runs):
                instance.stop()
                instance.start()
                ours.append(steps(asked.steps, instance.ports["imap"], instance.account, PASSWORD, asked.only))
                theirs.append(dovecot.run(asked.steps, asked.only))
        finally:
            instance.stop()
    show(ours, theirs)


def show(ours: list[dict[str, float]], theirs: list[dict[str, float]]) -> None:
    for step in ours[0]:
        if step == "exists":
            continue
        mine = statistics.median(run[step] for run in ours)
        other = statistics.median(run.get(step, 0) for run in theirs)
        per_second = step.endswith(("_per_s", "_MBps"))
        ratio = (other / mine if per_second else mine / other) if mine and other else 0
        print(f"{step:20} {mine:10.4f} {other:10.4f} {ratio:7.2f}", flush=True)


if __name__ == "__main__":
    main()
