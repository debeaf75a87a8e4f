"""Nobody but the server's user can read what it keeps."""

from __future__ import annotations

import os
import smtplib
import stat
from pathlib import Path

from mailsuite.testing.instance import Instance, running

#: Too large for memory.
MESSAGE = b"Subject: x\r\n\r\n" + b"x\r\n" * 500_000
#: For clients to read; made by the test; for local users.
PUBLIC = {"ca.pem", "twistd.log", "sendmail"}


def test_nobody_else_can_read_what_the_server_keeps(tmp_path: Path) -> None:
    before = os.umask(0o000)
    try:
        with running(Instance(tmp_path / "i")) as instance:
            with smtplib.SMTP("127.0.0.1", instance.ports["smtp"], timeout=30) as client:
                client.sendmail("a@b.test", [instance.account, "u@far.test"], MESSAGE)
            instance.arrived(1)
            open_to_others = [
                f"{path.relative_to(instance.folder)} {stat.filemode(path.lstat().st_mode)}"
                for path in instance.folder.rglob("*")
                if path.relative_to(instance.folder).parts[0] not in PUBLIC and path.lstat().st_mode & 0o077
            ]
    finally:
        os.umask(before)
    assert len(list(instance.folder.rglob("*"))) > 20
    assert open_to_others == []
