"""What must hold for the SMTP cores whatever octets come: no exception but their own, bounded memory, any cut the same.

``check(data)`` takes a fuzzer's octets: which core, how it is set up, how the stream is cut, then the stream itself.
``seeds`` makes such octets of the dialogue scripts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from mailsuite.model import Address, BodyType, Recipient
from mailsuite.smtp import events
from mailsuite.smtp.address import AddressError, parse_forward_path, parse_mailbox, parse_reverse_path, split_path
from mailsuite.smtp.client import ClientCore
from mailsuite.smtp.client_events import BodyWanted, ClientLimits, Done, Greeted, TlsReady, Transaction
from mailsuite.smtp.extensions import Limits, Options
from mailsuite.smtp.reply import ProtocolError, ReplyParser, reply
from mailsuite.smtp.server import ServerCore
from mailsuite.smtp.states import State
from mailsuite.testing.dialogue import Send, random_cuts, read_script
from mailsuite.wire.signals import Signal

DIALOGUES = Path(__file__).parents[1] / "dialogues/smtp"
LIMITS = Limits(command_line=512, auth_line=512, message=400, recipients=3, errors=8)
#: Questions that the core knows a yes for.
_ACCEPTED = (
    events.Connected, events.Greeting, events.Mail, events.Rcpt, events.Data, events.ChunkEnd, events.StartTLS
)  # fmt: skip
#: Octets that may wait when all was looked at: a line that has not ended.  Extensions make lines longer.
MOST_WAITING = 4096


def check(data: bytes) -> None:
    """Raises where something does not hold."""
    if len(data) < 3:
        return
    which, setup, cut, stream = data[0], data[1], data[2], data[3:]
    _CHECKS[which % len(_CHECKS)](setup, list(random_cuts(cut)(stream)), stream)


# -- the server ------------------------------------------------------------------------------------------------------


def check_server(setup: int, pieces: list[bytes], stream: bytes) -> None:
    tls = bool(setup & 1)
    options = Options(
        "mx.test",
        lmtp=bool(setup & 2),
        starttls=True,
        mechanisms=("PLAIN", "LOGIN"),
        auth_in_clear=bool(setup & 4),
        auth_required=bool(setup & 8),
        mend_bare_lf=bool(setup & 16),
        xclient=bool(setup & 32),
        submission=bool(setup & 64),
        trusted=bool(setup & 128),
        limits=LIMITS,
    )
    whole = _serve(options, [stream], tls)
    cut = _serve(options, pieces, tls)
    if not tls:  # what is dropped at STARTTLS is what has arrived by then
        assert cut == whole


def _serve(options: Options, pieces: list[bytes], tls: bool) -> tuple[list[events.Event], bytes, State]:
    core, seen, out = ServerCore(options), [], b""
    for piece in [b"", *pieces]:
        core.receive(piece)
        while not isinstance(event := core.next_event(), Signal):
            if isinstance(event, events.Chunk) and seen and isinstance(seen[-1], events.Chunk):
                seen[-1] = events.Chunk(seen[-1].data + event.data)
            else:
                seen.append(event)
            _answer(core, event, tls)
            out += core.data_to_send()
        out += core.data_to_send()
        assert core.buffered <= MOST_WAITING
    _look_at(seen)
    for line in out.split(b"\r\n")[:-1]:
        assert line[:3].isdigit()
        assert line[3:4] in (b" ", b"-")
        assert len(line) <= 510
    assert out.endswith(b"\r\n")
    return seen, out, core.state


def _answer(core: ServerCore, event: events.Event, tls: bool) -> None:
    """Depends on nothing but the event, for the same session must be the same in any cut."""
    match event:
        case events.Rcpt(recipient=recipient) if recipient.address.local.startswith("n"):
            core.reply(reply(550, "5.1.1", "No"))
        case events.StartTLS() if not tls:
            core.reply(reply(454, "4.7.0", "Not now"))
        case events.StartTLS():
            core.accept()
            core.secured()
            assert core.buffered == 0
            assert not core.authenticated
        case events.AuthBegin(initial=None):
            core.reply(reply(334, "", ""))
        case events.AuthBegin() | events.AuthResponse():
            core.reply(reply(235, "2.7.0", "Yes"))
        case events.ChunkEnd(too_big=True):
            core.reply(reply(552, "5.3.4", "Too big"))
        case events.MessageEnd(faults=faults):
            core.reply(reply(550, "5.6.0", "No") if faults else reply(250, "2.0.0", "Ok"))
        case event if isinstance(event, _ACCEPTED):
            core.accept()
        case event if isinstance(event, events.Question):
            core.reply(reply(252, "2.5.0", "Perhaps"))


def _look_at(seen: list[events.Event]) -> None:
    """Bodies are within the limit and honest about their faults; nothing comes after the end."""
    given, binary = b"", False
    for event in seen:
        match event:
            case events.Mail(body=body):
                given, binary = b"", body is BodyType.BINARY_MIME
            case events.Chunk(data=data):
                given += data
                assert len(given) <= LIMITS.message
            case events.MessageEnd(size=size, faults=faults):
                assert (size > LIMITS.message) is (events.Fault.TOO_BIG in faults)
                if not faults:
                    assert size == len(given)
                    assert binary or not set(given.replace(b"\r\n", b"")) & set(b"\r\n\0")
                given = b""
    ended = [at for at, event in enumerate(seen) if isinstance(event, events.Quit | events.Hangup)]
    assert ended in ([], [len(seen) - 1])


# -- the client ------------------------------------------------------------------------------------------------------


def check_client(setup: int, pieces: list[bytes], stream: bytes) -> None:
    core = ClientCore("us.test", "mx.test", ClientLimits(line=200, lines=5))
    count = setup % 3 + 1
    recipients = tuple(Recipient(Address(f"r{n}", "far.test")) for n in range(count))
    transaction = Transaction(Address("a", "us.test"), recipients, 100, eight_bit=bool(setup & 4))
    wire, done = b"", []
    for piece in [*pieces, None]:
        if piece is None:
            core.lost("gone")
        else:
            core.receive(piece)
        while not isinstance(event := core.next_event(), Signal):
            match event:
                case Greeted() if "STARTTLS" in event.extensions and not core.secure and not core.ended:
                    core.start_tls()
                case Greeted() if not core.ended:
                    core.send(transaction)
                case TlsReady():
                    core.secured()
                case BodyWanted():
                    core.body(b"one\r\n.two\n.\nthree\r")
                    core.end_body()
                case Done():
                    done.append(event)
        wire += core.data_to_send()
    assert core.ended
    assert len(done) <= 1
    assert all(len(one.outcomes) == count for one in done)
    assert not set(wire.replace(b"\r\n", b"")) & set(b"\r\n\0")
    assert isinstance(event, Signal)
    _check_replies(pieces, stream)


def _check_replies(pieces: list[bytes], stream: bytes) -> None:
    assert _replies(pieces) == _replies([stream])


def _replies(pieces: list[bytes]) -> list[object]:
    parser, seen = ReplyParser(200, 5), []
    for piece in pieces:
        parser.receive(piece)
        try:
            while not isinstance(found := parser.next_reply(), Signal):
                seen.append(found)
        except ProtocolError as error:
            return [*seen, str(error)]
        assert parser.buffered <= 200
    return seen


# -- addresses -------------------------------------------------------------------------------------------------------


def check_address(_setup: int, _pieces: list[bytes], stream: bytes) -> None:
    text = stream.decode("latin-1")
    for parse in (parse_forward_path, parse_reverse_path, parse_mailbox):
        try:
            address = parse(text)
        except AddressError:
            continue
        if address.local and address.domain:
            assert parse_mailbox(str(address)) == address
    try:
        path, rest = split_path(text)
    except AddressError:
        return
    assert path + rest == text


_CHECKS: tuple[Callable[[int, list[bytes], bytes], None], ...] = (
    check_server,
    check_server,
    check_server,
    check_client,
    check_address,
)
SERVER, CLIENT, ADDRESS = 0, 3, 4

# -- where to begin --------------------------------------------------------------------------------------------------


def seeds() -> Iterator[tuple[str, bytes]]:
    """Names and inputs: what clients say in the dialogues, and a few replies and addresses."""
    for path in sorted(DIALOGUES.glob("*.txt")):
        said = b"".join(step.data for step in read_script(path).steps if isinstance(step, Send))
        for setup in (4, 5, 6):
            yield f"{path.stem}-{setup}", bytes((SERVER, setup, 1)) + said[:4000]
    ehlo = b"220 mx\r\n250-mx\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250 8BITMIME\r\n"
    for n, rest in enumerate(
        (b"250 Ok\r\n250 Ok\r\n354 go\r\n250 2.0.0 Ok\r\n", b"250 Ok\r\n550 5.1.1 No\r\n554 No\r\n", b"421 Bye\r\n")
    ):
        yield f"client-{n}", bytes((CLIENT, 4, n)) + ehlo + rest
    chunked = ehlo.replace(b"250 8BIT", b"250-CHUNKING\r\n250-DSN\r\n250-SMTPUTF8\r\n250 8BIT")
    yield "client-chunks", bytes((CLIENT, 4, 9)) + chunked + b"250 Ok\r\n250 Ok\r\n250 Ok\r\n250 2.0.0 Ok\r\n"
    for n, text in enumerate(
        (b"<a@b.test>", b'<"a b"@[192.0.2.1]>', b"<@a,@b:c@[IPv6:::1]> SIZE=1", b"<>", b"<postmaster>")
    ):
        yield f"address-{n}", bytes((ADDRESS, 0, 0)) + text
