r"""Dialogue scripts: what a client says and what the server must answer, as text that reads like an RFC's examples.

    % key value     an option for the server (before the first line that speaks); ``peer ADDRESS``, ``tls implicit``
                    and ``modes NAME...`` (only these modes) are also the runner's own
    C: line         the client sends line and CRLF;  ``C< raw\r\n`` sends exactly these octets (Python escapes)
    S: line         the server's next line is this;  ``S~ regex`` matches all of it;  ``S< raw`` with escapes;
                    ``S*`` skips lines until the next expectation matches
    C2: S2: ...     a second connection, opened at its first line
    % closed [n]    the server has closed;  ``% drop [n]`` the client hangs up;  ``% starttls [n]`` it shakes hands
    % deflate [n]   both sides compress from now on (RFC 4978);  ``% plain [n]`` no more
    % wait SECONDS  time passes;  ``% do VERB TEXT`` calls the factory's ``act(verb, text)``;  ``# comment``

Client lines with nothing between them are one turn, sent at once or cut as the mode says.  A script fails at the first
wrong line, at lines nobody expected before the end, and for whatever the server logged as a failure.
"""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn, Protocol, TypeAlias

import msgspec
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import implementer

from mailsuite.interfaces import IOffload

#: ``build(options, clock, offload)`` of a ``*_world.py`` beside the scripts.
Build: TypeAlias = Callable[[dict[str, str], Clock, IOffload], IProtocolFactory]
#: How octets of one turn are cut into deliveries.
Cut: TypeAlias = Callable[[bytes], Iterator[bytes]]

#: The clock of a dialogue starts here: 2025-06-15 15:06:40 UTC.
EPOCH = 1_750_000_000.0


class Send(msgspec.Struct, frozen=True):
    """One turn: octets the client sends; ``line`` is where in the script it begins."""

    line: int
    link: int
    data: bytes


class Expect(msgspec.Struct, frozen=True):
    """A line the server must send; ``skip`` allows any others before it."""

    line: int
    link: int
    text: str
    pattern: re.Pattern[bytes]
    skip: bool = False


class Act(msgspec.Struct, frozen=True):
    """A ``%`` line among the conversation."""

    line: int
    verb: str
    text: str


Step: TypeAlias = Send | Expect | Act


class Script(msgspec.Struct, frozen=True):
    name: str
    options: dict[str, str]
    steps: tuple[Step, ...]


class ScriptError(ValueError):
    """The script itself makes no sense; the text names file and line."""


class Mismatch(AssertionError):
    """The server did not say what the script expects; the text holds the conversation so far."""


class Link(Protocol):
    """The client's side of one connection."""

    def send(self, data: bytes) -> None: ...

    def read_line(self) -> bytes | None:
        """The next line with its CRLF, what is left at the end of the connection, or None: nothing (more) came."""

    def closed(self) -> bool:
        """Whether the server has closed and everything it sent was read."""

    def drop(self) -> None: ...

    def start_tls(self) -> None: ...

    def deflate(self) -> None: ...

    def plain(self) -> None: ...


class Stage(Protocol):
    """Where a script is played: in memory or over loopback."""

    def connect(self) -> Link: ...

    def wait(self, seconds: float) -> None: ...

    def act(self, verb: str, text: str) -> None: ...

    def rest(self, link: Link) -> bytes:
        """What the server sent and nobody read."""

    def end(self) -> None: ...


# -- reading scripts -------------------------------------------------------------------------------------------------

_SPEAKS = re.compile(r"([CS])([0-9]*)([:<~*]) ?(.*)")
_ACTIONS = frozenset({"closed", "drop", "starttls", "deflate", "plain", "wait", "do"})


def read_script(path: Path) -> Script:
    """The script in a file; ScriptError."""
    return parse_script(path.read_text("utf-8"), f"{path.parent.name}/{path.name}")


def parse_script(text: str, name: str) -> Script:
    """A script from its text; ScriptError."""
    options: dict[str, str] = {}
    steps: list[Step] = []
    skipping: set[int] = set()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            if line.startswith("%"):
                _parse_percent(number, line[1:].strip(), options, steps)
            else:
                _parse_speech(number, line, steps, skipping)
        except (ValueError, SyntaxError, re.error) as error:
            raise ScriptError(f"{name}:{number}: {error}: {line}") from error
    return Script(name, options, tuple(_turns(steps)))


def _parse_percent(number: int, line: str, options: dict[str, str], steps: list[Step]) -> None:
    verb, _, text = line.partition(" ")
    if verb in _ACTIONS and not (verb == "starttls" and text.strip().isalpha()):  # ``% starttls yes`` is an option
        steps.append(Act(number, verb, text.strip()))
    elif steps:
        raise ValueError("an option must stand before the first line that speaks")
    else:
        options[verb] = text.strip()


def _parse_speech(number: int, line: str, steps: list[Step], skipping: set[int]) -> None:
    found = _SPEAKS.fullmatch(line)
    if found is None:
        raise ValueError("not a line of a dialogue")
    who, link, kind, text = found[1], int(found[2] or 1), found[3], found[4]
    if who == "C":
        if kind not in ":<":
            raise ValueError("a client says C: or C<")
        steps.append(Send(number, link, unescape(text) if kind == "<" else text.encode() + b"\r\n"))
    elif kind == "*":
        skipping.add(link)
    else:
        steps.append(Expect(number, link, f"{line[: found.end(3)]} {text}", _pattern(kind, text), link in skipping))
        skipping.discard(link)


