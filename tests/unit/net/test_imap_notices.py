"""NOTIFY where a dialogue cannot look: who does not read or leaves, much that happens, trouble of the store."""

from __future__ import annotations

from typing import Any

import pytest
from imap_worlds import OnDisk
from test_imap_session import ANN, Client, Server
from twisted.logger import capturedLogs

from mailsuite.errors import Temporary
from mailsuite.net.imap_lookout import PROMPT_EVERY
from mailsuite.store.mailboxes_feed import MOST
from mailsuite.store.names import account_path
from mailsuite.testing.memory_store import MemoryMailbox

PLAIN = b"Subject: x\r\n\r\ny\r\n"
ALL = (
    b"a NOTIFY SET (selected (MessageNew (UID ENVELOPE) MessageExpunge FlagChange)) "
    b"(personal (MessageNew MessageExpunge MailboxName))"
)


@pytest.fixture
def server() -> Server:
    server = Server()
    result = server.stores.store(ANN)
    for name in ("A", "B"):
        result.create(name, "")
    return server


def watches(server: Server) -> int:
    """How many watch anything of ann's."""
    store = server.stores.store(ANN)
    mailboxes: list[MemoryMailbox] = list(store.mailboxes.values())
    return sum(len(each.feed._watches) for each in mailboxes) + len(store.mailboxes_feed._watches)


def test_who_leaves_leaves_nothing_behind(server: Server) -> None:
    client = server.client()
    assert b"a OK" in client.ask(ALL)
    assert watches(server) == 1 + 3 + 1
    client.transport.hang_up()
    client.read()
    assert watches(server) == 0
    parts: Any = server.factory
    assert not parts._parts.lookout._watched
    assert not [call for call in server.clock.getDelayedCalls() if call.active()]


@pytest.mark.parametrize("command", [b"b NOTIFY NONE", b"b NOTIFY SET (selected NONE)", b"b UNAUTHENTICATE"])
def test_what_is_not_wanted_any_more_is_not_watched(server: Server, command: bytes) -> None:
    client = server.client()
    client.ask(ALL)
    assert b"b OK" in client.ask(command)
    assert watches(server) == (0 if b"UNAUTH" in command else 1)


def test_who_does_not_read_is_told_nothing_more_and_then_how_it_is(server: Server) -> None:
    client = Client(server, high_water=0)
    client.ask(b"l LOGIN %b secret" % ANN.encode())
    client.ask(b"s SELECT INBOX")
    client.ask(ALL)
    for _ in range(300):
        server.stores.deliver(ANN, PLAIN)
        server.stores.deliver(ANN, PLAIN, "A")
        client.clock.advance(0)
    assert client.transport._unread < 1000
    told = client.read()
    assert b"* 300 EXISTS\r\n" in told
    assert told.count(b"ENVELOPE") == 300
    assert told.count(b"EXISTS") <= 3
    assert told.endswith(b"* STATUS A (UIDNEXT 301 MESSAGES 300)\r\n")


def test_mail_that_came_before_a_new_mailbox_was_watched_is_told(server: Server) -> None:
    client = Client(server, high_water=0)
    client.ask(b"l LOGIN %b secret" % ANN.encode())
    client.ask(b"a NOTIFY SET (personal (MessageNew MessageExpunge MailboxName))")
    server.stores.deliver(ANN, PLAIN)  # which is not read: what comes now waits
    store = server.stores.store(ANN)
    store.create("New", "")
    store.create("Empty", "")
    server.stores.deliver(ANN, PLAIN, "New")
    store.rename("A", "Other")
    store.rename("B", "Same")
    server.stores.deliver(ANN, PLAIN, "Other")
    told = client.read()
    assert told.endswith(
        b'* LIST (\\HasNoChildren) "/" Empty\r\n'
        b'* LIST (\\HasNoChildren) "/" Other ("OLDNAME" (A))\r\n'
        b'* LIST (\\HasNoChildren) "/" Same ("OLDNAME" (B))\r\n'
        b"* STATUS New (UIDNEXT 2 MESSAGES 1)\r\n"
        b"* STATUS Other (UIDNEXT 2 MESSAGES 1)\r\n"
    )
    server.stores.deliver(ANN, PLAIN, "New")
    assert client.read() == b"* STATUS New (UIDNEXT 3 MESSAGES 2)\r\n"


