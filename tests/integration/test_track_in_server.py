"""The life of messages in a real server, as ``mailsuite track`` tells it."""

from __future__ import annotations

import imaplib
import json
import poplib
import smtplib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mailsuite.testing.instance import Instance, running


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    instance = Instance(tmp_path_factory.mktemp("track") / "i")
    instance.set("relay", "port", "1")
    with running(instance):
        yield instance


def lives(instance: Instance, what: str, count: int) -> list[list[dict[str, Any]]]:
    """As soon as a happening has been written down."""
    found: list[Any] = []

    def there() -> bool:
        if not (instance.folder / "track.sqlite").exists():
            return False
        found[:] = json.loads(instance.command("track", what, "--json").stdout)
        return bool(found) and sum(len(one["happenings"]) for one in found) >= count

    instance.wait_until(there, 15, f"{count} happenings of {what}")
    return [one["happenings"] for one in found]


def test_from_the_connection_to_the_mailbox_the_queue_and_the_end(instance: Instance) -> None:
    letter = "Subject: x\r\nMessage-ID: <one@else.test>\r\n\r\nhello\r\n"
    with smtplib.SMTP("127.0.0.1", instance.ports["smtp"], local_hostname="me.test") as client:
        client.sendmail("ann@else.test", [instance.account, "x@[127.0.0.9]"], letter)
    with imaplib.IMAP4("127.0.0.1", instance.ports["imap"]) as client:
        client.login(instance.account, instance.password)
        client.create("Archive")
        client.select()
        client.fetch("1", "(BODY.PEEK[])")
        client.uid("MOVE", "1", "Archive")
        client.select("Archive")
        client.store("1", "+FLAGS", "\\Deleted")
        client.expunge()
    (life,) = lives(instance, "<one@else.test>", 10)
    kinds = [one["type"] for one in life]
    assert kinds[:3] == ["connected", "checked", "accepted"]
    assert sorted(kinds[3:]) == sorted(["placed", "waiting", "routed", "tried", "read", "moved", "removed"])
    by = {one["type"]: one for one in life}
    assert by["connected"]["helo"] == by["accepted"]["helo"] == "me.test"
    assert (by["connected"]["service"], by["connected"]["trusted"]) == ("smtp", True)
    assert by["connected"]["at"] < by["accepted"]["at"]
    assert {"relay", "size", "loop", "quota"} <= set(by["checked"]["checks"])
    assert by["accepted"]["recipients"] == [instance.account, "x@[127.0.0.9]"]
    assert (by["tried"]["result"], "refused the connection" in by["tried"]["words"]) == ("delayed", True)
    assert by["moved"]["target"] == f"{instance.account}/Archive"
    assert by["removed"]["how"] == "expunged by IMAP"


def test_what_was_ordered(instance: Instance) -> None:
    letter = "Subject: x\r\nMessage-ID: <two@else.test>\r\n\r\nhello\r\n"
    with smtplib.SMTP("127.0.0.1", instance.ports["smtp"], local_hostname="me.test") as client:
        client.sendmail("ann@else.test", ["y@[127.0.0.9]"], letter)
    (life,) = lives(instance, "<two@else.test>", 6)
    assert life[-1]["type"] == "tried"
    which = ["--recipient", "y@[127.0.0.9]"]
    instance.command("queue", "reroute", "127.0.0.8:9", *which)
    instance.command("queue", "drop", *which)
    (life,) = lives(instance, "<two@else.test>", 8)
    assert [(one["type"], one["order"], one["words"]) for one in life[6:]] == [
        ("steered", "reroute", "127.0.0.8:9"),
        ("steered", "drop", ""),
    ]


def test_refusals_and_pop3(instance: Instance) -> None:
    with smtplib.SMTP("127.0.0.1", instance.ports["smtp"]) as client:
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            client.sendmail("eve@else.test", ["nobody@demo.test"], "x")
        client.sendmail("eve@else.test", [instance.account], "Subject: y\r\n\r\nhello\r\n")
    pop3 = poplib.POP3("127.0.0.1", instance.ports["pop3"])
    pop3.user(instance.account)
    pop3.pass_(instance.password)
    pop3.retr(1)
    pop3.dele(1)
    pop3.quit()
    refused, kept = lives(instance, "eve@else.test", 8)
    assert [one["type"] for one in refused] == ["connected", "refused"]
    assert refused[1]["words"].startswith("550 5.1.1 ")
    assert [one["type"] for one in kept] == ["connected", "checked", "accepted", "placed", "read", "removed"]
    shown = instance.command("track", "eve@else.test").stdout
    assert max(map(len, shown.splitlines())) <= 80


def test_nothing_is_kept_where_nobody_wants_it(tmp_path: Path) -> None:
    instance = Instance(tmp_path / "i")
    instance.set("track", "keep", "0")
    with running(instance), smtplib.SMTP("127.0.0.1", instance.ports["smtp"]) as client:
        client.sendmail("ann@else.test", [instance.account], "x")
    assert not (instance.folder / "track.sqlite").exists()
    with pytest.raises(RuntimeError, match=r"track\.keep is 0"):
        instance.command("track", "ann@else.test")
