"""A full mailbox is refused where its recipient is named, and the others get their mail."""

from __future__ import annotations

import smtplib
from pathlib import Path

from mailsuite.testing.instance import Instance, running

MESSAGE = b"Subject: hello\r\n\r\nhello\r\n"


def test_one_full_mailbox_does_not_hurt_the_others(tmp_path: Path) -> None:
    instance = Instance(tmp_path / "i")
    instance.command("user", "add", "full@demo.test", "--password-stdin", input="a long password\n")
    instance.command("user", "quota", "full@demo.test", "--bytes", "1K", "--messages", "1")
    with running(instance), smtplib.SMTP("127.0.0.1", instance.ports["smtp"], timeout=30) as client:
        everybody = ["full@demo.test", instance.account]
        assert client.sendmail("a@b.test", everybody, MESSAGE) == {}
        refused = client.sendmail("a@b.test", everybody, MESSAGE)
        assert {name: (code, text[:5]) for name, (code, text) in refused.items()} == {"full@demo.test": (452, b"4.2.2")}
        instance.command("user", "quota", "full@demo.test", "--messages", "0")
        assert client.sendmail("a@b.test", everybody, MESSAGE) == {}
        client.ehlo_or_helo_if_needed()
        client.mail("a@b.test", ["SIZE=2000"])
        assert client.rcpt("full@demo.test")[0] == 452
        client.rset()
    assert len(list((instance.folder / "store/demo.test/full/Maildir/new").iterdir())) == 2
    assert len(list((instance.folder / "store/demo.test/demo/Maildir/new").iterdir())) == 3
