"""A thread that never comes back does not keep the process for ever."""

from __future__ import annotations

import imaplib
import signal
import subprocess
import sys
import time
from pathlib import Path

from mailsuite.services.server import CLOSING
from mailsuite.testing.instance import Instance

#: twistd, with a disk that never answers when a mailbox is looked at.
PROGRAM = """
import sys, time
from mailsuite.store.folder import Folder
Folder.status = lambda folder: time.sleep(1000)
from twisted.scripts.twistd import run
run()
"""


def test_sigterm_ends_the_process_though_a_thread_hangs(tmp_path: Path) -> None:
    instance = Instance(tmp_path / "i")
    instance.set("timeouts", "shutdown", "1")
    command = [sys.executable, "-c", PROGRAM, "-n", "--pidfile=", "mailsuite", "--config", str(instance.config)]
    with instance.log_file.open("wb") as log:
        process = subprocess.Popen(command, cwd=instance.folder, stdout=log, stderr=log)
    try:
        instance.wait_until(lambda: "ready:" in instance.log(), 20, "the ready line")
        imap = imaplib.IMAP4("127.0.0.1", instance.ports["imap"])
        imap.login(instance.account, instance.password)
        imap.send(b"a STATUS INBOX (MESSAGES)\r\n")
        time.sleep(0.5)
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(1 + CLOSING + 10) == 1
        assert time.monotonic() - begun >= CLOSING
        assert f"with this still running: account:{instance.account}\n" in instance.log()
        imap.shutdown()
    finally:
        process.kill()
        process.wait(10)
