"""A client that idles hears within a fraction of a second what other programs do to the Maildir."""

from __future__ import annotations

import imaplib
import time
from pathlib import Path

from mailsuite.testing.instance import Instance, running

#: Half of what the looks from time to time would need on average.
AT_ONCE = 0.5


def heard(imap: imaplib.IMAP4, word: bytes) -> float:
    """Seconds until a line with ``word`` comes."""
    began = time.monotonic()
    while word not in imap.readline():
        pass
    return time.monotonic() - began


def test_deliveries_flags_and_removals_are_told_at_once(tmp_path: Path) -> None:
    instance = Instance(tmp_path / "i")
    with running(instance), imaplib.IMAP4("127.0.0.1", instance.ports["imap"], timeout=20) as imap:
        imap.login(instance.account, instance.password)
        imap.select()
        imap.send(b"a IDLE\r\n")
        heard(imap, b"+ ")
        maildir = instance.folder / "store/demo.test/demo/Maildir"
        took = []
        for number in range(1, 6):
            (maildir / "tmp" / "x").write_bytes(b"Subject: x\n\nx\n")
            (maildir / "tmp" / "x").rename(maildir / "new" / f"{number}.x.host")
            took.append(heard(imap, b"%d EXISTS" % number))
        for path in list((maildir / "new").iterdir()):
            path.rename(maildir / "cur" / f"{path.name}:2,S")
            took.append(heard(imap, b"FETCH (FLAGS (\\Seen"))
        for path in list((maildir / "cur").iterdir()):
            path.unlink()
            took.append(heard(imap, b"EXPUNGE"))
        assert max(took) < AT_ONCE, took
        imap.send(b"DONE\r\n")
        heard(imap, b"a OK")
