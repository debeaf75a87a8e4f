"""What a server does when the power fails: each scenario prepares a world, then takes steps one by one.

A step that is not atomic says why.  Everything a step did is acknowledged when it ends.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from unittest import mock

import msgspec
from crash_check import IN_ORDER, TWO_FILES
from crash_world import ANN, BOB, EPOCH, NO_JOURNAL, World, message, remote

from mailsuite.disk.real import RealDisk
from mailsuite.errors import NotFound
from mailsuite.model import (
    DELETED,
    EVERYTHING,
    FLAGGED,
    SEEN,
    Address,
    Delayed,
    Delivered,
    Drop,
    Failed,
    FlagOp,
    Hold,
    Kick,
    Release,
    Status,
    ToMailbox,
)
from mailsuite.store import changing
from mailsuite.store.folder import Folder
from mailsuite.testing.queue import order
from mailsuite.testing.results import result_of

SEEN_WORK, MORE = frozenset({SEEN, "$Work"}), frozenset({"$More"})
INBOX_ANN, INBOX_BOB = ToMailbox(ANN), ToMailbox(BOB)


class Step(msgspec.Struct, frozen=True):
    """``partial`` says why a part of it may be there after a crash; empty: all or nothing.  ``looked_at``: its effect
    is what a client sees next, so the step ends there."""

    name: str
    run: Callable[[World], object]
    partial: str = ""
    looked_at: bool = False


class Scenario(msgspec.Struct, frozen=True):
    """``prepare`` is not crashed into, but what it left unsynced may still be lost."""

    name: str
    prepare: tuple[Callable[[World], object], ...]
    steps: tuple[Step, ...]


BY_ACCOUNT = "each account for itself"
BY_MESSAGE = "each message for itself; the command was not answered and is repeated"


def _start(world: World) -> None:
    world.start()


def _refused(world: World) -> None:
    """One of the places is not there: nothing may be seen in the other."""
    with contextlib.suppress(NotFound):
        world.deliver(message(4), INBOX_ANN, ToMailbox(BOB, "Nowhere"), *remote("a"), id="Q4")


def _three(world: World) -> None:
    world.start()
    for number in (1, 2, 3):
        world.deliver(message(number))
    world.wait(5)


def _plain(world: World) -> None:
    disk = RealDisk()
    disk.write_new(f"{world.disk_folder}/{NO_JOURNAL}", [b""])
    disk.sync_folder(str(world.disk_folder))
    _archive(world)


def _archive(world: World) -> None:
    _three(world)
    result_of(world.store().create("Archive", ""))


def _flags(world: World, uids: list[int], op: FlagOp, *flags: str, name: str = "INBOX") -> None:
    result_of(world.mailbox(name).store(uids, op, frozenset(flags), None))


def _select(world: World) -> None:
    """A session claims what is recent; the files move from ``new`` to ``cur``, as they do after a while."""
    mailbox = world.mailbox()
    result_of(mailbox.snapshot(True))
    with mailbox.folder.account.locked():
        mailbox.folder.move_claimed(mailbox.folder.claimed())


def _expunge(world: World, *uids: int, name: str = "INBOX") -> None:
    result_of(world.mailbox(name).expunge(list(uids)))


def _queued(world: World) -> None:
    world.start()
    world.deliver(message(1), *remote("a", "b", "c"), id="Q1")
    world.deliver(message(2), *remote("d"), id="Q2")


def _settle(world: World, id: str, **outcomes: str) -> None:
    result_of(world.queue.lease(10))
    words = {
        "delivered": lambda to: Delivered(to, "mx.far.test", "250 ok"),
        "delayed": lambda to: Delayed(to, Status(4, 3, 0), "busy", "mx.far.test"),
        "failed": lambda to: Failed(to, Status(5, 1, 1), "nobody", "mx.far.test"),
    }
    result_of(world.queue.settle(id, [words[word](Address(name, "far.test")) for name, word in outcomes.items()]))


def _restart(world: World) -> None:
    """In order."""
    world.stop()
    world.clock.advance(3)
    world.start()


def _other_program(world: World) -> None:
    """Another program delivers; it syncs what it writes."""
    disk, folder = RealDisk(), f"{world.disk_folder}/store/example.org/ann/Maildir"
    disk.write_new(f"{folder}/tmp/99.other", [message(99).replace(b"\r\n", b"\n")])
    disk.rename(f"{folder}/tmp/99.other", f"{folder}/new/99.other")
    disk.sync_folder(f"{folder}/new")


def _behind(world: World) -> None:
    """Somebody works in the mailbox for which messages wait."""
    world.deliver_behind(message(2))
    world.deliver_behind(message(3, 30_000), INBOX_BOB, INBOX_ANN)
    _flags(world, [1], FlagOp.ADD, SEEN)
    world.deliver_behind(message(4))


def _before_files(world: World, work: Callable[[Folder], object]) -> None:
    """As with many messages: it is answered, and nobody has come to the files yet."""
    folder = world.mailbox().folder
    with mock.patch.object(folder.behind, "at_once", 0), folder.account.locked():
        work(folder)


def _flags_first(world: World, uids: list[int], op: FlagOp, *flags: str) -> None:
    _before_files(world, lambda folder: changing.store(folder, uids, op, frozenset(flags), None))


def _expunge_first(world: World, *uids: int) -> None:
    _before_files(world, lambda folder: changing.expunge(folder, uids))


def _follow(world: World) -> None:
    _before_files(world, lambda folder: folder.behind.finish())


_BOTH = (message(5), INBOX_ANN, *remote("a", "b"))


def _other_servers_left(world: World) -> None:
    """Maildirs of Dovecot and Courier, durable, and no server of ours yet."""
    disk = RealDisk()
    for account, files in (("ann", _DOVECOT), ("bob", _COURIER)):
        maildir = f"{world.disk_folder}/store/example.org/{account}/Maildir"
        for folder in ("new", "cur", "tmp", "courierimapkeywords"):
            disk.make_folder(f"{maildir}/{folder}")
        for name, data in files.items():
            disk.write_new(f"{maildir}/{name}", [data.replace(b"\r\n", b"\n")], mtime=EPOCH - 1e6)
        for folder in ("new", "cur", "courierimapkeywords", ""):
            disk.sync_folder(f"{maildir}/{folder}")


_DOVECOT = {
    "dovecot-uidlist": b"3 V1600000000 N90 G0123\n7 :9.b.host\n80 :6.c.host,S=42\n",
    "dovecot-keywords": b"0 $Forwarded\n1 NonJunk\n",
    "cur/9.b.host:2,Sb": message(1),
    "new/6.c.host": message(3),
}
_COURIER = {
    "courierimapuiddb": b"1 1500000000 6\n2 9.b.host\n",
    "courierimapkeywords/:list": b"NonJunk\n\n9.b.host:0\n",
    "cur/9.b.host:2,F": message(4),
}


SCENARIOS = (
    Scenario("first start", (), (Step("start", _start, BY_ACCOUNT),)),
    Scenario(
        "takeover",
        (_other_servers_left,),
        (
            Step("start", _start, BY_ACCOUNT),
            Step("flags", lambda world: _flags(world, [7, 80], FlagOp.ADD, FLAGGED)),
        ),
    ),
    Scenario(
        "delivery to one",
        (_start,),
        (
            Step("small", lambda world: world.deliver(message(1))),
            Step("again", lambda world: world.deliver(message(2))),
            Step("large", lambda world: world.deliver(message(3, 50_000))),
            Step("to a new start", lambda world: (world.wait(30), world.deliver(message(4)))),
        ),
    ),
    Scenario(
        "delivery to many",
        (_start,),
        (
            Step("two mailboxes", lambda world: world.deliver(message(1), INBOX_ANN, INBOX_BOB)),
            Step("mailbox and queue", lambda world: world.deliver(message(2), INBOX_ANN, *remote("a"), id="Q2")),
            Step(
                "all of them",
                lambda world: world.deliver(message(3, 30_000), INBOX_ANN, INBOX_BOB, *remote("a", "b"), id="Q3"),
            ),
            Step("refused", _refused),
        ),
    ),
    Scenario(
        "placed behind",
        (_start,),
        (
            Step("one", lambda world: world.deliver_behind(message(1), INBOX_ANN, INBOX_BOB)),
            Step("several, and flags of another", _behind, BY_MESSAGE),
            Step("with the queue", lambda world: (world.deliver_behind(*_BOTH, id="Q5"), world.wait(1))),
            Step("a checkpoint does it", lambda world: (world.deliver_behind(message(6)), world.disk.checkpoint())),
        ),
    ),
    Scenario(
        "append",
        (_three,),
        (
            Step("plain", lambda world: world.append("INBOX", message(4))),
            Step("flags and keyword", lambda world: world.append("INBOX", message(5), flags=SEEN_WORK)),
            Step("several", lambda world: world.append("INBOX", message(6), message(7), flags=MORE)),
        ),
    ),
    Scenario(
        "replace",
        (_archive,),
        (
            Step("a recent one", lambda world: world.replace(1, message(5))),
            Step("by a large one with flags", lambda world: world.replace(4, message(6, 300_000), flags=SEEN_WORK)),
            Step("into another mailbox", lambda world: world.replace(2, message(7), "Archive", flags=MORE)),
            Step("while mail waits", lambda world: (_behind(world), world.replace(3, message(8))), BY_MESSAGE),
        ),
    ),
    Scenario(
        "copy",
        (_archive,),
        (
            Step("flags", lambda world: _flags(world, [2], FlagOp.ADD, SEEN, "$Work")),
            Step("one", lambda world: world.copy([1], "INBOX", "Archive")),
            Step("with keyword", lambda world: world.copy([2], "INBOX", "Archive")),
            Step("several", lambda world: world.copy([1, 2, 3], "INBOX", "Archive")),
        ),
    ),
    Scenario(
        "without a journal",
        (_plain,),
        (
            Step("deliver", lambda world: world.deliver(message(4)), IN_ORDER),
            Step("flags", lambda world: _flags(world, [1, 2], FlagOp.ADD, SEEN, "$Work"), IN_ORDER),
            Step("copy", lambda world: world.copy([1, 3], "INBOX", "Archive"), IN_ORDER),
            Step("move", lambda world: world.copy([2], "INBOX", "Archive", move=True), IN_ORDER),
            Step("expunge", lambda world: _expunge(world, 1, 4), IN_ORDER),
        ),
    ),
    Scenario(
        "move",
        (_archive,),
        (
            Step("one", lambda world: world.copy([1], "INBOX", "Archive", move=True)),
            Step("select", _select),
            Step("several", lambda world: world.copy([2, 3], "INBOX", "Archive", move=True)),
            Step("and back", lambda world: world.copy([1, 3], "Archive", "INBOX", move=True)),
        ),
    ),
    Scenario(
        "flags",
        (_three,),
        (
            Step("of a recent message", lambda world: _flags(world, [1], FlagOp.ADD, SEEN)),
            Step("select", _select),
            Step("of two", lambda world: _flags(world, [1, 2], FlagOp.ADD, FLAGGED)),
            Step("back", lambda world: _flags(world, [2], FlagOp.REMOVE, FLAGGED)),
            Step("taken away", lambda world: _flags(world, [1], FlagOp.REMOVE, SEEN)),
            Step("later", lambda world: (world.wait(10), _flags(world, [3], FlagOp.REPLACE, DELETED))),
        ),
    ),
    Scenario(
        "files behind",
        (_archive, _select),
        (
            Step("flags", lambda world: _flags_first(world, [1, 2], FlagOp.ADD, FLAGGED)),
            Step("others, and the files", lambda world: (_flags_first(world, [1], FlagOp.ADD, SEEN), _follow(world))),
            Step("taken away", lambda world: _flags_first(world, [1, 2], FlagOp.REMOVE, FLAGGED)),
            Step("expunged", lambda world: _expunge_first(world, 2)),
            Step("a checkpoint does it", lambda world: world.wait(1)),
            Step("keywords", lambda world: _flags_first(world, [1, 3], FlagOp.ADD, "$Work")),
            Step("copied", lambda world: world.copy([1, 3], "INBOX", "Archive")),
            Step("expunged", lambda world: _expunge_first(world, 1)),
            Step("the files", _follow),
            Step("expunged at the end", lambda world: _expunge_first(world, 3)),
        ),
    ),
    Scenario(
        "keywords",
        (_three,),
        (
            Step("first", lambda world: _flags(world, [1], FlagOp.ADD, "$First")),
            Step("second", lambda world: _flags(world, [2], FlagOp.ADD, "$First", "$Second")),
            Step(
                "more than letters",
                lambda world: _flags(world, [1], FlagOp.ADD, *(f"$K{number:02}" for number in range(26))),
                TWO_FILES,
            ),
            Step("gone", lambda world: _expunge(world, 1), TWO_FILES),
        ),
    ),
    Scenario(
        "expunge",
        (_three,),
        (
            Step("a recent one", lambda world: _expunge(world, 1)),
            Step("select", _select),
            Step("two", lambda world: _expunge(world, 2, 3)),
            Step("a new one", lambda world: world.deliver(message(4))),
        ),
    ),
    Scenario(
        "POP3",
        (_three, _select),
        (
            Step("quit", lambda world: _expunge(world, 1, 3)),
            Step("next session", lambda world: (world.wait(10), _select(world), _expunge(world, 2))),
        ),
    ),
    Scenario(
        "mailboxes",
        (_three,),
        (
            Step("create", lambda world: result_of(world.store().create("A/B", "")), BY_MESSAGE),
            Step("subscribe", lambda world: result_of(world.store().subscribe("A/B", True))),
            Step("create Sent", lambda world: result_of(world.store().create("Sent", "\\Sent")), BY_MESSAGE),
            Step("fill", lambda world: world.append("A/B", message(4), flags=SEEN_WORK)),
            Step("rename", lambda world: result_of(world.store().rename("A/B", "C")), BY_MESSAGE),
            Step("delete", lambda world: result_of(world.store().delete("C"))),
            Step("create again", lambda world: result_of(world.store().create("C", "")), BY_MESSAGE),
            Step("rename INBOX", lambda world: result_of(world.store().rename("INBOX", "Old")), BY_MESSAGE),
        ),
    ),
    Scenario(
        "rename with children",
        (_archive, lambda world: result_of(world.store().create("Archive/2024", ""))),
        (
            Step("fill", lambda world: world.copy([1, 2], "INBOX", "Archive/2024")),
            Step("rename", lambda world: result_of(world.store().rename("Archive", "Kept")), BY_MESSAGE),
            Step("deliver", lambda world: world.append("Kept/2024", message(9))),
        ),
    ),
    Scenario(
        "queue",
        (_queued,),
        (
            Step("insert", lambda world: world.deliver(message(3), *remote("x", "y"), id="Q3")),
            Step("partial", lambda world: _settle(world, "Q1", a="delivered", b="delayed", c="delayed")),
            Step("all", lambda world: _settle(world, "Q2", d="delivered")),
            Step("hold", lambda world: result_of(order(world.queue, "Q3", Hold()))),
            Step("drop", lambda world: result_of(order(world.queue, "Q3", Drop()))),
            Step("again", lambda world: (world.wait(4000), _settle(world, "Q1", b="failed", c="delayed"))),
            Step("hold again", lambda world: result_of(order(world.queue, "Q1", Hold()))),
            Step("release", lambda world: result_of(order(world.queue, "Q1", Release()))),
            Step("kick", lambda world: result_of(world.queue.order(EVERYTHING, Kick()))),
            Step("the last", lambda world: (world.wait(4000), _settle(world, "Q1", c="delivered"))),
        ),
    ),
    Scenario(
        "restart in order",
        (_three,),
        (
            Step("restart", _restart),
            Step("deliver", lambda world: world.deliver(message(4))),
            Step("flags", lambda world: _flags(world, [4], FlagOp.ADD, SEEN)),
            Step("restart again", _restart),
        ),
    ),
    Scenario(
        "another program delivers",
        (_three,),
        (
            Step("drop", _other_program, looked_at=True),
            Step("look", lambda world: (world.wait(5), result_of(world.mailbox().look()))),
            Step("deliver", lambda world: world.deliver(message(4))),
        ),
    ),
)  # fmt: skip
