"""A session with the core, answered as an adapter would: every command is understood and done."""

from __future__ import annotations

import pytest

from mailsuite.imap import codes, events
from mailsuite.imap.events import Command, Hangup
from mailsuite.imap.limits import Limits
from mailsuite.imap.server import ServerCore
from mailsuite.imap.states import State
from mailsuite.wire.signals import NEED_DATA, PAUSED

_TO_SELECTED = b"0 LOGIN u p\r\n0 SELECT box\r\n"


class Session:
    """``events``: what the core gave; ``send`` answers each at once and says what went out."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.core = ServerCore(limits or Limits())
        self.events: list[Command | Hangup] = []
        self.refuse_appends = self.bad_urls = False

    def send(self, data: bytes) -> bytes:
        self.core.receive(data)
        while (event := self.core.next_event()) is not NEED_DATA:
            assert event is not PAUSED
            self.events.append(event)
            self._answer(event)
        return self.core.data_to_send()

    def _answer(self, event: Command | Hangup) -> None:
        core = self.core
        match event:
            case events.AppendBegin() if self.refuse_appends:
                core.no(event.tag, b"no such mailbox", b"TRYCREATE")
            case events.AppendUrl() if self.bad_urls:
                core.no(event.tag, b"not there", codes.badurl(event.url))
            case events.AppendBegin() | events.AppendText() | events.AppendUrl():
                core.accept()
            case events.AppendChunk() | events.AppendAbort() | Hangup():
                pass
            case events.IdleBegin():
                core.begin_idle()
            case events.AuthenticateBegin(initial=b""):
                core.challenge(b"")
            case events.AuthenticateResponse(data=b"*"):
                core.bad(event.tag, b"cancelled")
            case _:
                core.ok(event.tag, b"done")

    def take(self) -> list[Command | Hangup]:
        """The events since the last call."""
        taken, self.events = self.events, []
        return taken

    @property
    def last(self) -> Command | Hangup:
        return self.events[-1]


@pytest.fixture
def session() -> Session:
    """Before login."""
    return Session()


@pytest.fixture
def selected() -> Session:
    """With a mailbox selected."""
    return select(Session())


def select(session: Session) -> Session:
    session.send(_TO_SELECTED)
    session.take()
    assert session.core.state is State.SELECTED
    return session


@pytest.fixture
def new_session() -> type[Session]:
    return Session
