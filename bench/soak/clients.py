"""Those who use the server.  Each is a thread that does its turns until told to leave, and takes every lost connection
as it comes; what it was told stands in the ledger."""

from __future__ import annotations

import imaplib
import poplib
import random
import re
import smtplib
import threading
from collections.abc import Iterator

from bench.soak.ledger import Entry, Ledger, Place
from mailsuite.testing.instance import Instance

#: Seconds for an answer.
PATIENCE = 60.0
#: Messages that a reader looks at in one turn.
AT_ONCE = 60
#: Messages above which IMAP users tidy up.
FULL = 300
WAYS = ((Place.IMAP,), (Place.POP3,), (Place.FAR,), (Place.IMAP, Place.POP3), (Place.IMAP, Place.FAR))
_UID = re.compile(rb"UID (\d+)")

poplib._MAXLINE = 100_000  # type: ignore[attr-defined]


class Client(threading.Thread):
    """``turn`` is what it does; ``pause`` seconds lie between two turns."""

    pause = 0.05

    def __init__(self, instance: Instance, ledger: Ledger, seed: int) -> None:
        super().__init__(daemon=True, name=f"{type(self).__name__} {seed}")
        self.instance = instance
        self.ledger = ledger
        self.random = random.Random(f"{type(self).__name__} {seed}")
        self._leaving = threading.Event()

    def leave(self) -> None:
        self._leaving.set()

    @property
    def leaving(self) -> bool:
        return self._leaving.is_set()

    def run(self) -> None:
        while not self.leaving:
            try:
                self.turn()
            except (OSError, EOFError, smtplib.SMTPException, imaplib.IMAP4.error, poplib.error_proto) as error:
                self.ledger.counts[f"{type(self).__name__} interrupted"] += 1
                self.interrupted(error)
            except Exception as error:
                self.ledger.complain(f"{self.name}: {error!r}")
            self._leaving.wait(self.pause)

    def turn(self) -> None:
        raise NotImplementedError

    def interrupted(self, error: Exception) -> None:
        """The turn ended early."""
        self._leaving.wait(0.2)

    def address(self, place: Place) -> str:
        return "u@far.test" if place is Place.FAR else f"{place.value}@{self.instance.domain}"


class Sender(Client):
    """Some messages by SMTP over one connection, each to one place or two."""

    def turn(self) -> None:
        with smtplib.SMTP("127.0.0.1", self.instance.ports["smtp"], "src.test", PATIENCE) as client:
            for _ in range(self.random.randrange(1, 30)):
                if self.leaving:
                    return
                places = self.random.choice(WAYS)
                token, octets = self.ledger.new(*places)
                refused = client.sendmail("s@src.test", [self.address(place) for place in places], octets)
                self.ledger.answered(token, *[place for place in places if self.address(place) not in refused])


class Appender(Client):
    """Keeps copies with APPEND."""

    def turn(self) -> None:
        with imaplib.IMAP4("127.0.0.1", self.instance.ports["imap"], PATIENCE) as client:
            client.login(self.address(Place.IMAP), self.instance.password)
            for _ in range(self.random.randrange(1, 10)):
                if self.leaving:
                    return
                token, octets = self.ledger.new(Place.IMAP)
                if client.append("INBOX", "(\\Seen)", None, octets)[0] == "OK":
                    self.ledger.answered(token, Place.IMAP)
                    self.ledger.counts["appended"] += 1


class ImapReader(Client):
    """Reads, flags and deletes, and looks whether UIDs go on naming the same message."""

    pause = 0.3

    def __init__(self, instance: Instance, ledger: Ledger, seed: int) -> None:
        super().__init__(instance, ledger, seed)
        self._named: dict[int, str] = {}

    def turn(self) -> None:
        life = self.ledger.life
        with imaplib.IMAP4("127.0.0.1", self.instance.ports["imap"], PATIENCE) as client:
            client.login(self.address(Place.IMAP), self.instance.password)
            client.select("INBOX")
            uids = client.uid("SEARCH", "ALL")[1][0].split()
            chosen = self.random.sample(uids, min(AT_ONCE, len(uids)))
            found = dict(self._read(client, chosen, life))
            self.ledger.counts["read over IMAP"] += len(found)
            self._flag(client, found)
            if len(uids) > FULL:
                self._tidy_up(client, found)

    def _read(self, client: imaplib.IMAP4, uids: list[bytes], life: int) -> Iterator[tuple[bytes, Entry]]:
        if not uids:
            return
        for item in client.uid("FETCH", b",".join(uids).decode(), "(UID BODY.PEEK[])")[1]:
            if not isinstance(item, tuple):
                continue
            uid = _UID.search(item[0])
            entry = self.ledger.seen(item[1], Place.IMAP, life)
            if uid is not None and entry is not None:
                if self._named.setdefault(int(uid[1]), entry.token) != entry.token:
                    self.ledger.complain(f"UID {uid[1]!r} names another message than before")
                yield uid[1], entry

    def _flag(self, client: imaplib.IMAP4, found: dict[bytes, Entry]) -> None:
        for uid, entry in list(found.items())[:5]:
            answer, lines = client.uid("STORE", uid.decode(), "+FLAGS", "(\\Flagged)")
            if answer == "OK" and lines and lines[0]:
                entry.flagged = True
                self.ledger.counts["flagged"] += 1

    def _tidy_up(self, client: imaplib.IMAP4, found: dict[bytes, Entry]) -> None:
        uids = b",".join(found).decode()
        self.ledger.asked_to_delete(found.values())
        marked = client.uid("STORE", uids, "+FLAGS.SILENT", "(\\Deleted)")[0]
        if client.uid("EXPUNGE", uids)[0] == marked == "OK":
            for entry in found.values():
                entry.gone = True
            self.ledger.counts["deleted"] += len(found)


class Pop3Reader(Client):
    """Takes all that is there away."""

    pause = 1.0

    def turn(self) -> None:
        life = self.ledger.life
        client = poplib.POP3("127.0.0.1", self.instance.ports["pop3"], timeout=PATIENCE)
        try:
            client.user(self.address(Place.POP3))
            client.pass_(self.instance.password)
            entries = []
            for number in range(1, min(client.stat()[0], AT_ONCE) + 1):
                entry = self.ledger.seen(b"\r\n".join(client.retr(number)[1]) + b"\r\n", Place.POP3, life)
                if entry is not None:
                    entries.append(entry)
                    client.dele(number)
            self.ledger.asked_to_delete(entries)
            client.quit()
        finally:
            client.close()
        for entry in entries:
            entry.gone = True
        self.ledger.counts["fetched by POP3"] += len(entries)
