"""What must hold for the IMAP core and for what FETCH and SEARCH make of messages, whatever octets come.

``check(data)`` takes a fuzzer's octets: how the session begins, how the stream is cut, then the stream itself, which is
read as commands and as a message.  ``seeds`` makes such octets of the dialogue scripts.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mailsuite.imap import events
from mailsuite.imap.dialect import REV2, UTF8_ACCEPT
from mailsuite.imap.limits import Limits
from mailsuite.imap.server import ServerCore
from mailsuite.imap.states import State
from mailsuite.mime.preview import preview
from mailsuite.mime.render import summary
from mailsuite.mime.search import content
from mailsuite.query import Body, Header
from mailsuite.testing.dialogue import Send, random_cuts, read_script
from mailsuite.testing.imap_values import value_end
from mailsuite.wire.signals import NEED_DATA, PAUSED

DIALOGUES = Path(__file__).parents[1] / "dialogues/imap"
LIMITS = Limits(
    line=2000, literal=300, literal_before_login=100, literals=500, message=400, messages=3, parts=5, swallow=3000
)
_DIALECTS = {"IMAP4REV2": REV2, "UTF8=ACCEPT": UTF8_ACCEPT}


def check(data: bytes) -> None:
    """Raises where something does not hold."""
    if len(data) < 2:
        return
    setup, cut, stream = data[0], data[1], data[2:]
    check_server(setup, list(random_cuts(cut)(stream)), stream)
    check_message(stream)


# -- the server ------------------------------------------------------------------------------------------------------


def check_server(setup: int, pieces: list[bytes], stream: bytes) -> None:
    start = b"0 LOGIN u p\r\n0 SELECT box\r\n" if setup & 1 else b""
    whole, cut = Session(setup, [start, stream]), Session(setup, [start, *pieces])
    if not (whole.layered or cut.layered):  # what is dropped at STARTTLS and COMPRESS is what has arrived by then
        assert cut.story() == whole.story()


class Session:
    """All of ``pieces`` sent, each command answered at once; depends on nothing but the octets, for the same session
    must be the same in any cut."""

    def __init__(self, setup: int, pieces: list[bytes]) -> None:
        self.core = ServerCore(LIMITS)
        self.refuses = bool(setup & 2)
        self.seen: list[events.Command | events.Hangup] = []
        self.out = b""
        self.layered = False
        for piece in pieces:
            self.core.receive(piece)
            while (event := self.core.next_event()) is not NEED_DATA:
                assert event is not PAUSED, "each was answered"
                self.seen.append(event)
                self._answer(event)
                self._take()
            self._take()
            assert self.core.buffered <= max(LIMITS.line, LIMITS.literal) + len(piece)

    def _take(self) -> None:
        said = self.core.data_to_send()
        assert not said or said.endswith(b"\r\n")
        assert all(line.startswith((b"+ ", b"* ")) or b" " in line for line in said.split(b"\r\n")[:-1])
        self.out += said

    def _answer(self, event: events.Command | events.Hangup) -> None:
        core = self.core
        match event:
            case events.AppendBegin() | events.AppendUrl() if self.refuses:
                core.no(event.tag, b"no such mailbox", b"TRYCREATE")
            case events.AppendBegin() | events.AppendText() | events.AppendUrl():
                core.accept()
            case events.AppendChunk() | events.AppendAbort() | events.Hangup():
                pass
            case events.IdleBegin():
                core.begin_idle()
            case events.AuthenticateBegin(initial=b""):
                core.challenge(b"")
            case events.AuthenticateResponse(data=b"*"):
                core.bad(event.tag, b"cancelled")
            case events.Enable(names=names):
                for name in _DIALECTS.keys() & names:
                    core.speak(core.dialect | _DIALECTS[name])
                core.ok(event.tag, b"done")
            case events.StartTls() | events.Compress():
                self.layered = True
                assert core.buffered == 0
                core.ok(event.tag, b"done")
            case _:
                core.ok(event.tag, b"done")

    def story(self) -> tuple[list[events.Command | events.Hangup], bytes, State]:
        """What happened.  Chunks of a message are joined, and those of one that was broken off are left out: how much
        of it was seen before its NUL depends on the cut, and does not matter."""
        told: list[events.Command | events.Hangup] = []
        for event in self.seen:
            last = told[-1] if told else None
            if isinstance(last, events.AppendChunk) and isinstance(event, events.AppendChunk):
                told[-1] = events.AppendChunk(event.tag, last.data + event.data)
                continue
            if isinstance(last, events.AppendChunk) and isinstance(event, events.AppendAbort):
                told.pop()
            told.append(event)
        return told, self.out, self.core.state


# -- messages --------------------------------------------------------------------------------------------------------


def check_message(message: bytes) -> None:
    """Whatever is stored, what FETCH answers is well formed, and SEARCH finds what is there."""
    found = summary(message)
    for value in (found.envelope, found.structure, found.body):
        assert value_end(value) == len(value)
        assert b"\0" not in value
    shown = preview(message)
    assert len(shown) <= 200
    assert not {"\r", "\n", "\0"} & set(shown)
    asked = content(message)
    assert asked.holds(Body(""))
    asked.holds(Header("subject", "x"))


def seeds() -> Iterator[tuple[str, bytes]]:
    """Name and octets: what the clients of the dialogue scripts send, and a message."""
    for path in sorted(DIALOGUES.glob("*.txt")):
        script = read_script(path)
        said = b"".join(step.data for step in script.steps if isinstance(step, Send) and step.link == 1)
        yield path.stem, b"\x00\x07" + said[:3000]
    yield (
        "message",
        b"\x01\x07From: =?utf-8?q?=C3=A9?= <a@b>, g: c@d;\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
        b"Content-Type: message/rfc822\r\n\r\nSubject: Re: x\r\n\r\ny\r\n--b\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\neA==\r\n--b--\r\n",
    )
