"""The dialogue runner itself: a right script passes, a wrong one fails and says where."""

import re

import pytest
from twisted.internet.interfaces import IHandshakeListener, IProtocolFactory
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from mailsuite.interfaces import IOffload
from mailsuite.testing.dialogue import Mismatch, ScriptError, octets, parse_script, play, random_cuts, unescape, whole
from mailsuite.testing.stages import LoopbackStage, MemoryStage, ReactorThread
from mailsuite.testing.tls import ReadyTLS


@implementer(IHandshakeListener)
class Echo(LineReceiver):
    """Repeats lines; some words make it do things."""

    factory: "EchoFactory"

    def connectionMade(self) -> None:
        self.sendLine(b"hello " + self.factory.greeting)

    def lineReceived(self, line: bytes) -> None:
        if line == b"later":
            self.factory.clock.callLater(2, self.sendLine, b"now")
        elif line == b"secure":
            self.sendLine(b"go")
            self.transport.startTLS(ReadyTLS().server())
        elif line == b"break":
            Logger().failure("broken", Failure(RuntimeError("our fault")))
        else:
            self.sendLine(b"you said " + line)
            if line == b"bye":
                self.transport.loseConnection()

    def handshakeCompleted(self) -> None:
        self.sendLine(b"secret now")


class EchoFactory(Factory):
    protocol = Echo

    def __init__(self, options: dict[str, str], clock: Clock) -> None:
        self.greeting = options.get("greeting", "you").encode()
        self.clock = clock

    def act(self, verb: str, text: str) -> None:
        assert verb == "greet"
        self.greeting = text.encode()


def build(options: dict[str, str], clock: Clock, offload: IOffload) -> IProtocolFactory:
    return EchoFactory(options, clock)


GOOD = r"""
# a comment
% greeting friend
S: hello friend
C: one
C: two
S: you said one
S~ you said t.o
C< tab\there\r\nand\r\n
S< you said tab\there
S*
S: you said and
% do greet other
S2: hello other
C2: two is here
S2: you said two is here
% drop 2
C: later
% wait 2
S: now
C: secure
S: go
% starttls
S: secret now
C: bye
S: you said bye
% closed
"""


@pytest.mark.parametrize("cut", [whole, octets, random_cuts(1)], ids=["whole", "octets", "cuts"])
@pytest.mark.parametrize("high_water", [0, 65536])
def test_a_right_script_passes_in_memory(cut, high_water) -> None:
    script = parse_script(GOOD, "good")
    play(script, MemoryStage(build, script, high_water), cut)


def test_over_loopback_a_right_script_passes_and_a_wrong_one_fails(reactor_thread: ReactorThread) -> None:
    script = parse_script(GOOD, "good")
    play(script, LoopbackStage(build, script, reactor_thread))
    script = parse_script("S: hello you\nC: x\nS: you said y", "wrong")
    with pytest.raises(Mismatch, match=r"wrong:3"):
        play(script, LoopbackStage(build, script, reactor_thread))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("S: hello", r"wrong:1\n.*\nexpected: S: hello\n     got: hello you"),
        ("S: hello yo", "expected: S: hello yo"),
        ("S~ hello yo", "expected: S~ hello yo"),
        ("S< hello you\\r", "expected: S<"),
        ("S: hello you\nS: more", "wrong:2\n.*\nexpected: S: more\n     got: nothing"),
        ("S: hello you\nC: a", r"expected: the end of connection 1\n     got: you said a"),
        ("S: hello you\nC: a\nS*\nS: b", "got: nothing"),
        ("S: hello you\n% closed", "expected: the server closes"),
        ("S: hello you\nC: bye\n% closed", r"closes\n     got: you said bye"),
        ("S: hello you\nC: later\n% wait 1\nS: now", "got: nothing"),
        ("S: hello you\n% starttls", "did not start TLS"),
        ("S: hello you\nC: break", "our fault"),
    ],
)
def test_a_wrong_script_fails(text: str, said: str) -> None:
    script = parse_script(text, "wrong")
    with pytest.raises(AssertionError) as caught:
        play(script, MemoryStage(build, script))
    assert re.search(said, str(caught.value), re.DOTALL), str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Q: what", "x:1: not a line"),
        ("S: hi\n% greeting late", "x:2: an option"),
        ("S~ (", "x:1:"),
        ("C~ a", "x:1: a client says"),
        ("C< \\x", "x:1:"),
    ],
)
def test_a_script_that_makes_no_sense_is_refused(text: str, said: str) -> None:
    with pytest.raises(ScriptError, match=said):
        parse_script(text, "x")


def test_escapes() -> None:
    assert unescape(r"it's \"q\" \\ \x00\r\n é") == b'it\'s "q" \\ \x00\r\n ' + "é".encode()


def test_plain_octets_to_a_tls_server_end_the_connection() -> None:
    script = parse_script("S: hello you\nC: secure\nC: x\nS: go\n% starttls\nS: secret now", "early")
    with pytest.raises(Mismatch, match="got: nothing"):
        play(script, MemoryStage(build, script), octets)