def _pattern(kind: str, text: str) -> re.Pattern[bytes]:
    if kind == "~":
        return re.compile(text.encode(), re.DOTALL)
    return re.compile(re.escape(unescape(text) if kind == "<" else text.encode()))


def unescape(text: str) -> bytes:
    r"""``a\r\n\x00`` as in a Python bytes literal; other characters are UTF-8."""
    ascii_only = "".join(c if c < "\x80" else "".join(f"\\x{b:02x}" for b in c.encode()) for c in text)
    value = ast.literal_eval("b'" + re.sub(r"(?<!\\)((?:\\\\)*)'", r"\1\\'", ascii_only) + "'")
    assert isinstance(value, bytes)
    return value


def _turns(steps: list[Step]) -> Iterator[Step]:
    """Join neighbouring client lines of one connection."""
    turn: Send | None = None
    for step in steps:
        if isinstance(step, Send) and turn is not None and turn.link == step.link:
            turn = Send(turn.line, turn.link, turn.data + step.data)
            continue
        if turn is not None:
            yield turn
        turn = step if isinstance(step, Send) else None
        if turn is None:
            yield step
    if turn is not None:
        yield turn


# -- cutting turns ---------------------------------------------------------------------------------------------------


def whole(data: bytes) -> Iterator[bytes]:
    """One delivery a turn."""
    yield data


def octets(data: bytes) -> Iterator[bytes]:
    """One octet a delivery."""
    for at in range(len(data)):
        yield data[at : at + 1]


def random_cuts(seed: int) -> Cut:
    """Pieces of 1 to 40 octets, the same ones for the same seed."""
    chance = random.Random(seed)

    def cut(data: bytes) -> Iterator[bytes]:
        at = 0
        while at < len(data):
            size = chance.randint(1, 40)
            yield data[at : at + size]
            at += size

    return cut


# -- playing ---------------------------------------------------------------------------------------------------------


def play(script: Script, stage: Stage, cut: Cut = whole) -> None:
    """Play the script to its end; Mismatch at the first difference."""
    failures: list[LogEvent] = []

    @implementer(ILogObserver)
    def observe(event: LogEvent) -> None:
        if event.get("log_failure") is not None:
            failures.append(event)

    globalLogPublisher.addObserver(observe)
    try:
        _Play(script, stage, cut).run()
    finally:
        stage.end()
        globalLogPublisher.removeObserver(observe)
    if failures:
        traces = "\n".join(event["log_failure"].getTraceback() for event in failures)
        raise Mismatch(f"{script.name}: the server logged failures:\n{traces}")


class _Play:
    def __init__(self, script: Script, stage: Stage, cut: Cut) -> None:
        self.script = script
        self.stage = stage
        self.cut = cut
        self.links: dict[int, Link] = {}
        self.said: list[str] = []

    def run(self) -> None:
        self._link(1)
        for step in self.script.steps:
            if isinstance(step, Send):
                self._send(step)
            elif isinstance(step, Expect):
                self._expect(step)
            else:
                self._act(step)
        for number, link in self.links.items():
            rest = self.stage.rest(link)
            if rest:
                self._fail(self.script.steps[-1].line, f"the end of connection {number}", rest)

    def _link(self, number: int) -> Link:
        if number not in self.links:
            self.links[number] = self.stage.connect()
        return self.links[number]

    def _send(self, step: Send) -> None:
        link = self._link(step.link)
        self._note("C", step.link, step.data)
        for piece in self.cut(step.data):
            link.send(piece)

    def _expect(self, step: Expect) -> None:
        link = self._link(step.link)
        while True:
            line = link.read_line()
            if line is None:
                self._fail(step.line, step.text, None)
            if step.pattern.fullmatch(line.removesuffix(b"\r\n")) and line.endswith(b"\r\n"):
                return self._note("S", step.link, line)
            if not step.skip:
                self._fail(step.line, step.text, line)
            self._note("S", step.link, line)

    def _act(self, step: Act) -> None:
        self.said.append(f"% {step.verb} {step.text}")
        if step.verb == "wait":
            return self.stage.wait(float(step.text))
        if step.verb == "do":
            verb, _, text = step.text.partition(" ")
            return self.stage.act(verb, text)
        link = self._link(int(step.text or 1))
        if step.verb == "drop":
            return link.drop()
        if step.verb == "starttls":
            return link.start_tls()
        if step.verb == "deflate":
            return link.deflate()
        if step.verb == "plain":
            return link.plain()
        rest = self.stage.rest(link)
        if rest or not link.closed():
            self._fail(step.line, "the server closes", rest or None)
        return None

    def _note(self, who: str, link: int, data: bytes) -> None:
        self.said += [f"{who}{link if link > 1 else ''}: {line}" for line in _shown(data)]

    def _fail(self, line: int, expected: str, got: bytes | None) -> NoReturn:
        shown = "nothing" if got is None else " | ".join(_shown(got))
        said = "\n    ".join(self.said)
        raise Mismatch(f"{self.script.name}:{line}\n    {said}\nexpected: {expected}\n     got: {shown}")


def _shown(data: bytes) -> list[str]:
    """Lines for a person: without their CRLF, other control characters escaped."""
    return [ascii(line.removesuffix(b"\r\n").decode("latin-1"))[1:-1] for line in data.splitlines(keepends=True)]
