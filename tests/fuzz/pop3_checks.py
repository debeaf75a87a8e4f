"""What must hold for the POP3 core whatever octets come: no exception, bounded memory, any cut the same.

``check(data)`` takes a fuzzer's octets: how the core is set up, how the stream is cut, then the stream itself.
``seeds`` makes such octets of the dialogue scripts.  Messages are downgraded (RFC 6858) from octets of the same kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from mailsuite.mime.downgrade import downgrade, headers
from mailsuite.mime.structure import scan
from mailsuite.pop3 import events
from mailsuite.pop3.capabilities import Terms
from mailsuite.pop3.conversation import Profile
from mailsuite.pop3.limits import Limits
from mailsuite.pop3.maildrop import Maildrop
from mailsuite.pop3.server import ServerCore
from mailsuite.pop3.states import State
from mailsuite.pop3.texts import Text
from mailsuite.testing.dialogue import Send, random_cuts, read_script
from mailsuite.wire.signals import Signal

DIALOGUES = Path(__file__).parents[1] / "dialogues/pop3"
LIMITS = Limits(line=255, exchange_line=600, faults=9, failed_logins=3)
SIZES, NAMES = (17, 3, 2000), ("a", "b", "c" * 70)
TERMS = Terms(4, 9, True, False)
MESSAGES = (b"Subject: x\r\n\r\n.a\r\n", b"...", b"\r\n." * 600)
_STATUS = re.compile(rb"\+OK |-ERR |\+ ")


def check(data: bytes) -> None:
    """Raises where something does not hold."""
    if len(data) < 2:
        return
    setup, cut, stream = data[0], data[1], data[2:]
    check_server(setup, list(random_cuts(cut)(stream)), stream)
    check_downgrade(stream)


# -- the server ------------------------------------------------------------------------------------------------------


def check_server(setup: int, pieces: list[bytes], stream: bytes) -> None:
    tls = bool(setup & 1)
    whole, cut = _serve(setup, [stream], tls), _serve(setup, pieces, tls)
    if not tls:  # what is dropped at STLS is what has arrived by then
        assert cut == whole


def _serve(setup: int, pieces: list[bytes], tls: bool) -> tuple[list[events.Event], bytes, State]:
    profile = Profile("mx.test", tls=tls, plaintext=not setup & 2, limits=LIMITS)
    timestamp = "<1.2@mx.test>" if setup & 8 else ""
    core, seen, out = ServerCore(profile, mechanisms=("SCRAM-SHA-256", "PLAIN"), timestamp=timestamp), [], b""
    for piece in [b"", *pieces]:
        core.receive(piece)
        while not isinstance(event := core.next_event(), Signal):
            seen.append(event)
            assert all(0 <= index < len(SIZES) for index in core.coming())
            _answer(core, event, tls)
            said = core.data_to_send()
            assert isinstance(event, events.Answered | events.Close) or _STATUS.match(said)
            assert said.endswith(b"\r\n") or isinstance(event, events.Answered | events.Close)
            out += said
        out += core.data_to_send()
        assert core.buffered <= LIMITS.exchange_line or core.state is State.ENDED
    closed = [at for at, event in enumerate(seen) if isinstance(event, events.Close)]
    assert closed in ([], [len(seen) - 1])
    assert out.startswith(b"+OK mx.test POP3 server ready")
    assert out.endswith(b"\r\n")
    return seen, out, core.state


def _answer(core: ServerCore, event: events.Event, tls: bool) -> None:
    """Depends on nothing but the event, for the same session must be the same in any cut."""
    match event:
        case events.Capabilities():
            core.capabilities(TERMS)
        case events.Login(password=password) if "n" in password:
            core.login_failed(Text.WRONG)
        case events.Login() | events.Apop():
            assert core.private or isinstance(event, events.Apop)
            core.logged_in(Maildrop(SIZES, NAMES), TERMS)
        case events.Authenticate(has_initial=False):
            core.challenge(b"")
        case events.Authenticate() | events.Response(line=b"="):
            core.refuse(Text.MALFORMED)
        case events.Response():
            core.logged_in(Maildrop(SIZES, NAMES), TERMS)
        case events.StartTLS():
            if core.start_tls():
                assert core.buffered == 0
                assert tls
        case events.Retrieve(index=index):
            core.send_message(MESSAGES[index])
        case events.Top(index=index):
            core.begin_top()
            core.send_part(MESSAGES[index])
            core.end_message()
        case events.Update(deleted=deleted):
            assert list(deleted) == sorted(set(deleted))
            core.updated()


# -- messages --------------------------------------------------------------------------------------------------------


def check_downgrade(stream: bytes) -> None:
    message = stream.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    changed = downgrade(message)
    assert len(changed) <= 40 * len(message) + 400
    for span in headers(scan(changed)):
        block = changed[span.start : span.start + span.length]
        assert block.isascii() or not _is_utf8(block)


def _is_utf8(block: bytes) -> bool:
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return True


def seeds() -> Iterator[tuple[str, bytes]]:
    """Name and octets: what the clients of the dialogue scripts send, and messages."""
    for path in sorted(DIALOGUES.glob("*.txt")):
        script = read_script(path)
        said = b"".join(step.data for step in script.steps if isinstance(step, Send) and step.link == 1)
        yield path.stem, b"\x00\x07" + said[:3000]
    yield (
        "global",
        b"\x00\x07"
        + "From: ö <ü@ä.de>, x: é <a@b>;\nContent-Type: multipart/x; boundary=b; n=ß\n\n--b\nX-ä: ü\n".encode(),
    )
