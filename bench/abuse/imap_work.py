"""Abuse of IMAP by what is asked: patterns, searches and sets that are short to say and long to do."""

from __future__ import annotations

import time

from bench.abuse.case import Aim, abuse
from bench.abuse.peer import Imap

KIB = 1024


def _filled(aim: Aim, count: int) -> Imap:
    """Logged in, with so many small messages in a mailbox of its own that is selected."""
    peer = Imap(aim, patience=120).log_in()
    peer.ask(b"CREATE bombs")
    message = b"From: a@b.test\r\nSubject: " + b"a" * 500 + b"\r\n\r\n" + (b"a" * 76 + b"\r\n") * 50
    one = b"{%d+}\r\n%b" % (len(message), message)
    for _ in range(max(1, count // 100)):
        peer.send(b"t APPEND bombs" + (b" " + one) * min(count, 100) + b"\r\n")
        answer = peer.tagged()
        assert answer.startswith(b"OK"), answer
    assert peer.ask(b"SELECT bombs").startswith(b"OK")
    return peer


def _emptied(peer: Imap) -> None:
    peer.ask(b"CLOSE")
    peer.ask(b"DELETE bombs")
    peer.close()


def _asked(peer: Imap, commands: dict[str, bytes]) -> str:
    """Each of them, with its time; the connection must live."""
    told = []
    for name, command in commands.items():
        begun = time.monotonic()
        answer = peer.ask(command)
        assert answer[:2] in (b"OK", b"NO", b"BA"), (name, answer)
        told.append(f"{name} {answer[:40].decode().strip()} {time.monotonic() - begun:.2f} s")
    return ", ".join(told)


@abuse(
    "patterns are matched in steps that the name's and the pattern's length bound, not by a regular expression",
    octets=500 * KIB,
)
def wildcards_of_death(aim: Aim) -> str:
    """LIST with thousands of ``*`` against long names."""
    with Imap(aim, patience=120) as peer:
        peer.log_in()
        names = [b'"' + b"a" * 200 + b"%d" % n + b'"' for n in range(20)]
        for name in names:
            peer.ask(b"CREATE " + name)
        told = _asked(
            peer,
            {
                "stars": b'LIST "" "' + b"*" * 20_000 + b'b"',
                "a stars": b'LIST "" "' + b"*a" * 10_000 + b'b"',
                "percents": b'LIST "" "' + b"%a" * 10_000 + b'b"',
                "both": b'LIST "" "' + b"*%" * 10_000 + b'b"',
                "many patterns": b'LIST "" (' + b" ".join(b'"*a*a*a*%d"' % n for n in range(4000)) + b")",
                "lsub": b'LSUB "" "' + b"*a" * 10_000 + b'b"',
                "literals": b'LIST "" (' + b" ".join([b"{60000+}\r\n" + b"*a" * 30_000] * 4) + b")",
                "percents in literals": b'LIST "" (' + b" ".join([b"{60000+}\r\n" + b"%a" * 30_000] * 4) + b")",
            },
        )
        for name in names:
            peer.ask(b"DELETE " + name)
    return told


@abuse(
    "64 KiB for a command, 100 levels of parentheses; keys are looked for as they are, never as regular expressions",
    octets=500 * KIB,
)
def search_bombs(aim: Aim) -> str:
    """Searches of 60 KiB over thousands of messages, nested, or made of what backtracks."""
    peer = _filled(aim, aim.sized(2000, 100))
    told = _asked(
        peer,
        {
            "not": b"SEARCH " + b"NOT " * 15_000 + b"ALL",
            "or": b"SEARCH " + b"OR SEEN " * 7000 + b"ALL",
            "parentheses": b"SEARCH " + b"(" * 30_000 + b"ALL" + b")" * 30_000,
            "subjects": b"SEARCH " + b" ".join(b"SUBJECT %d" % n for n in range(4000)),
            "bodies": b"SEARCH " + b" ".join(b"OR BODY b%d" % n for n in range(3000)) + b" ALL",
            "texts": b'SEARCH NOT TEXT "' + b"a" * 30_000 + b'b"',
            "regular": b'SEARCH BODY "(a+)+$" SUBJECT "(.*a){25}"',
            "headers": b"SEARCH " + b" ".join(b'HEADER X-%d ""' % n for n in range(3000)),
            "set": b"SEARCH UID " + b",".join(b"%d:%d" % (n, n + 10**6) for n in range(1, 5001)),
            "not, allowed": b"SEARCH " + b"NOT " * 49 + b"ALL",
            "or, allowed": b"SEARCH " + b"OR SEEN " * 49 + b"ALL",
            "bodies, allowed": b"SEARCH " + b" ".join(b"OR BODY b%d" % n for n in range(45)) + b" ALL",
            "texts, allowed": b"SEARCH " + b" ".join(b"TEXT a%d" % n for n in range(450)),
            "headers, allowed": b"SEARCH " + b" ".join(b'HEADER X-%d ""' % n for n in range(450)),
            "fuzzy": b"SEARCH " + b" ".join(b"FUZZY TEXT %b" % (b"a" * 39 + b"%d" % n) for n in range(300)),
            "fuzzy words": b'SEARCH FUZZY BODY "' + b" ".join(b"a" * (30 + n) for n in range(10)) + b'"',
            "dates": b"SEARCH " + b" ".join(b"OR SENTON 1-Jan-2000" for _ in range(2500)) + b" ALL",
        },
    )
    _emptied(peer)
    return told


@abuse("an answer is made piece by piece as it is read; sets are ranges, however often they overlap", octets=250 * KIB)
def fetch_bombs(aim: Aim) -> str:
    """FETCH with thousands of items and sets that name everything thousands of times."""
    peer = _filled(aim, aim.sized(1000, 50))
    told = _asked(
        peer,
        {
            "sets": b"FETCH " + b",".join(b"1:*" for _ in range(15_000)) + b" (FLAGS)",
            "huge set": b"UID FETCH " + b",".join(b"%d:4294967295" % n for n in range(1, 4000)) + b" (FLAGS)",
            "sections": b"FETCH 1:20 (" + b" ".join(b"BODY.PEEK[%d]" % n for n in range(1, 3500)) + b")",
            "sections, allowed": b"FETCH 1:* (" + b" ".join(b"BODY.PEEK[%d]" % n for n in range(1, 100)) + b")",
            "wholes, allowed": b"FETCH 1:* (" + b" ".join(b"BODY.PEEK[]<%d.4000>" % n for n in range(99)) + b")",
            "partials": b"FETCH 1:20 (" + b" ".join(b"BODY.PEEK[]<%d.4000>" % n for n in range(2500)) + b")",
            "fields": b"FETCH 1:* (BODY.PEEK[HEADER.FIELDS (" + b" ".join(b"X-%d" % n for n in range(8000)) + b")])",
            "flags": b"STORE 1:* +FLAGS (" + b" ".join(b"keyword%d" % n for n in range(4000)) + b")",
            "numbers": b"FETCH 1 (BODY.PEEK[" + b".".join(b"1" for _ in range(20_000)) + b"])",
        },
    )
    _emptied(peer)
    return told


@abuse("5,000 mailboxes and 10,000 subscriptions of an account, 100 annotations of a mailbox", octets=75_000)
def hoarding(aim: Aim) -> str:
    """Hundreds of mailboxes, thousands of subscriptions and annotations, and LIST and STATUS of all."""
    with Imap(aim, patience=120) as peer:
        peer.log_in().ask(b"SELECT INBOX")
        told = []
        for name, command, count, least in (
            ("mailboxes", b"CREATE hoard%d/deep", 300, 15),
            ("subscriptions", b"SUBSCRIBE nothing%d", 2000, 100),
            ("annotations", b'SETMETADATA INBOX (/private/vendor/x/e%d "' + b"v" * 500 + b'")', 1000, 150),
        ):
            made = 0
            begun = time.monotonic()
            for n in range(aim.sized(count, least)):
                answer = peer.ask(command % n)
                assert answer.startswith((b"OK", b"NO")), answer
                made += answer.startswith(b"OK")
            told.append(f"{made} {name} in {time.monotonic() - begun:.1f} s ({answer[:30].decode()})")
        begun = time.monotonic()
        peer.ask(b'LIST (SUBSCRIBED RECURSIVEMATCH) "" "*" RETURN (STATUS (MESSAGES UNSEEN) CHILDREN)')
        peer.ask(b'LIST "" "*" RETURN (STATUS (MESSAGES UNSEEN SIZE) SPECIAL-USE SUBSCRIBED)')
        told.append(f"LIST of all {time.monotonic() - begun:.1f} s")
    return ", ".join(told)
