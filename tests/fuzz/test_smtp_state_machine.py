"""Whole SMTP and LMTP sessions, made up by hypothesis, against a small model of what must be answered and taken.

Commands in and out of order, pipelined in batches and delivered in any cut, to a client that reads at once or not; TLS
begins in the middle, passwords are right and wrong, bodies come by DATA and by BDAT, malformed and too large.  What
lies in the store at the end is exactly what was answered with 250.
"""

from __future__ import annotations

import base64

import smtp_world
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from smtp_model import LOCAL, Model, Place, codes, on_the_wire

from mailsuite.testing.dialogue import Script, octets, random_cuts, whole
from mailsuite.testing.stages import MemoryLink, MemoryStage

MESSAGE_LIMIT, RECIPIENT_LIMIT = 300, 3

SENDERS = st.sampled_from(["a@far.test", "", '"a b"@far.test', "jürgen@far.test", None])
RECIPIENTS = st.sampled_from([*LOCAL, "nobody@here.test", "x@far.test", None])
PIECES = st.sampled_from(
    [b"Subject: x\r\n\r\n", b"text", b"\r\n", b"\r\n.\r\n", b".", b"..\r\n", b"QUIT\r\n", b"RSET\r\nMAIL FROM:<>\r\n",
     b"BDAT 3 LAST\r\n", b"\xc3\xa9\xff", b"x" * 120, b"y" * 301, b"\n", b"\r", b"\0", b"\n.\n", b"\r\n.\n"]
)  # fmt: skip
#: Mostly clean, or nothing would ever be taken.
BODIES = st.lists(PIECES.filter(lambda piece: not set(piece.replace(b"\r\n", b"")) & set(b"\r\n\0")), max_size=6)
BODIES |= st.lists(PIECES, max_size=6)
RARELY = st.sampled_from([False, False, False, True])
#: Send it with what is still waiting, or first wait for more commands to send in one go.
NOW = st.sampled_from([True, True, False])
CUTS = st.sampled_from([whole, octets, random_cuts(1), random_cuts(2), random_cuts(3)])
#: Lines that do nothing, and the code they get at any time.
IDLE = {
    b"NOOP": 250,
    b"NOOP x": 250,
    b"HELP": 214,
    b"XYZZY": 500,
    b"\xff": 500,
    b"DATA\r": 500,
    b"": 500,
    b"RSET x": 501,
}


def b64(text: str) -> bytes:
    return base64.b64encode(text.encode())


