"""What we find, sort and thread against Dovecot 2.3: the same commands on the same messages.

Dovecot's imap process runs on its standard streams over a Maildir of its own; no port, no daemon.  Where the two differ
on purpose, the table of ``DIFFERENCES`` says why.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from dovecot import Imap
from twisted.internet.task import Clock

from mailsuite.disk.real import RealDisk
from mailsuite.imap import events, responses, table
from mailsuite.imap.states import State
from mailsuite.imap.threading import thread_response
from mailsuite.imap.view import View
from mailsuite.mime import header
from mailsuite.mime.encodings import decode_words
from mailsuite.mime.lines import to_lf
from mailsuite.offload import Inline
from mailsuite.query import STAR, Uids
from mailsuite.store.maildir import MaildirStores
from mailsuite.testing import corpus
from mailsuite.testing.results import result_of

EPOCH = 1_750_000_000

#: Commands, or messages by name, and why Dovecot answers otherwise.  In BODY and TEXT it may find less: it does not
#: look into the headers of parts, which stand in the body (RFC 3501 section 6.4.4), nor over the end of a line, nor at
#: what HTML's character references stand for.
DIFFERENCES: dict[bytes | str, str] = {
    b"UID SEARCH CHARSET UTF-8 NOT TEXT {3+}\r\na b": "so that here NOT finds less",
    b"UID SEARCH CHARSET UTF-8 NOT TEXT {1+}\r\n-": "the same",
    b"UID SEARCH CHARSET UTF-8 TO {6+}\r\ndomain": "Dovecot finds its own MISSING_DOMAIN",
    b"UID SEARCH CHARSET UTF-8 TO {4+}\r\nMail": "Dovecot finds its own MISSING_MAILBOX",
    b"UID SEARCH CHARSET UTF-8 SUBJECT {10+}\r\nForma\xc3\xa7\xc3\xa3o": "raw Latin-1, against RFC 5322 §2.2",
    "rfc2822-example04": "sent before 1970, which Dovecot takes for not sent",
    "rfc2822-example10": "the same",
    "error_emails-bad_date_header2": "59:10, which is 00:00 by RFC 5256 section 2.2; for Dovecot there is no date then",
    "malformed-019": "10:00:t: the same",
    "error_emails-weird_to_header": "as MISSING_DOMAIN below, with MISSING_MAILBOX",
    "rfc2822-example13": "a field whose name is followed by white space, obs-fields of RFC 5322 section 4.5",
    "thirdparty-007": "Dovecot searches in the MISSING_DOMAIN that it puts in place of what an address lacks",
    "error_emails-missing_body": "an address in a route that leads nowhere",
}
DATA = sorted((Path(__file__).parents[1] / "data/mail").glob("*/*.eml"))


def fill(maildir: Path, messages: Sequence[bytes]) -> None:
    for name in ("cur", "new", "tmp"):
        (maildir / name).mkdir(parents=True)
    for number, message in enumerate(messages):
        at = EPOCH + 977 * (number * 37 % 151)
        flags = "S" * (number % 2) + "F" * (number % 3 == 0)
        path = maildir / "cur" / f"{1_000_000 + number}.M{number:06d}.test:2,{flags}"
        path.write_bytes(to_lf(message))
        os.utime(path, (at, at))


def theirs(folder: Path, messages: Sequence[bytes], commands: Sequence[bytes]) -> list[bytes]:
    """What Dovecot answers: the untagged line of each command."""
    fill(folder / "Maildir", messages)
    found = []
    with Imap(folder) as imap:
        imap.ask(b"EXAMINE INBOX")
        for command in commands:
            word = b"* " + command.removeprefix(b"UID ").split(b" ")[0]
            found += [line.rstrip() for line in imap.ask(command) if line.startswith(word)]
    assert len(found) == len(commands)
    return found


class Ours:
    """The same on our store."""

    def __init__(self, base: Path, messages: Sequence[bytes]) -> None:
        fill(base / "store/example.org/ann/Maildir", messages)
        clock = Clock()
        clock.advance(EPOCH)
        self.stores = MaildirStores(str(base / "store"), RealDisk(), Inline(), clock, "mail.example.org")
        store: Any = result_of(self.stores.open("ann@example.org"))
        self.mailbox: Any = result_of(store.open("INBOX"))
        self.view = View(result_of(self.mailbox.snapshot(False)))

    def __call__(self, command: bytes) -> bytes:
        event: Any = table.head(b"t " + command, State.SELECTED).parse()
        asked = self.view.localize(event.criteria.query, EPOCH)
        found = result_of(self.mailbox.search(asked, self.view.resolve(Uids(((1, STAR),)))))
        if isinstance(event, events.Thread):
            return thread_response(result_of(self.mailbox.thread(found, event.algorithm)), int).rstrip()
        if isinstance(event, events.Sort):
            return responses.sort(result_of(self.mailbox.sort(found, event.order, {}))).rstrip()
        return responses.search(found).rstrip()


def compare(folder: Path, base: Path, messages: Sequence[bytes], commands: Sequence[bytes]) -> None:
    ours = Ours(base, messages)
    different = []
    for command, wanted in zip(commands, theirs(folder, messages, commands), strict=True):
        found = ours(command)
        agree = uids(wanted) <= uids(found) if b" BODY " in command or b" TEXT " in command else wanted == found
        if not agree and command not in DIFFERENCES:
            different.append((command, wanted, found))
    result_of(ours.stores.close())
    assert different == []


def uids(line: bytes) -> set[bytes]:
    return set(line.split()[2:])


SORTS = [
    b"UID SORT (%b) UTF-8 ALL" % key
    for key in (
        b"ARRIVAL", b"REVERSE ARRIVAL", b"DATE", b"REVERSE DATE", b"SUBJECT", b"REVERSE SUBJECT", b"FROM", b"TO", b"CC",
        b"SIZE", b"REVERSE SIZE", b"DISPLAYFROM", b"DISPLAYTO", b"REVERSE SUBJECT DATE", b"FROM REVERSE DATE",
        b"CC TO SUBJECT",
    )
]  # fmt: skip
THREADS = [b"UID THREAD %b UTF-8 ALL" % name for name in (b"REFERENCES", b"REFS")]
FLAGS = [
    b"UID SEARCH " + key
    for key in (
        b"SEEN", b"UNSEEN FLAGGED", b"OR SEEN FLAGGED", b"NOT (SEEN FLAGGED)", b"3:7,2", b"UID 5:*", b"LARGER 700",
        b"SMALLER 700", b"ON 15-Jun-2025", b"SINCE 16-Jun-2025", b"BEFORE 16-Jun-2025", b"SENTON 15-Jan-2024",
        b"SENTSINCE 15-Jan-2024", b"HEADER X-None \"\"", b"HEADER Subject \"\"",
        b"HEADER Message-ID corpus", b"TEXT \"\"",
    )
]  # fmt: skip


def literal(text: str) -> bytes:
    octets = text.encode()
    return b"{%d+}\r\n%b" % (len(octets), octets)


@pytest.mark.usefixtures("imap")
def test_everyday_mail(folder: Path, tmp_path: Path) -> None:
    words = ["velvet", "VELV", "el", "Übung", "ÜBUNG", "façade", "facade", "例文", "corpus.test", "a b", "MIME", "-"]
    keys = [b"BODY", b"TEXT", b"SUBJECT", b"FROM", b"TO", b"CC", b"HEADER Message-ID", b"NOT TEXT"]
    searches = [b"UID SEARCH CHARSET UTF-8 %b %b" % (key, literal(word)) for key in keys for word in words]
    compare(folder, tmp_path, list(corpus.messages(150)), [*SORTS, *THREADS, *FLAGS, *searches])


def conversation(rng: random.Random, number: int, ids: list[str]) -> bytes:
    """A message that may reply to others."""
    id = f"{number}.{rng.randrange(10**6)}@x"
    subject = rng.choice(["lunch", "dinner", "[list] tea", "", "lunch", f"topic {rng.randrange(12)}"])
    leader = rng.choice(["", "", "Re: ", "RE: Fwd: ", "[list] Re: ", "re[2]: ", "[fwd: "])
    fields = [f"From: P{rng.randrange(9)} <p{rng.randrange(9)}@x>", f"To: q{rng.randrange(5)}@x"]
    fields.append(f"Subject: {leader}{subject}" + ("]" if leader == "[fwd: " else rng.choice(["", "", " (fwd)"])))
    if rng.random() < 0.95:
        clock = f"{rng.randrange(24):02d}:{number % 60:02d}:{number // 60:02d}"
        fields.append(f"Date: {rng.randrange(1, 28)} Mar 2025 {clock} {rng.choice(['+0000', '+0230', '-0800', 'EST'])}")
    if rng.random() < 0.9:
        fields.append(f"Message-ID: <{id}>")
    ancestors = rng.sample(ids, min(len(ids), rng.randrange(4)))
    if rng.random() < 0.2:
        ancestors.append(f"unknown{rng.randrange(20)}@x")
    if ancestors and rng.random() < 0.7:
        fields.append("References: " + "\n ".join(f"<{each}>" for each in ancestors))
    elif ancestors:
        fields.append(f"In-Reply-To: <{ancestors[-1]}>")
    ids.append(id)
    return ("\n".join(fields) + f"\n\nbody {number}\n").encode()


@pytest.mark.usefixtures("imap")
@pytest.mark.parametrize("seed", range(6))
def test_conversations(folder: Path, tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    ids: list[str] = []
    messages = [conversation(rng, number, ids) for number in range(120)]
    rng.shuffle(messages)
    compare(folder, tmp_path, messages, [*SORTS, *THREADS])


@pytest.mark.usefixtures("imap")
def test_we_find_what_references_of_html_stand_for(folder: Path, tmp_path: Path) -> None:
    """Dovecot looks at the text as it is written; RFC 3501 section 6.4.4 asks for what the body contains, and a reader
    sees a character, whichever way the sender's program wrote it."""
    messages = [b"MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n<p>Gr&uuml;&#223;e</p>\n"]
    asked = [b"UID SEARCH CHARSET UTF-8 BODY " + literal(word) for word in ("grü", "Grüße", "<p>")]
    assert [uids(line) for line in theirs(folder, messages, asked)] == [set(), set(), {b"1"}]
    ours = Ours(tmp_path, messages)
    assert [uids(ours(command)) for command in asked] == [{b"1"}] * 3
    result_of(ours.stores.close())


@pytest.mark.usefixtures("imap")
def test_mail_that_is_hard_to_read(folder: Path, tmp_path: Path) -> None:
    messages = [path.read_bytes() for path in DATA if path.stem not in DIFFERENCES]
    words: dict[str, None] = {}
    for message in messages:
        block = message[: header.header_end(message)]
        for name in (b"subject", b"from", b"to"):
            words |= dict.fromkeys(re.findall(r"\w{4,}", decode_words(header.first(block, name)))[:2])
    searches = [
        b"UID SEARCH CHARSET UTF-8 %b %b" % (key, literal(word))
        for word in list(words)[:150]
        for key in (b"SUBJECT", b"FROM", b"TO", b"BODY", b"TEXT")
    ]
    compare(folder, tmp_path, messages, [*SORTS, *THREADS[:1], *searches])
