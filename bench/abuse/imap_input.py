"""Abuse of IMAP by what is sent: tags, literals, names."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from pathlib import Path

from bench.abuse.case import Aim, Skipped, abuse
from bench.abuse.peer import Imap

MIB = 1 << 20
#: Mebibytes of a literal that nobody wants, but that is not refused at once.
LITERAL = 20


@abuse("64 KiB for a command's text; the rest is dropped as it comes", octets=2 * MIB)
def tag_of_a_megabyte(aim: Aim) -> str:
    """A tag of a megabyte, again and again."""
    with Imap(aim) as peer:
        for _ in range(aim.sized(15, 2)):
            peer.send(b"x" * MIB + b" NOOP\r\n")
            answer = peer.line()
            assert b" BAD" in answer or b"* B" in answer, answer[:100]
            assert len(answer) < 70_000
    return f"answers of {len(answer)} octets: ... {answer[-50:].decode()}"


@abuse(
    "4 KiB before the login, 64 KiB after, 256 KiB a command; 256 MiB of unwanted ones a session; 20 mistakes in a row",
    connections=20,
    octets=256 * MIB,
)
def literal_bombs(aim: Aim) -> str:
    """Literals that are announced and never come, come unasked, or come in thousands."""
    told = []
    for announced in (b"{4294967295}", b"{99999999999999999999}", b"{4097}", b"{65537}"):
        with Imap(aim) as peer:
            answer = peer.ask(b"LOGIN " + announced)
            assert answer.startswith((b"BAD", b"NO")), answer
            told.append(answer[:12].decode())
    with Imap(aim) as peer:
        peer.send(b"t LOGIN {4294967295+}\r\n")
        told.append(f"{_taken(peer, 64)} MiB of 4 GiB unasked")
    with Imap(aim) as peer:
        unasked = aim.sized(300, 260)
        taken = 0
        while taken < unasked and peer.send(b"t LOGIN {%d+}\r\n" % (LITERAL * MIB)):
            taken += _taken(peer, LITERAL)
            peer.send(b"\r\n")
        told.append(f"{taken} MiB in pieces")
    with Imap(aim) as peer:
        peer.log_in().ask(b"SELECT INBOX")
        peer.send(b"t SEARCH " + b"SUBJECT {1+}\r\na " * aim.sized(300_000, 20_000) + b"\r\n")
        told.append(f"many small: {peer.tagged()[:30].decode()}")
    with Imap(aim) as peer:
        peer.log_in()
        answer = peer.ask(b"APPEND INBOX {99999999999}")
        assert answer.startswith((b"NO", b"BAD")), answer
        peers = [Imap(aim).log_in() for _ in range(20)]
        for each in peers:  # each holds what it has begun to send
            each.send(b"t APPEND INBOX {60000000+}\r\n" + b"x" * (2 * MIB))
        for each in peers:
            each.close()
    return ", ".join(told)


def _taken(peer: Imap, mebibytes: int) -> int:
    """How many of them the server takes."""
    return sum(peer.send(b"x" * MIB) for _ in range(mebibytes))


#: What ends a bomb: 512 MiB that are no command, `timeouts.imap` where the machine is slower, or its own end.
BOMB_ENDS = (b"* BYE too much was sent without a command", b"* BYE nothing heard for too long", b" BAD [TOOBIG]")


@abuse(
    "what is inflated counts for the same limits, in pieces no larger than what is read; 512 MiB that are no command, "
    "and `timeouts.imap`",
    octets=100_000,
)
def compressed_bombs(aim: Aim) -> str:
    """COMPRESS=DEFLATE, then a gigabyte of nothing in a megabyte."""
    with Imap(aim) as peer:
        peer.log_in()
        peer.send(b"t CAPABILITY\r\n")
        if b"COMPRESS=DEFLATE" not in peer.line():
            raise Skipped("COMPRESS is not offered")
        peer.tagged()
        answer = peer.ask(b"COMPRESS DEFLATE")
        assert answer.startswith(b"OK"), answer
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        sent = mebibytes = 0
        while mebibytes < aim.sized(1000, 600) and peer.send(squeezed := deflate.compress(b"x" * MIB)):
            mebibytes, sent = mebibytes + 1, sent + len(squeezed)
        peer.send(deflate.compress(b"\r\n") + deflate.flush(zlib.Z_SYNC_FLUSH))
        told = zlib.decompressobj(-15).decompress(peer.socket.recv(65536))
        assert any(end in told for end in BOMB_ENDS), told
    return f"{mebibytes} MiB in {sent} octets: {told[-60:].decode()!r}"


#: Names that want to be somewhere else, or something else.
NAMES = (
    b'"../../../etc/x"',
    b'"../victim"',
    b'"INBOX/../../x"',
    b'".."',
    b'"."',
    b'"/etc/passwd"',
    b'"a//b"',
    b'"&AC4ALgAv-x"',
    b'"&AC8-x"',
    b"{3+}\r\na\x00b",
    b"{6+}\r\na/../b",
    b'"cur"',
    b'"new/tmp"',
    b'"a\\\\b"',
    b'"~root"',
    b'"$(touch x)"',
    b'"x;rm -rf ."',
    b'"*"',
    b'"%"',
    b'"&"',
    b'"&AAAA-"',
    b'"&////-"',
    b'"' + b"a" * 5000 + b'"',
    b'"' + b"a/" * 2000 + b'a"',
    b'"mailsuite-acl"',
    b'"Other Users/../x"',
)


@abuse(
    "names become file names by an alphabet of our own (`store/names.py`); no folder is left outside the account's",
    connections=len(NAMES),
    octets=len(NAMES) * 50,
)
def names_that_climb(aim: Aim) -> str:
    """Mailboxes called ``../``, with NUL, too long, too deep, in every command that takes a name."""
    before = set(_entries(aim.store))
    made = refused = 0
    for name in NAMES:
        with Imap(aim) as peer:
            peer.log_in()
            for command in (b"CREATE %b", b"SELECT %b", b"RENAME INBOX %b", b"SUBSCRIBE %b", b"STATUS %b (MESSAGES)"):
                answer = peer.ask(command % name)
                if not answer:
                    break
                assert answer.startswith((b"OK", b"NO", b"BAD")), (name, answer)
                made += answer.startswith(b"OK")
                refused += not answer.startswith(b"OK")
            peer.ask(b"DELETE " + name)
    strange = sorted(path for path in set(_entries(aim.store)) - before if is_strange(path, aim))
    assert not strange, strange[:5]
    return f"{refused} refused, {made} made below the account's own folder"


def _entries(store: str) -> Iterator[str]:
    """All below the server's folder, by their paths from there; folders end in a slash."""
    server = Path(store).parent
    for folder, folders, files in os.walk(server):
        here = Path(folder).relative_to(server)
        yield from (f"{here / name}/" for name in folders)
        yield from (str(here / name) for name in files)


def is_strange(path: str, aim: Aim) -> bool:
    """Whether nobody but an intruder makes this: the attacker's own folder is his, and the server makes files, but no
    folders, in the queue, in the spool, beside databases, and for the polite client's mail."""
    if path.startswith(_folder(aim.account)):
        return False
    usual = path.startswith(("queue/", "spool/", _folder(aim.victim))) or ".sqlite" in path.rpartition("/")[2]
    return path.endswith("/") or not usual


def _folder(account: str) -> str:
    user, _, domain = account.partition("@")
    return f"store/{domain}/{user}/"