class Sessions(RuleBasedStateMachine):
    @initialize(lmtp=st.booleans(), mend=st.booleans(), slow=st.booleans())
    def begin(self, lmtp: bool, mend: bool, slow: bool) -> None:
        options = {
            "service": "lmtp" if lmtp else "smtp",
            "auth_in_clear": "yes",
            "mend_bare_lf": "yes" if mend else "no",
            "message_limit": str(MESSAGE_LIMIT),
            "recipients": str(RECIPIENT_LIMIT),
            "errors": "10000",
            "refused": "10000",
        }
        script = Script("state machine", options, ())
        self.stage = MemoryStage(smtp_world.build, script, **({"high_water": 0} if slow else {}))
        self.model = Model(lmtp, mend, MESSAGE_LIMIT, RECIPIENT_LIMIT)
        self.failures = 0
        self.connect()

    def connect(self) -> None:
        self.link: MemoryLink = self.stage.connect()
        self.waiting = b""
        self.due = self.model.connect()
        self.send(b"", [], True, whole)

    def send(self, wire: bytes, due: list[int], now: bool, cut: object = whole) -> None:
        """Send it, or keep it for the next one; the answers must be those that are due."""
        self.waiting += wire
        self.due += due
        if not now:
            return
        for piece in cut(self.waiting):  # type: ignore[operator]
            self.link.send(piece)
        for _ in range(self.due.count(235) + self.due.count(535)):  # after wrong passwords each is checked late
            self.stage.wait(20)
        lines = []
        while (line := self.link.read_line()) is not None:
            lines.append(line)
        assert codes(lines) == self.due, (self.waiting, lines)
        self.waiting, self.due = b"", []

    # -- commands ----------------------------------------------------------------------------------------------------

    @rule(verb=st.sampled_from(["EHLO", "EHLO", "LHLO", "HELO"]), bad=st.integers(0, 9), now=NOW, cut=CUTS)
    def greet(self, verb: str, bad: int, now: bool, cut: object) -> None:
        verb = "LHLO" if self.model.lmtp and verb != "HELO" else verb
        name = "x.test" if bad else "bad.test"
        self.send(f"{verb} {name}\r\n".encode(), self.model.greet(verb, name), now, cut)

    @rule(
        sender=SENDERS,
        size=st.sampled_from([0, 0, 0, 10, MESSAGE_LIMIT + 1]),
        binary=RARELY,
        utf8=RARELY,
        now=NOW,
        cut=CUTS,
    )
    def mail(self, sender: str | None, size: int, binary: bool, utf8: bool, now: bool, cut: object) -> None:
        path = "a far.test" if sender is None else sender
        more = (f" SIZE={size}" if size else "") + " BODY=BINARYMIME" * binary + " SMTPUTF8" * utf8
        due = self.model.mail(sender, size, binary, utf8)
        self.send(f"MAIL FROM:<{path}>{more}\r\n".encode(), due, now, cut)

    @rule(recipient=RECIPIENTS, now=NOW, cut=CUTS)
    def rcpt(self, recipient: str | None, now: bool, cut: object) -> None:
        path = "a@b@c" if recipient is None else recipient
        self.send(f"RCPT TO:<{path}>\r\n".encode(), self.model.rcpt(recipient), now, cut)

    @rule(pieces=BODIES, now=NOW, cut=CUTS)
    def data(self, pieces: list[bytes], now: bool, cut: object) -> None:
        due = self.model.data()
        if due == [503]:
            self.send(b"DATA\r\n", due, now, cut)
            return
        body = b"".join(pieces)
        body += b"\r\n" if not body.endswith(b"\r\n") and body else b""
        self.send(b"DATA\r\n" + on_the_wire(body), due + self.model.message(body), now, cut)

    @rule(pieces=BODIES, last=st.booleans(), now=NOW, cut=CUTS)
    def bdat(self, pieces: list[bytes], last: bool, now: bool, cut: object) -> None:
        body = b"".join(pieces)
        command = b"BDAT %d%s\r\n" % (len(body), b" LAST" * last)
        self.send(command + body, self.model.bdat(body, last), now, cut)

    @rule(
        recipients=st.lists(st.sampled_from(LOCAL), min_size=1, max_size=3),
        pieces=BODIES,
        chunks=st.integers(0, 3),
        complete=st.booleans(),
        binary=RARELY,
        now=NOW,
        cut=CUTS,
    )
    def transaction(
        self,
        recipients: list[str],
        pieces: list[bytes],
        chunks: int,
        complete: bool,
        binary: bool,
        now: bool,
        cut: object,
    ) -> None:
        """What a client does that knows what it wants: chance alone would seldom come that far."""
        self.greet("LHLO" if self.model.lmtp else "EHLO", 1, False, cut)
        self.mail("a@far.test", 0, binary, not all(map(str.isascii, recipients)), False, cut)
        for recipient in recipients:
            self.rcpt(recipient, False, cut)
        for number in range(chunks):
            self.bdat(pieces[number::chunks], complete and number == chunks - 1, False, cut)
        if not chunks and complete:
            self.data(pieces, False, cut)
        self.send(b"", [], now, cut)

    @rule(now=NOW, cut=CUTS)
    def reset(self, now: bool, cut: object) -> None:
        self.send(b"RSET\r\n", self.model.reset(), now, cut)

    @rule(line=st.sampled_from(sorted(IDLE)), now=NOW, cut=CUTS)
    def nothing_much(self, line: bytes, now: bool, cut: object) -> None:
        self.send(line + b"\r\n", [IDLE[line]], now, cut)

    # -- TLS and AUTH ------------------------------------------------------------------------------------------------

    @rule(injected=st.sampled_from([b"", b"", b"NOOP\r\n", b"MAIL FROM:<evil@far.test>\r\n", b"EHLO x"]), cut=CUTS)
    def starttls(self, injected: bytes, cut: object) -> None:
        self.send(b"", [], True, cut)
        due = self.model.starttls()
        if due == [503]:
            self.send(b"STARTTLS\r\n", due, True, cut)
            return
        self.send(b"STARTTLS\r\n" + injected, due, True, whole)  # what came with it is never looked at
        self.link.start_tls()

    @precondition(lambda self: self.model.may_log_in() and not self.model.lmtp)
    @rule(how=st.sampled_from(["plain", "two lines", "login"]), now=NOW, cut=CUTS)
    def log_in(self, how: str, now: bool, cut: object) -> None:
        user, password = "bob@here.test", "builder"
        plain = b64(f"\0{user}\0{password}")
        lines, rounds = {
            "plain": ([b"AUTH PLAIN " + plain], 0),
            "two lines": ([b"AUTH PLAIN", plain], 1),
            "login": ([b"AUTH LOGIN", b64(user), b64(password)], 2),
        }[how]
        self.send(b"".join(line + b"\r\n" for line in lines), self.model.log_in(235, rounds), now, cut)

    @precondition(lambda self: self.model.may_log_in() and not self.model.lmtp and self.failures < 2)
    @rule(
        what=st.sampled_from([
            (b"AUTH PLAIN " + b64("\0bob@here.test\0wrong"), [535], True),
            (b"AUTH PLAIN\r\n*", [334, 501], False),
            (b"AUTH LOGIN\r\n!!!", [334, 501], True),
            (b"AUTH PLAIN ====", [501], True),
            (b"AUTH CRAM-MD5", [504], False),
            (b"AUTH", [501], False),
        ]),
        now=NOW,
        cut=CUTS,
    )  # fmt: skip
    def fail_to_log_in(self, what: tuple[bytes, list[int], bool], now: bool, cut: object) -> None:
        line, due, counts = what  # the third that counts would end the session
        self.failures += counts
        self.send(line + b"\r\n", due, now, cut)

    @precondition(lambda self: not self.model.may_log_in() and not self.model.lmtp)
    @rule(now=NOW, cut=CUTS)
    def log_in_out_of_place(self, now: bool, cut: object) -> None:
        self.send(b"AUTH PLAIN " + b64("\0bob@here.test\0builder") + b"\r\n", [503], now, cut)

    # -- the end -----------------------------------------------------------------------------------------------------

    @rule(quit=st.booleans(), cut=CUTS)
    def leave(self, quit: bool, cut: object) -> None:
        self.send(b"QUIT\r\nMAIL FROM:<evil@far.test>\r\n" if quit else b"", [221] if quit else [], True, cut)
        if quit:
            assert self.link.closed()
        self.link.drop()
        assert self.stage.factory.delivery.open_drafts == 0
        self.failures = 0
        self.connect()

    @invariant()
    def only_what_was_answered_is_taken(self) -> None:
        if not hasattr(self, "stage") or self.waiting:
            return
        taken = [
            (str(one.envelope.sender), tuple(str(r.address) for r in one.envelope.recipients), one.octets)
            for one in self.stage.factory.delivery.commits
        ]
        assert taken == self.model.taken
        if self.model.place not in (Place.CHUNKS, Place.BROKEN):
            assert self.stage.factory.delivery.open_drafts == 0

    def teardown(self) -> None:
        if hasattr(self, "stage"):
            self.send(b"", [], True)
            self.only_what_was_answered_is_taken()
            self.stage.end()
            assert self.stage.factory.delivery.open_drafts == 0


TestSessions = Sessions.TestCase
TestSessions.settings = settings(max_examples=max(200, settings().max_examples), stateful_step_count=40)