def test_mailboxes_that_other_programs_make_are_told() -> None:
    world = OnDisk()
    client = Client(world.server)
    client.ask(b"l LOGIN %b secret" % ANN.encode())
    client.ask(b"a NOTIFY SET (personal (MessageNew MessageExpunge MailboxName))")
    new = world.root / "store" / account_path(ANN) / "Maildir" / ".New"
    for inside in ("cur", "new"):
        (new / inside).mkdir(parents=True)
    (new / "new" / "1.x").write_bytes(PLAIN)
    for _ in range(20):
        world.clock.advance(PROMPT_EVERY / 15)
    told = client.read()
    assert told == b'* LIST (\\HasNoChildren) "/" New\r\n* STATUS New (UIDNEXT 2 MESSAGES 1)\r\n'
    client.transport.hang_up()
    client.read()
    world.close()


def test_more_changes_of_mailboxes_than_are_kept_end_it(server: Server) -> None:
    client = Client(server, high_water=0)
    client.ask(b"l LOGIN %b secret" % ANN.encode())
    client.ask(b"a NOTIFY SET (personal (SubscriptionChange MailboxName))")
    store = server.stores.store(ANN)
    for number in range(3):
        store.subscribe(f"first {number}", True)  # is told, and then nothing is read
    for number in range(MOST + 10):
        store.subscribe(f"s{number}", True)
    told = client.read()
    assert told.endswith(b"* OK [NOTIFICATIONOVERFLOW] too much happens, nothing is told any more\r\n")
    assert watches(server) == 0
    store.create("C", "")
    assert client.ask(b"b NOOP") == b"b OK done\r\n"


def test_trouble_of_the_store_is_logged_and_the_session_goes_on(server: Server) -> None:
    client = server.client()
    client.ask(ALL)
    server.stores.store(ANN).faults.plan("status", Temporary("the disk is tired"))
    with capturedLogs() as logged:
        server.stores.deliver(ANN, PLAIN, "A")
        assert client.read() == b""
    assert [str(event["error"]) for event in logged if "error" in event] == ["the disk is tired"]
    server.stores.deliver(ANN, PLAIN, "A")
    assert client.read() == b"* STATUS A (UIDNEXT 3 MESSAGES 2)\r\n"


def test_a_fault_of_ours_ends_the_session_with_bye(server: Server) -> None:
    client = server.client()
    client.ask(ALL)
    server.stores.store(ANN).faults.plan("status", ZeroDivisionError("a bug"))
    with capturedLogs() as logged:
        server.stores.deliver(ANN, PLAIN, "A")
        assert b"* BYE [SERVERBUG]" in client.read()
    assert any("log_failure" in event for event in logged)


def test_nothing_comes_between_the_pieces_of_an_answer(server: Server) -> None:
    client = Client(server, high_water=0)
    client.ask(b"l LOGIN %b secret" % ANN.encode())
    server.stores.deliver(ANN, b"Subject: large\r\n\r\n" + b"0123456789" * 500_000 + b"\r\n")
    client.ask(b"s SELECT INBOX")
    client.ask(ALL)
    client.send(b"b FETCH 1 BODY.PEEK[]")
    first = client.transport.take()
    server.stores.deliver(ANN, PLAIN)
    server.stores.deliver(ANN, PLAIN, "A")
    answer = first + client.read()
    head, _, rest = answer.partition(b"}\r\n")
    size = int(head.rpartition(b"{")[2])
    assert rest[size:].startswith(b")\r\n")
    assert rest[size:].index(b"b OK") < rest[size:].index(b"* STATUS A")


def test_a_message_that_is_gone_again_is_no_trouble(server: Server) -> None:
    client = server.client()
    client.ask(ALL)
    uid = server.stores.deliver(ANN, PLAIN)
    server.stores.drop_message(ANN, uid)
    told = client.read()
    assert told.count(b"EXISTS") == told.count(b"EXPUNGE")
    assert client.ask(b"b NOOP") == b"b OK done\r\n"


def test_a_mailbox_that_is_deleted_while_selected_ends_the_session(server: Server) -> None:
    client = server.client(select=False)
    client.ask(b"s SELECT A")
    client.ask(ALL)
    server.stores.store(ANN).delete("A")
    assert b"* BYE the selected mailbox is gone" in client.read()
