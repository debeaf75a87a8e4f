"""A polite client that sends and reads a little mail, turn after turn, and notes how long each answer took."""

from __future__ import annotations

import imaplib
import poplib
import smtplib
import threading
import time
from collections.abc import Callable
from typing import Self

from mailsuite.testing.instance import Instance

MESSAGE = b"From: polite@b.test\r\nSubject: a word\r\n\r\nGood day.\r\n"
#: Seconds between two turns.
PAUSE = 0.05
#: Seconds for an answer after which the turn has failed.
GIVE_UP = 20.0


class Bystander:
    """Use as a context; afterwards ``turns``, ``slowest`` (seconds), ``slowest_step`` and ``failures`` (words)."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self.turns = 0
        self.slowest = 0.0
        self.slowest_step = ""
        self.failures: list[str] = []
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.set()
        self._thread.join(4 * GIVE_UP)

    def _run(self) -> None:
        while not self._leaving.is_set():
            for turn in (self._send, self._read, self._fetch):
                try:
                    turn()
                except Exception as error:
                    self.failures.append(f"{turn.__name__}: {error!r}")
            self.turns += 1
            self._leaving.wait(PAUSE)

    def _timed(self, step: str, ask: Callable[[], object]) -> object:
        begun = time.perf_counter()
        answer = ask()
        took = time.perf_counter() - begun
        if took > self.slowest:
            self.slowest, self.slowest_step = took, step
        return answer

    def _send(self) -> None:
        port = self._instance.ports["smtp"]
        client = self._timed("SMTP greeting", lambda: smtplib.SMTP("127.0.0.1", port, "polite.b.test", GIVE_UP))
        assert isinstance(client, smtplib.SMTP)
        with client:
            self._timed("EHLO", client.ehlo)
            self._timed("MAIL", lambda: client.mail("polite@b.test"))
            self._timed("RCPT", lambda: client.rcpt(self._instance.account))
            code, words = self._timed("DATA", lambda: client.data(MESSAGE))  # type: ignore[misc]
            if code != 250:
                self.failures.append(f"DATA: {code} {words!r}")

    def _read(self) -> None:
        port = self._instance.ports["imap"]
        client = self._timed("IMAP greeting", lambda: imaplib.IMAP4("127.0.0.1", port, GIVE_UP))
        assert isinstance(client, imaplib.IMAP4)
        with client:
            self._timed("LOGIN", lambda: client.login(self._instance.account, self._instance.password))
            self._timed("SELECT", client.select)
            self._timed("FETCH", lambda: client.fetch("1", "(FLAGS ENVELOPE)"))
            self._timed("SEARCH", lambda: client.search(None, "UNSEEN"))

    def _fetch(self) -> None:
        port = self._instance.ports["pop3"]
        client = self._timed("POP3 greeting", lambda: poplib.POP3("127.0.0.1", port, GIVE_UP))
        assert isinstance(client, poplib.POP3)
        self._timed("USER", lambda: client.user(self._instance.account))
        self._timed("PASS", lambda: client.pass_(self._instance.password))
        self._timed("STAT", client.stat)
        self._timed("QUIT", client.quit)
