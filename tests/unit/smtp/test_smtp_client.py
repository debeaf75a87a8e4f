"""The client core against a scripted server: the outcome of every recipient, whatever goes wrong at which step."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailsuite.model import NULL_SENDER, Address, Delayed, Delivered, Failed, Outcome, Recipient
from mailsuite.smtp.client import ClientCore
from mailsuite.smtp.client_events import (
    BodyWanted,
    By,
    ClientEvent,
    ClientLimits,
    Done,
    Ended,
    Greeted,
    LoggedIn,
    Login,
    LoginRefused,
    Step,
    TlsReady,
    TlsRefused,
    Transaction,
)
from mailsuite.testing.peer import CLOSE, EXTENSIONS, SILENCE, Bye, Script, ScriptedPeer
from mailsuite.wire.signals import Signal

AL, BOB, EVE = Address("al", "a.test"), Address("bob", "b.test"), Address("eve", "b.test")
MESSAGE = b"Subject: hi\r\n\r\n.dot\r\nbye\r\n"
PLAIN = ("SIZE 1000000", "8BITMIME")
BOTH_WAYS = pytest.mark.parametrize("extensions", [EXTENSIONS, PLAIN], ids=["pipelining", "one by one"])


class Session:
    """Core and peer face to face; ``cut`` splits what the peer says."""

    def __init__(
        self,
        script: Script | None = None,
        extensions: Sequence[str] = EXTENSIONS,
        cut: int = 0,
        tls: bool = False,
        login: Login | None = None,
        limits: ClientLimits | None = None,
        lmtp: bool = False,
    ) -> None:
        self.peer = ScriptedPeer(script, extensions)
        self.core = ClientCore("us.test", "mx.b.test", limits, lmtp)
        self.events: list[ClientEvent] = []
        self._todo: list[Transaction] = []
        self._cut = cut
        self._tls = tls
        self._login = login
        self.session = self.peer.session()

    def send(self, *transactions: Transaction) -> Session:
        self._todo = list(transactions)
        while self._turn():
            pass
        return self

    def _turn(self) -> bool:
        said = self.session.data_to_send()
        for at in range(0, len(said), self._cut or max(len(said), 1)):
            self.core.receive(said[at : at + (self._cut or len(said))])
            self._react()
        wrote = self.core.data_to_send()
        if self.session.closed and not self.core.ended:
            self.core.lost("connection closed")
            self._react()
            return False
        if wrote:
            self.session.receive(wrote)
        return bool(said or wrote)

    def _react(self) -> None:
        while not isinstance(event := self.core.next_event(), Signal):
            self.events.append(event)
            self._act(event)

    def _act(self, event: ClientEvent) -> None:
        if isinstance(event, TlsReady):
            if self.session.start_tls():
                self.core.secured()
        elif isinstance(event, Greeted) and self._tls and not self.core.secure and "STARTTLS" in event.extensions:
            self.core.start_tls()
        elif isinstance(event, Greeted) and self._login is not None:
            self.core.login(self._login)
        elif isinstance(event, BodyWanted):
            for at in range(0, len(MESSAGE), 5):
                self.core.body(MESSAGE[at : at + 5])
            self.core.end_body()
        elif not isinstance(event, Ended) and self._todo and not self.core.ended:
            self.core.send(self._todo.pop(0))
        elif isinstance(event, Done) and event.clean and not self.core.ended:
            self.core.quit()

    @property
    def done(self) -> Done:
        (done,) = [event for event in self.events if isinstance(event, Done)]
        return done

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        return self.done.outcomes


def to(*addresses: Address, **more: object) -> Transaction:
    return Transaction(AL, tuple(map(Recipient, addresses)), len(MESSAGE), **more)  # type: ignore[arg-type]


def kinds(outcomes: Sequence[Outcome]) -> list[type]:
    return [type(outcome) for outcome in outcomes]


# -- a good session ------------------------------------------------------------------------------------------------


@BOTH_WAYS
def test_a_message_arrives_as_it_was(extensions: Sequence[str]) -> None:
    session = Session(extensions=extensions).send(to(BOB, EVE))
    (message,) = session.peer.messages
    assert message.octets == MESSAGE
    assert message.recipients == ("<bob@b.test>", "<eve@b.test>")
    assert message.sender == f"<al@a.test> SIZE={len(MESSAGE)}"
    reply = "250 2.0.0 taken as 1"
    assert session.outcomes == (Delivered(BOB, "mx.b.test", reply), Delivered(EVE, "mx.b.test", reply))
    assert isinstance(session.events[-1], Ended)
    assert session.session.lines[-1] == "QUIT"


def test_mail_rcpt_and_data_go_in_one_write_where_the_server_pipelines() -> None:
    session = Session().send(to(BOB, EVE))
    (turn,) = [turn for turn in session.session.turns if turn.startswith(b"MAIL")]
    assert [line[:4] for line in turn.splitlines()] == [b"MAIL", b"RCPT", b"RCPT", b"DATA"]


def test_one_command_a_turn_where_it_does_not() -> None:
    session = Session(extensions=PLAIN).send(to(BOB, EVE))
    assert all(turn.count(b"\r\n") == 1 for turn in session.session.turns[:-2])


def test_two_messages_go_over_one_session() -> None:
    session = Session().send(to(BOB), to(EVE))
    assert [message.recipients for message in session.peer.messages] == [("<bob@b.test>",), ("<eve@b.test>",)]


def test_the_null_sender_is_written_empty() -> None:
    session = Session().send(Transaction(NULL_SENDER, (Recipient(BOB),), len(MESSAGE)))
    assert session.peer.messages[0].sender.startswith("<> SIZE=")


def test_a_quoted_local_part_is_written_quoted() -> None:
    session = Session().send(to(Address('o"k e', "b.test")))
    assert session.peer.messages[0].recipients == ('<"o\\"k e"@b.test>',)


def test_helo_where_ehlo_is_not_known() -> None:
    session = Session({"EHLO": "502 5.5.1 what?"}).send(to(BOB))
    assert session.session.lines[:2] == ["EHLO us.test", "HELO us.test"]
    assert session.peer.messages[0].sender == "<al@a.test>"
    assert kinds(session.outcomes) == [Delivered]


# -- what a server cannot take is not sent ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("extensions", "transaction", "status"),
    [
        (("SIZE 10",), to(BOB), "5.3.4"),
        ((), to(BOB, eight_bit=True), "5.6.3"),
        (("8BITMIME",), to(Address("bøb", "b.test")), "5.6.7"),
        (("8BITMIME",), to(BOB, smtputf8=True, utf8_header=True), "5.6.7"),
        (("8BITMIME",), to(BOB, by=By(60, returned=True)), "5.4.7"),
        (("DELIVERBY 240",), to(BOB, by=By(239, returned=True)), "5.4.7"),
        ((), to(Address("a\r\nRSET", "b.test")), "5.1.3"),
        ((), Transaction(Address("a\nb", "a.test"), (Recipient(BOB),), 1), "5.1.7"),
    ],
)
def test_what_the_server_cannot_take_fails_without_asking_it(
    extensions: Sequence[str], transaction: Transaction, status: str
) -> None:
    session = Session(extensions=extensions).send(transaction)
    (outcome,) = session.outcomes
    assert isinstance(outcome, Failed)
    assert str(outcome.status) == status
    assert not any(line.startswith("MAIL") for line in session.session.lines)


@pytest.mark.parametrize("size", ["", "0", "26", "1000000", "no-number"])
def test_a_size_limit_that_is_none_does_not_stop_a_message(size: str) -> None:
    session = Session(extensions=[f"SIZE {size}".strip()]).send(to(BOB))
    assert kinds(session.outcomes) == [Delivered]


def test_one_recipient_that_cannot_be_written_does_not_keep_the_others_back() -> None:
    """RFC 6531 §3.5."""
    failed, delivered = Session(extensions=["8BITMIME"]).send(to(Address("bøb", "b.test"), EVE)).outcomes
    assert (type(failed), type(delivered)) == (Failed, Delivered)


def test_a_domain_goes_in_a_labels_where_utf8_is_not_taken() -> None:
    """RFC 6531 §3.2."""
    session = Session(extensions=["8BITMIME"]).send(to(Address("bob", "bücher.test"), smtputf8=True))
    assert session.peer.messages[0].recipients == ("<bob@xn--bcher-kva.test>",)
    assert session.peer.messages[0].sender == "<al@a.test>"
    assert session.outcomes[0].recipient == Address("bob", "bücher.test")


WISHES = {
    "envid": "a+b =c",
    "ret": "HDRS",
    "require_tls": True,
    "priority": -3,
    "by": By(90, returned=False, traced=True),
}


@pytest.mark.parametrize(
    ("extensions", "said"),
    [
        ((), ""),
        (("DSN",), " RET=HDRS ENVID=a+2Bb+20+3Dc"),
        (("REQUIRETLS",), " REQUIRETLS"),
        (("MT-PRIORITY MIXER",), " MT-PRIORITY=-3"),
        (("DELIVERBY",), " BY=90;NT"),
    ],
)
def test_what_the_sender_asked_for_is_passed_on_where_it_is_understood(extensions: tuple[str, ...], said: str) -> None:
    """RFC 3461 §5.2.1, RFC 8689 §2, RFC 6710 §5, RFC 2852 §4."""
    session = Session(extensions=extensions).send(to(BOB, **WISHES))
    assert session.peer.messages[0].sender == f"<al@a.test>{said}"


@pytest.mark.parametrize(
    ("extensions", "original", "said"),
    [
        (("DSN",), "rfc822;R+b@b.test", " NOTIFY=DELAY,SUCCESS ORCPT=rfc822;R+2Bb@b.test"),
        (("DSN",), "utf-8;bø\\x{2B}b@b.test", " NOTIFY=DELAY,SUCCESS ORCPT=utf-8;b\\x{F8}\\x{2B}b@b.test"),
        (("DSN", "SMTPUTF8"), "utf-8;bø\\x{2B}b@b.test", " NOTIFY=DELAY,SUCCESS ORCPT=utf-8;bø\\x{2B}b@b.test"),
        (("DSN",), "", " NOTIFY=DELAY,SUCCESS"),
        ((), "rfc822;R+b@b.test", ""),
    ],
)
def test_what_each_recipient_is_to_be_told_of_is_passed_on(
    extensions: tuple[str, ...], original: str, said: str
) -> None:
    """RFC 3461 §5.2.1 (c), (d); RFC 6533 §3."""
    bob = Recipient(BOB, original, frozenset({"SUCCESS", "DELAY"}))
    session = Session(extensions=extensions).send(Transaction(AL, (bob,), 10))
    assert session.peer.messages[0].recipients == (f"<bob@b.test>{said}",)
    (outcome,) = session.outcomes
    assert isinstance(outcome, Delivered)
    assert outcome.dsn is ("DSN" in extensions)


# -- chunks ------------------------------------------------------------------------------------------------------------

CHUNKS = ("PIPELINING", "CHUNKING")


def test_a_small_message_takes_one_round_trip() -> None:
    """RFC 3030 §4.2."""
    session = Session(extensions=CHUNKS).send(to(BOB, EVE))
    assert session.peer.messages[0].octets == MESSAGE
    commands = [line.split()[0] for line in session.session.lines]
    assert commands == ["EHLO", "MAIL", "RCPT", "RCPT", *["BDAT"] * 6, "QUIT"]
    assert session.session.turns[1].startswith(b"MAIL FROM:")
    assert session.session.turns[1].endswith(MESSAGE[-2:])
    assert session.done.clean


def test_a_large_message_waits_for_somebody_to_want_it() -> None:
    session = Session({"RCPT": "550 5.1.1 no"}, CHUNKS).send(to(BOB, EVE, early=0))
    assert kinds(session.outcomes) == [Failed, Failed]
    assert [line.split()[0] for line in session.session.lines] == ["EHLO", "MAIL", "RCPT", "RCPT", "RSET", "QUIT"]
    session = Session({"RCPT": ["550 5.1.1 no", "250 ok"]}, CHUNKS).send(to(BOB, EVE, early=0))
    assert kinds(session.outcomes) == [Failed, Delivered]
    assert session.peer.messages[0].octets == MESSAGE


@pytest.mark.parametrize("early", [0, 1000])
@pytest.mark.parametrize(
    ("script", "outcomes", "clean"),
    [
        ({"MAIL": "451 4.3.0 later"}, [Delayed, Delayed], True),
        ({"RCPT": "450 4.7.1 greylisted"}, [Delayed, Delayed], True),
        ({"RCPT": ["550 5.1.1 no", "250 ok"]}, [Failed, Delivered], True),
        ({"CHUNK": ["250 ok", "552 5.3.4 too much"], "DOT": "503 no"}, [Failed, Failed], True),
        ({"DOT": "554 5.6.0 no"}, [Failed, Failed], True),
        ({"DOT": CLOSE}, [Delayed, Delayed], False),
    ],
)
def test_refusals_of_a_message_in_chunks(early: int, script: Script, outcomes: list[type], clean: bool) -> None:
    session = Session(script, CHUNKS, cut=3).send(to(BOB, EVE, early=early))
    assert kinds(session.outcomes) == outcomes
    assert session.done.clean is clean


# -- LMTP (RFC 2033) ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("extensions", [EXTENSIONS, PLAIN, (*CHUNKS, "DSN")])
def test_over_lmtp_each_recipient_has_an_answer(extensions: Sequence[str]) -> None:
    script = {"RCPT dan@b.test": "550 5.1.1 no", "DOT eve@b.test": "452 4.2.2 full"}
    session = Session(script, extensions, lmtp=True).send(to(BOB, Address("dan", "b.test"), EVE))
    bob, dan, eve = session.outcomes
    assert (type(bob), type(dan), type(eve)) == (Delivered, Failed, Delayed)
    assert isinstance(bob, Delivered)
    assert bob.final
    assert session.session.lines[0] == "LHLO us.test"
    assert [message.recipients for message in session.peer.messages] == [("<bob@b.test>",)]
    assert session.peer.messages[0].octets == MESSAGE
    assert session.done.clean


def test_over_lmtp_nothing_is_sent_to_nobody() -> None:
    session = Session({"RCPT": "550 5.1.1 no", "DATA": "354 go on"}, lmtp=True).send(to(BOB))
    assert kinds(session.outcomes) == [Failed]
    assert not session.done.clean


def test_over_lmtp_what_was_answered_before_the_end_counts() -> None:
    session = Session({"DOT eve@b.test": CLOSE}, lmtp=True).send(to(BOB, EVE))
    assert kinds(session.outcomes) == [Delivered, Delayed]


def test_a_server_that_does_not_know_lhlo_is_no_lmtp_server() -> None:
    session = Session({"LHLO": "500 what?"}, lmtp=True).send(to(BOB))
    assert [line.split()[0] for line in session.session.lines] == ["LHLO"]
    assert isinstance(session.events[-1], Ended)


def test_what_is_to_be_passed_over_is_not_used() -> None:
    limits = ClientLimits(without=frozenset({"CHUNKING", "SIZE"}))
    session = Session(extensions=(*CHUNKS, "SIZE"), limits=limits).send(to(BOB))
    assert "DATA" in session.session.lines
    assert session.peer.messages[0].sender == "<al@a.test>"


def test_parameters_follow_what_the_message_is() -> None:
    session = Session(extensions=["SMTPUTF8", "8BITMIME"]).send(to(Address("bøb", "b.test"), eight_bit=True))
    assert session.peer.messages[0].sender == "<al@a.test> BODY=8BITMIME SMTPUTF8"
    assert session.peer.messages[0].recipients == ("<bøb@b.test>",)


# -- refusals --------------------------------------------------------------------------------------------------------


@BOTH_WAYS
@pytest.mark.parametrize(
    ("reply", "kind", "status"),
    [
        ("550 5.1.1 no such user", Failed, "5.1.1"),
        ("550 no such user", Failed, "5.0.0"),
        ("550 2.1.1 confused", Failed, "5.0.0"),
        ("450 4.2.0 greylisted", Delayed, "4.2.0"),
        ("452 too many", Delayed, "4.0.0"),
        ("552 too many recipients", Delayed, "4.0.0"),
        ("552 5.5.3 too many recipients", Delayed, "4.5.3"),
        ("552 5.2.2 mailbox full", Failed, "5.2.2"),
    ],
)
def test_one_recipient_refused_the_other_delivered(
    extensions: Sequence[str], reply: str, kind: type, status: str
) -> None:
    session = Session({"RCPT bob@b.test": reply}, extensions).send(to(BOB, EVE))
    first, second = session.outcomes
    assert type(first) is kind
    assert str(first.status) == status  # type: ignore[union-attr]
    assert first.host == "mx.b.test"
    assert reply in first.text  # type: ignore[union-attr]
    assert isinstance(second, Delivered)
    assert session.peer.messages[0].recipients == ("<eve@b.test>",)


@BOTH_WAYS
@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "DOT"])
@pytest.mark.parametrize(("reply", "kind"), [("554 5.7.1 spam", Failed), ("451 4.3.0 later", Delayed)])
def test_a_refusal_at_any_step_is_for_everyone(extensions: Sequence[str], step: str, reply: str, kind: type) -> None:
    session = Session({step: reply}, extensions).send(to(BOB, EVE))
    assert kinds(session.outcomes) == [kind, kind]
    assert all(reply in outcome.text and outcome.host == "mx.b.test" for outcome in session.outcomes)  # type: ignore[union-attr]
    assert session.peer.messages == []


def test_one_command_a_turn_nothing_is_sent_to_a_server_that_refused_everybody() -> None:
    session = Session({"RCPT": "550 5.1.1 no"}, PLAIN).send(to(BOB, EVE))
    assert kinds(session.outcomes) == [Failed, Failed]
    assert "DATA" not in session.session.lines


def test_a_server_that_wants_a_message_for_nobody_gets_an_empty_one() -> None:
    session = Session({"RCPT": "550 5.1.1 no", "DATA": "354 go"}).send(to(BOB))
    assert kinds(session.outcomes) == [Failed]
    assert isinstance(session.events[-1], Ended)


# -- endings -----------------------------------------------------------------------------------------------------------


@BOTH_WAYS
@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "BODY", "DOT"])
@pytest.mark.parametrize("answer", [CLOSE, Bye("421 4.3.2 shutting down")], ids=["closes", "421"])
def test_an_end_at_any_step_delays_everyone(extensions: Sequence[str], step: str, answer: object) -> None:
    session = Session({step: answer}, extensions).send(to(BOB, EVE))  # type: ignore[dict-item]
    assert kinds(session.outcomes) == [Delayed, Delayed]
    for outcome in session.outcomes:
        assert isinstance(outcome, Delayed)
        assert str(outcome.status) == "4.4.2"
        # After the final dot the message may have arrived: no other host is tried at once.
        unknown = answer is CLOSE and step in ("BODY", "DOT")
        assert outcome.host == ("mx.b.test" if unknown else "")
    assert isinstance(session.events[-1], Ended)


@BOTH_WAYS
def test_who_was_refused_before_the_end_stays_refused(extensions: Sequence[str]) -> None:
    session = Session({"RCPT bob@b.test": "550 5.1.1 no", "DATA": CLOSE}, extensions).send(to(BOB, EVE))
    assert kinds(session.outcomes) == [Failed, Delayed]


@pytest.mark.parametrize("answer", [CLOSE, Bye("421 busy"), "554 no service", "450 later", "250 hello", "nonsense"])
@pytest.mark.parametrize("step", ["BANNER", "EHLO"])
def test_a_session_that_never_begins_ends_with_a_reason(step: str, answer: object) -> None:
    if (step, answer) == ("EHLO", "250 hello"):
        return
    script = {step: answer} if step == "BANNER" else {step: answer, "HELO": answer}
    session = Session(script).send(to(BOB))  # type: ignore[arg-type]
    (event,) = session.events
    assert isinstance(event, Ended)
    assert "mx.b.test" in event.text


@pytest.mark.parametrize(("answer", "kind"), [("552 5.3.4 too big", Failed), ("452 4.3.1 full", Delayed)])
def test_a_reply_before_the_end_of_the_message_counts(answer: str, kind: type) -> None:
    session = Session().send()
    core = session.core
    core.send(to(BOB))
    session.session.receive(core.data_to_send())
    core.receive(session.session.data_to_send())
    assert isinstance(core.next_event(), BodyWanted)
    assert core.step is Step.BODY
    core.body(b"x")
    core.receive(answer.encode() + b"\r\n")
    done = core.next_event()
    assert isinstance(done, Done)
    assert kinds(done.outcomes) == [kind]
    assert not done.clean
    assert isinstance(core.next_event(), Ended)
    core.data_to_send()
    core.body(b"y")
    core.end_body()
    assert core.data_to_send() == b""


@pytest.mark.parametrize("nonsense", ["354 go on", "999 x", "hello", "250", "20"])
def test_nonsense_in_a_transaction_delays(nonsense: str) -> None:
    script = {"DATA": nonsense} if nonsense == "250" else {"MAIL": nonsense}
    session = Session(script, PLAIN).send(to(BOB))
    assert kinds(session.outcomes) == [Delayed]
    assert isinstance(session.events[-1], Ended)


def test_a_reply_without_end_is_not_collected_for_ever() -> None:
    core = ClientCore("us.test", "mx", ClientLimits(lines=10))
    core.receive(b"220-x\r\n" * 10)
    assert isinstance(core.next_event(), Ended)


def test_a_reply_nobody_asked_for_ends_the_session() -> None:
    session = Session().send()
    session.core.receive(b"250 surprise\r\n")
    assert isinstance(session.core.next_event(), Ended)


def test_what_a_server_says_is_bounded_and_printable_when_it_is_passed_on() -> None:
    session = Session({"RCPT": "550 5.1.1 \x1b[31m" + "x" * 3000}).send(to(BOB))
    (outcome,) = session.outcomes
    assert isinstance(outcome, Failed)
    assert outcome.reply.startswith("550 5.1.1 ?[31mxxx")
    assert len(outcome.text) < 1100
    assert outcome.text.isprintable()


def test_nothing_is_said_after_the_end() -> None:
    core = ClientCore("us.test", "mx")
    core.lost("connection refused")
    core.lost("again")
    core.receive(b"220 hello\r\n")
    core.quit()
    assert isinstance(core.next_event(), Ended)
    assert isinstance(core.next_event(), Signal)
    assert core.data_to_send() == b""


# -- TLS and AUTH ------------------------------------------------------------------------------------------------------


def test_starttls_then_ehlo_again() -> None:
    session = Session(extensions=[*EXTENSIONS, "STARTTLS"], tls=True).send(to(BOB))
    assert session.session.lines[:4] == ["EHLO us.test", "STARTTLS", "EHLO us.test", session.session.lines[3]]
    assert session.session.secure
    assert kinds(session.outcomes) == [Delivered]


def test_a_refused_starttls_leaves_the_session_usable() -> None:
    session = Session({"STARTTLS": "454 4.7.0 not now"}, [*EXTENSIONS, "STARTTLS"], tls=True).send(to(BOB))
    assert any(isinstance(event, TlsRefused) for event in session.events)
    assert kinds(session.outcomes) == [Delivered]


@pytest.mark.parametrize("cut", [0, 1, 7])
def test_plain_text_behind_the_answer_to_starttls_is_never_read(cut: int) -> None:
    session = Session({"STARTTLS": "220 go\r\n250-evil\r\n250 AUTH PLAIN"}, ["STARTTLS"], tls=True, cut=cut)
    session._tls = False
    session.send()
    session.core.start_tls()
    session.session.receive(session.core.data_to_send())
    said = session.session.data_to_send()
    for at in range(0, len(said), cut or len(said)):
        session.core.receive(said[at : at + (cut or len(said))])
    events = []
    while not isinstance(event := session.core.next_event(), Signal):
        events.append(event)
    assert isinstance(events[-1], Ended)
    assert not any(isinstance(event, Greeted) for event in events)


@pytest.mark.parametrize(
    ("offered", "lines"),
    [
        ("AUTH LOGIN PLAIN", ["AUTH PLAIN AHVzZXIAcMOkc3M="]),
        ("AUTH=LOGIN", ["AUTH LOGIN", "dXNlcg==", "cMOkc3M="]),
    ],
)
def test_login(offered: str, lines: list[str]) -> None:
    script = {"AUTH": ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 2.7.0 ok"]} if "=" in offered else {}
    session = Session(script, [*PLAIN, offered], login=Login("user", "päss")).send(to(BOB))
    assert any(isinstance(event, LoggedIn) for event in session.events)
    assert session.session.lines[1 : 1 + len(lines)] == lines
    assert kinds(session.outcomes) == [Delivered]


@pytest.mark.parametrize(
    ("script", "offered"), [({"AUTH": "535 5.7.8 no"}, "AUTH PLAIN"), ({}, "AUTH GSSAPI"), ({}, "HELP")]
)
def test_a_login_that_is_not_to_be_had(script: Script, offered: str) -> None:
    session = Session(script, [offered], login=Login("user", "secret")).send()
    refused = session.events[-1]
    assert isinstance(refused, LoginRefused)
    assert "secret" not in refused.text
    assert "secret" not in repr(Login("user", "secret"))


# -- properties --------------------------------------------------------------------------------------------------------

answers = st.sampled_from(
    ["250 ok", "550 5.1.1 no", "451 4.3.0 later", "354 go", "421 bye", CLOSE, SILENCE, Bye("421 bye"), "bad", "552 x"]
)
scripts = st.dictionaries(
    st.sampled_from(["EHLO", "MAIL", "RCPT", "RCPT bob@b.test", "DATA", "BODY", "DOT", "QUIT"]), answers, max_size=3
)


@settings(max_examples=150, deadline=None)
@given(scripts, st.booleans(), st.integers(1, 40))
def test_any_cut_of_the_replies_gives_the_same_events(script: Script, pipelining: bool, cut: int) -> None:
    extensions = EXTENSIONS if pipelining else PLAIN
    whole = Session(script, extensions).send(to(BOB, EVE))
    pieces = Session(script, extensions, cut=cut).send(to(BOB, EVE))
    assert pieces.events == whole.events
    whole.core.lost("timed out")
    whole._react()
    for done in (event for event in whole.events if isinstance(event, Done)):
        assert [outcome.recipient for outcome in done.outcomes] == [BOB, EVE]


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 2**32))
def test_any_octets_from_the_server_give_one_outcome_a_recipient(noise: bytes, seed: int) -> None:
    session = Session().send()
    session.core.send(to(BOB, EVE))
    session.core.data_to_send()
    rng = random.Random(seed)
    while noise:
        count = rng.randint(1, len(noise))
        session.core.receive(noise[:count])
        noise = noise[count:]
    session.core.lost("closed")
    events = []
    while not isinstance(event := session.core.next_event(), Signal):
        events.append(event)
    (done,) = [event for event in events if isinstance(event, Done)]
    assert len(done.outcomes) == 2
    assert isinstance(events[-1], Ended)
