"""The courier over connections in memory: every failure at every step, and what each recipient is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError, ConnectionRefusedError, NoRouteError
from twisted.internet.task import Clock
from zope.interface import implementer
from zope.interface.verify import verifyObject

from mailsuite.disk.body import OctetsBody
from mailsuite.errors import Corrupt
from mailsuite.interfaces import IBody, ICourier, ITLSContexts
from mailsuite.model import (
    NULL_SENDER,
    USUAL_SECURITY,
    Address,
    BodyType,
    Delayed,
    Delivered,
    Envelope,
    Failed,
    Hop,
    Outcome,
    Recipient,
    Security,
    Status,
    TlsLevel,
)
from mailsuite.net.smtp_client import Courier
from mailsuite.net.smtp_client_settings import CourierSettings, Tls
from mailsuite.offload import Inline
from mailsuite.smtp.client_events import PATIENCE, Login, Step
from mailsuite.testing.network import NEVER, MemoryNetwork, Site
from mailsuite.testing.peer import CLOSE, EXTENSIONS, SILENCE, Bye, ScriptedPeer
from mailsuite.testing.results import result_of, unfired

AL, BOB, EVE = Address("al", "a.test"), Address("bob", "b.test"), Address("eve", "b.test")
MESSAGE = b"Subject: hi\r\n\r\n.dot\r\nbye\r\n"
HOP = Hop("mx.b.test", ("192.0.2.1",), 25)
TWO = Hop("mx.b.test", ("192.0.2.1", "192.0.2.2"), 25)
WITH_TLS = (*EXTENSIONS, "STARTTLS")


@implementer(ITLSContexts)
class NoContexts:
    """Notes who asked for a client context, and whether it was to be verified."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bool]] = []

    def server(self) -> object:
        raise NotImplementedError

    def client(self, host: str, verify: bool, security: Security = USUAL_SECURITY) -> object:
        self.asked.append((host, verify))
        return object()

    def objection(self, creator: object, transport: object) -> str:
        return ""

    def available(self) -> bool:
        return False


class World:
    def __init__(self, sites: Mapping[str, Site], cut: int = 0, **settings: object) -> None:
        self.network = MemoryNetwork(sites, cut)
        self.clock = Clock()
        self.contexts = NoContexts()
        chosen = CourierSettings("us.test", **settings)  # type: ignore[arg-type]
        self.courier = Courier(chosen, self.network.endpoint, self.contexts, self.clock, Inline())

    def start(
        self,
        *addresses: Address,
        hop: Hop = HOP,
        body: IBody | None = None,
        envelope_body: BodyType = BodyType.SEVEN_BIT,
    ) -> Deferred[Sequence[Outcome]]:
        everyone = tuple(map(Recipient, addresses or (BOB,)))
        sent = Envelope("m1", Address("al", "a.test"), everyone, 0.0, envelope_body)
        answer = self.courier.deliver(hop, sent, everyone, body or OctetsBody(MESSAGE))
        self.network.settle()
        return answer

    def send(self, *addresses: Address, hop: Hop = HOP, body: IBody | None = None) -> Sequence[Outcome]:
        return result_of(self.start(*addresses, hop=hop, body=body))

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.network.settle()


def kinds(outcomes: Sequence[Outcome]) -> list[type]:
    return [type(outcome) for outcome in outcomes]


def at_one(peer: Site, **settings: object) -> World:
    return World({"192.0.2.1:25": peer}, **settings)  # type: ignore[arg-type]


def test_it_is_a_courier() -> None:
    assert verifyObject(ICourier, at_one(ScriptedPeer()).courier)


@pytest.mark.parametrize("cut", [0, 1, 3])
def test_a_message_arrives_as_it_was(cut: int) -> None:
    peer = ScriptedPeer()
    world = World({"192.0.2.1:25": peer}, cut=cut)
    assert world.send(BOB, EVE) == [
        Delivered(BOB, "mx.b.test", "250 2.0.0 taken as 1"),
        Delivered(EVE, "mx.b.test", "250 2.0.0 taken as 1"),
    ]
    assert peer.messages[0].octets == MESSAGE


def test_a_large_message_is_sent_no_faster_than_it_is_taken() -> None:
    peer = ScriptedPeer(extensions=["PIPELINING", "8BITMIME"])
    world = at_one(peer)
    octets = b"".join(b".%06d x\r\n" % n for n in range(100_000))
    pending: list[int] = []

    class Watched(OctetsBody):
        def read_at(self, offset: int, length: int) -> Deferred[bytes]:
            if world.network.transports:
                pending.append(world.network.transports[0]._unread)
            return super().read_at(offset, length)

    assert kinds(world.send(body=Watched(octets))) == [Delivered]
    assert peer.messages[0].octets == octets
    assert max(pending) < 200_000


# -- reaching the host -------------------------------------------------------------------------------------------------


def test_the_next_address_is_tried_when_one_refuses() -> None:
    peer = ScriptedPeer()
    world = World({"192.0.2.2:25": peer})
    assert kinds(world.send(hop=TWO)) == [Delivered]
    assert world.network.tried == ["192.0.2.1:25", "192.0.2.2:25"]


@pytest.mark.parametrize("answer", ["554 no service", "421 busy", CLOSE, "SSH-2.0-OpenSSH"])
def test_the_next_address_is_tried_when_one_has_no_service(answer: object) -> None:
    world = World({"192.0.2.1:25": ScriptedPeer({"BANNER": answer}), "192.0.2.2:25": ScriptedPeer()})  # type: ignore[dict-item]
    assert kinds(world.send(hop=TWO)) == [Delivered]


def test_when_no_address_answers_everyone_is_delayed_and_the_next_hop_may_be_tried() -> None:
    world = World({"192.0.2.1:25": ConnectionRefusedError(), "192.0.2.2:25": ScriptedPeer({"BANNER": "554 no"})})
    for outcome in world.send(BOB, EVE, hop=TWO):
        assert isinstance(outcome, Delayed)
        assert str(outcome.status) == "4.4.1"
        assert outcome.host == ""
        assert outcome.text.startswith("mx.b.test [192.0.2.1]:25 refused the connection; ")
        assert "554 no" in outcome.text


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(), "refused the connection"),
        (NoRouteError(113), "cannot be reached: No route to host"),
        (ConnectError(string="odd"), "cannot be reached: An error occurred while connecting: odd."),
    ],
)
@pytest.mark.parametrize("host", ["mx.b.test", "192.0.2.1"])
def test_an_address_that_cannot_be_had_is_named_once(error: Exception, words: str, host: str) -> None:
    (outcome,) = World({"192.0.2.1:25": error}).send(hop=Hop(host, ("192.0.2.1",)))
    assert isinstance(outcome, Delayed)
    name = "" if host == "192.0.2.1" else f"{host} "
    assert outcome.text == f"{name}[192.0.2.1]:25 {words}"


def test_a_connection_that_hangs_is_given_up_in_time() -> None:
    world = at_one(NEVER, connect_timeout=30.0)
    answer = world.start()
    world.wait(29)
    assert unfired(answer)
    world.wait(1)
    assert kinds(result_of(answer)) == [Delayed]


# -- what goes wrong in a session --------------------------------------------------------------------------------------

STEPS = ["BANNER", "EHLO", "MAIL", "RCPT", "DATA", "BODY", "DOT"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("pipelining", [True, False])
def test_silence_at_any_step_is_a_time_out(step: str, pipelining: bool) -> None:
    peer = ScriptedPeer({step: SILENCE}, EXTENSIONS if pipelining else ("8BITMIME",))
    world = at_one(peer)
    answer = world.start(BOB, EVE)
    patience = PATIENCE[Step.DOT if step == "BODY" else Step[step]]
    world.wait(patience - 1)
    assert unfired(answer)
    world.wait(1)
    outcomes = result_of(answer)
    assert kinds(outcomes) == [Delayed, Delayed]
    assert all("timed out" in outcome.text for outcome in outcomes)  # type: ignore[union-attr]
    assert {outcome.host for outcome in outcomes} == {"mx.b.test" if step in ("BODY", "DOT") else ""}
    assert world.network.transports[0].aborted


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (CLOSE, Delayed),
        (Bye("421 4.3.2 bye"), Delayed),
        ("451 4.3.0 later", Delayed),
        ("554 5.7.1 never", Failed),
        ("blah", Delayed),
    ],
)
def test_a_fault_at_any_step_gives_everyone_an_outcome(step: str, answer: object, kind: type) -> None:
    script = {step: answer, "HELO": answer} if step == "EHLO" else {step: answer}
    world = at_one(ScriptedPeer(script))  # type: ignore[arg-type]
    outcomes = world.send(BOB, EVE)
    early = step in ("BANNER", "EHLO")
    broke = kind is Delayed and not early and not outcomes[0].host
    assert not broke or str(outcomes[0].status) == "4.4.2"  # type: ignore[union-attr]
    assert kinds(outcomes) == [Delayed if early else kind] * 2
    assert [outcome.recipient for outcome in outcomes] == [BOB, EVE]


def test_a_message_that_cannot_be_read_is_not_sent_in_part() -> None:
    class Broken(OctetsBody):
        def read_at(self, offset: int, length: int) -> Deferred[bytes]:
            if world.network.transports and offset:
                raise Corrupt("the file is shorter than its name says")
            return super().read_at(offset, length)

    peer = ScriptedPeer()
    world = at_one(peer)
    outcomes = world.send(body=Broken(b"line\r\n" * 50_000))
    assert kinds(outcomes) == [Delayed]
    assert "could not be read" in outcomes[0].text  # type: ignore[union-attr]
    assert peer.messages == []


@pytest.mark.parametrize("declared", [BodyType.SEVEN_BIT, BodyType.EIGHT_BIT_MIME])
@pytest.mark.parametrize("before", [0, 200_000])
@pytest.mark.parametrize(("octets", "kind"), [(b"plain\r\n", Delivered), (b"gr\xc3\xbc\xc3\x9fe\r\n", Failed)])
def test_only_a_message_that_is_8_bit_needs_8bitmime(
    declared: BodyType, before: int, octets: bytes, kind: type
) -> None:
    world = at_one(ScriptedPeer(extensions=()))
    body = OctetsBody(b"x" * 70 + b"\r\n" + b"filler\r\n" * (before // 8) + octets)
    assert kinds(result_of(world.start(body=body, envelope_body=declared))) == [kind]


def test_many_recipients_go_in_several_transactions() -> None:
    peer = ScriptedPeer()
    world = at_one(peer, recipients=10)
    everyone = [Address(f"u{n}", "b.test") for n in range(25)]
    assert [outcome.recipient for outcome in world.send(*everyone)] == everyone
    assert [len(message.recipients) for message in peer.messages] == [10, 10, 5]
    assert len(peer.sessions) == 1


def test_recipients_with_return_paths_of_their_own_go_in_transactions_of_their_own() -> None:
    peer = ScriptedPeer()
    world = at_one(peer)
    path = Address("SRS0=x", "us.test")
    everyone = tuple(
        Recipient(Address(name, "b.test"), return_path=path if name in "ac" else None) for name in ("a", "b", "c")
    )
    sent = Envelope("m1", AL, everyone, 0.0)
    answer = world.courier.deliver(HOP, sent, everyone, OctetsBody(MESSAGE))
    world.network.settle()
    assert [outcome.recipient for outcome in result_of(answer)] == [one.address for one in everyone]
    assert [(one.sender.split()[0], list(one.recipients)) for one in peer.messages] == [
        ("<al@a.test>", ["<b@b.test>"]),
        ("<SRS0=x@us.test>", ["<a@b.test>", "<c@b.test>"]),
    ]


# -- connections that wait ---------------------------------------------------------------------------------------------


def test_a_second_message_soon_after_uses_the_same_connection() -> None:
    peer = ScriptedPeer()
    world = at_one(peer)
    world.send()
    world.wait(4)
    world.send()
    assert len(peer.sessions) == 1
    assert len(peer.messages) == 2


def test_a_waiting_connection_is_for_mail_that_asks_for_the_same_tls() -> None:
    peer = ScriptedPeer()
    world = at_one(peer)
    other = Hop(HOP.host, HOP.addresses, HOP.port, security=Security(TlsLevel.MAY, source="[[tls_policy]]"))
    for hop in (HOP, other, HOP, other):
        world.send(hop=hop)
    assert [len(peer.messages), len(peer.sessions)] == [4, 2]


def test_a_waiting_connection_says_goodbye_in_time() -> None:
    peer = ScriptedPeer()
    world = at_one(peer)
    world.send()
    world.wait(5)
    assert peer.sessions[0].lines[-1] == "QUIT"
    world.send()
    assert len(peer.sessions) == 2
    world.wait(5)
    assert world.clock.getDelayedCalls() == []


def test_nothing_waits_when_the_server_stops() -> None:
    peer = ScriptedPeer()
    world = at_one(peer)
    world.send()
    world.courier.close()
    world.network.settle()
    assert not world.network.transports[0].connected
    assert world.clock.getDelayedCalls() == []


def test_each_connection_waits_from_when_it_was_given_back() -> None:
    first, second = ScriptedPeer(), ScriptedPeer()
    world = World({"192.0.2.1:25": first, "192.0.2.2:25": second})
    other = Hop("mx2.b.test", ("192.0.2.2",), HOP.port)
    world.send()
    world.wait(3)
    world.send()
    world.send(hop=other)
    world.wait(3)
    world.send(hop=other)
    world.wait(1)
    assert [peer.sessions[0].lines[-1] == "QUIT" for peer in (first, second)] == [False, False]
    world.wait(1)
    assert [peer.sessions[0].lines[-1] == "QUIT" for peer in (first, second)] == [True, False]
    world.wait(3)
    assert second.sessions[0].lines[-1] == "QUIT"
    assert world.clock.getDelayedCalls() == []


def test_no_more_than_so_many_messages_over_one_connection() -> None:
    peer = ScriptedPeer()
    world = at_one(peer, messages=2)
    for _ in range(3):
        world.send()
    assert len(peer.sessions) == 2


def test_a_waiting_connection_that_died_is_replaced() -> None:
    peer = ScriptedPeer({"MAIL": ["250 ok", CLOSE, "250 ok"]})
    world = at_one(peer)
    world.send()
    assert kinds(world.send()) == [Delivered]
    assert len(peer.sessions) == 2


def test_a_waiting_connection_that_the_server_closed_is_forgotten() -> None:
    peer = ScriptedPeer()
    world = at_one(peer)
    world.send()
    world.network.transports[0].hang_up()
    world.network.settle()
    assert kinds(world.send()) == [Delivered]
    assert len(peer.sessions) == 2


def test_a_session_is_used_again_after_a_refusal() -> None:
    peer = ScriptedPeer({"RCPT": ["550 5.1.1 no", "250 ok"]}, ["8BITMIME"])
    world = at_one(peer)
    assert kinds(world.send()) == [Failed]
    assert kinds(world.send()) == [Delivered]
    assert len(peer.sessions) == 1
    assert "RSET" in peer.sessions[0].lines


def test_a_session_in_which_rset_is_refused_is_not_used_again() -> None:
    peer = ScriptedPeer({"RCPT": ["550 5.1.1 no", "250 ok"], "RSET": "500 what?"}, ["8BITMIME"])
    world = at_one(peer)
    assert [*kinds(world.send()), *kinds(world.send())] == [Failed, Delivered]
    assert len(peer.sessions) == 2


# -- what the host takes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "transactions", "sessions"),
    [
        ("RCPTMAX=2", 3, 1),
        ("RCPTMAX=2 MAILMAX=2", 3, 2),
        ("rcptmax=0", 5, 1),
        ("RCPTMAX=x", 1, 1),
        ("RCPTDOMAINMAX=1", 2, 1),
    ],
)
def test_transactions_keep_to_the_limits_of_the_host(limits: str, transactions: int, sessions: int) -> None:
    """RFC 9422 §4."""
    peer = ScriptedPeer(extensions=("PIPELINING", f"LIMITS {limits}"))
    world = at_one(peer)
    people = [Address(f"u{n}", "b.test") for n in range(4)] + [Address("u", "d.test")]
    assert [outcome.recipient for outcome in world.send(*people)] == people
    assert (len(peer.messages), len(peer.sessions)) == (transactions, sessions)


def test_recipients_that_were_too_many_for_one_transaction_go_in_the_next() -> None:
    """RFC 5321 §4.5.3.1.10."""
    too_many = "452 4.5.3 too many recipients"
    peer = ScriptedPeer({"RCPT": ["250 ok", too_many, "250 ok"]})
    assert kinds(at_one(peer).send(BOB, EVE)) == [Delivered, Delivered]
    assert [len(message.recipients) for message in peer.messages] == [1, 1]
    peer = ScriptedPeer({"RCPT": too_many})
    assert kinds(at_one(peer).send(BOB, EVE)) == [Delayed, Delayed]


def test_an_8_bit_message_is_converted_for_a_host_that_takes_only_7_bit() -> None:
    """RFC 6152 §3."""
    peer = ScriptedPeer(extensions=("SIZE 1000",))
    octets = "Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\ngrün\r\n".encode()
    assert kinds(at_one(peer).send(body=OctetsBody(octets))) == [Delivered]
    (message,) = peer.messages
    assert message.octets.endswith(b"Content-Transfer-Encoding: quoted-printable\r\n\r\ngr=C3=BCn\r\n")
    assert message.sender.endswith(f" SIZE={len(message.octets)}")


def test_what_cannot_be_converted_is_returned() -> None:
    peer = ScriptedPeer(extensions=())
    (outcome,) = at_one(peer).send(body=OctetsBody("Subject: grün\r\n\r\n".encode()))
    assert isinstance(outcome, Failed)
    assert str(outcome.status) == "5.6.3"


# -- REQUIRETLS (RFC 8689 §4.2.1) --------------------------------------------------------------------------------------

CERTAIN = Hop("mx.b.test", ("192.0.2.1", "192.0.2.2"), 25, certain=True)


def send_protected(world: World, hop: Hop = CERTAIN, sender: Address = AL) -> Outcome:
    envelope = Envelope("m1", sender, (Recipient(BOB),), 0.0, require_tls=True)
    answer = world.courier.deliver(hop, envelope, envelope.recipients, OctetsBody(MESSAGE))
    world.network.settle()
    return result_of(answer)[0]


def test_what_requires_tls_goes_over_verified_tls_to_a_host_that_promises_it() -> None:
    peer = ScriptedPeer(extensions=(*WITH_TLS, "REQUIRETLS"))
    world = at_one(peer)
    world.send()  # over a connection that is not verified, and waits
    assert isinstance(send_protected(world), Delivered)
    assert world.contexts.asked[-1] == ("mx.b.test", True)
    assert peer.messages[-1].sender.endswith(" REQUIRETLS")
    assert len(peer.sessions) == 2
    assert isinstance(send_protected(world), Delivered)
    assert len(peer.sessions) == 2


@pytest.mark.parametrize(
    ("extensions", "hop", "status"),
    [
        (WITH_TLS, CERTAIN, "4.7.30"),
        ((*EXTENSIONS, "REQUIRETLS"), CERTAIN, "4.7.10"),
        ((*WITH_TLS, "REQUIRETLS"), TWO, "4.7.30"),
    ],
)
def test_what_requires_tls_goes_nowhere_else(extensions: tuple[str, ...], hop: Hop, status: str) -> None:
    peer = ScriptedPeer(extensions=extensions)
    outcome = send_protected(World({"192.0.2.1:25": peer, "192.0.2.2:25": peer}), hop)
    assert isinstance(outcome, Delayed)
    assert (str(outcome.status), outcome.host) == (status, "")
    assert peer.messages == []


def test_a_host_that_is_down_is_no_lack_of_tls() -> None:
    outcome = send_protected(
        World({"192.0.2.1:25": ConnectionRefusedError(), "192.0.2.2:25": ConnectionRefusedError()})
    )
    assert isinstance(outcome, Delayed)
    assert str(outcome.status) == "4.4.1"


@pytest.mark.parametrize(("extensions", "said"), [(EXTENSIONS, False), ((*WITH_TLS, "REQUIRETLS"), True)])
def test_notices_ask_for_tls_where_it_is_offered_and_go_without_where_it_is_not(
    extensions: tuple[str, ...], said: bool
) -> None:
    """RFC 8689 §5."""
    peer = ScriptedPeer(extensions=extensions)
    assert isinstance(send_protected(at_one(peer), HOP, NULL_SENDER), Delivered)
    assert peer.messages[0].sender.endswith(" REQUIRETLS") is said


# -- TLS-Required: No (RFC 8689 §3, §4.2.2) ----------------------------------------------------------------------------

WAIVED = OctetsBody(b"Subject: your certificate\r\nTLS-Required: no\r\n\r\nhas expired\r\n")


@pytest.mark.parametrize("tls", [Tls.REQUIRE, Tls.VERIFY])
@pytest.mark.parametrize(
    ("script", "extensions"),
    [({}, EXTENSIONS), ({"STARTTLS": "454 4.7.0 no"}, WITH_TLS), ({"HANDSHAKE": CLOSE}, WITH_TLS)],
)
def test_who_waives_tls_gets_through_without(tls: Tls, script: dict, extensions: Sequence[str]) -> None:  # type: ignore[type-arg]
    peer = ScriptedPeer(script, extensions)
    assert kinds(at_one(peer, tls=tls, waivable=True).send(body=WAIVED)) == [Delivered]


def test_tls_that_works_is_used_all_the_same_with_any_certificate() -> None:
    peer = ScriptedPeer(extensions=WITH_TLS)
    world = at_one(peer, tls=Tls.VERIFY, waivable=True)
    assert kinds(world.send(body=WAIVED)) == [Delivered]
    assert peer.sessions[0].secure
    assert world.contexts.asked == [("mx.b.test", False)]


@pytest.mark.parametrize("tls", [Tls.REQUIRE, Tls.VERIFY])
def test_mail_that_waives_nothing_does_not_follow_over_the_same_connection(tls: Tls) -> None:
    peer = ScriptedPeer()
    world = at_one(peer, tls=tls, waivable=True)
    assert kinds(world.send(body=WAIVED)) == [Delivered]
    assert kinds(world.send()) == [Delayed]
    assert len(peer.messages) == 1


@pytest.mark.parametrize(
    ("header", "waivable", "require_tls"),
    [
        (b"TLS-Required: No\r\n", False, False),  # the administrator's word
        (b"TLS-Required: No\r\n", True, True),  # §4.1: REQUIRETLS makes it void
        (b"TLS-Required: Yes\r\n", True, False),
        (b"TLS-Required: No\r\nTLS-Required: No\r\n", True, False),  # §3: more than one must not appear
        (b"X-TLS-Required: No\r\n", True, False),
        (b"Subject: x\r\n\r\nTLS-Required: No\r\n", True, False),
    ],
)
def test_nothing_else_waives_tls(header: bytes, waivable: bool, require_tls: bool) -> None:
    peer = ScriptedPeer()
    world = at_one(peer, tls=Tls.REQUIRE, waivable=waivable)
    envelope = Envelope("m1", AL, (Recipient(BOB),), 0.0, require_tls=require_tls)
    answer = world.courier.deliver(CERTAIN, envelope, envelope.recipients, OctetsBody(header + b"\r\nx\r\n"))
    world.network.settle()
    assert kinds(result_of(answer)) == [Delayed]
    assert peer.messages == []


@pytest.mark.parametrize("way", ["close", "cancel"])
@pytest.mark.parametrize("step", [None, "BANNER", "EHLO", "HANDSHAKE", "MAIL", "DATA", "DOT"])
def test_what_is_broken_off_ends_at_once_and_tries_nothing_more(step: str | None, way: str) -> None:
    second = ScriptedPeer()
    first: Site = NEVER if step is None else ScriptedPeer({step: SILENCE}, WITH_TLS)
    world = World({"192.0.2.1:25": first, "192.0.2.2:25": second}, recipients=1)
    answer = world.start(BOB, EVE, hop=TWO)
    assert unfired(answer)
    if way == "close" and step is not None:
        world.courier.close()
    else:
        answer.cancel()
    assert kinds(result_of(answer)) == [Delayed, Delayed]
    world.network.settle()
    assert world.network.tried == ["192.0.2.1:25"]
    assert not any(transport.connected for transport in world.network.transports)
    assert world.clock.getDelayedCalls() == []


# -- TLS and login -----------------------------------------------------------------------------------------------------


def test_tls_is_used_where_it_is_offered() -> None:
    peer = ScriptedPeer(extensions=WITH_TLS)
    world = at_one(peer)
    assert kinds(world.send()) == [Delivered]
    assert peer.sessions[0].secure
    assert world.contexts.asked == [("mx.b.test", False)]


def test_tls_is_not_used_where_it_is_not_wanted() -> None:
    peer = ScriptedPeer(extensions=WITH_TLS)
    at_one(peer, tls=Tls.NEVER).send()
    assert "STARTTLS" not in peer.sessions[0].lines


def test_a_failed_handshake_is_repeated_without_tls() -> None:
    peer = ScriptedPeer({"HANDSHAKE": CLOSE}, WITH_TLS)
    assert kinds(at_one(peer).send()) == [Delivered]
    assert len(peer.sessions) == 2
    assert "STARTTLS" not in peer.sessions[1].lines


def test_a_handshake_that_hangs_is_repeated_without_tls() -> None:
    peer = ScriptedPeer({"HANDSHAKE": SILENCE}, WITH_TLS)
    world = at_one(peer)
    answer = world.start()
    assert unfired(answer)
    world.wait(PATIENCE[Step.HANDSHAKE])
    assert kinds(result_of(answer)) == [Delivered]


@pytest.mark.parametrize("tls", [Tls.REQUIRE, Tls.VERIFY])
@pytest.mark.parametrize(
    ("script", "extensions"),
    [({}, EXTENSIONS), ({"STARTTLS": "454 4.7.0 no"}, WITH_TLS), ({"HANDSHAKE": CLOSE}, WITH_TLS)],
)
def test_without_the_tls_that_is_asked_for_there_is_no_mail(tls: Tls, script: dict, extensions: Sequence[str]) -> None:  # type: ignore[type-arg]
    peer = ScriptedPeer(script, extensions)
    outcomes = at_one(peer, tls=tls).send()
    assert kinds(outcomes) == [Delayed]
    assert not any(line.startswith("MAIL") for session in peer.sessions for line in session.lines)


def test_the_certificate_is_verified_when_that_is_asked_for() -> None:
    world = at_one(ScriptedPeer(extensions=WITH_TLS), tls=Tls.VERIFY)
    assert kinds(world.send()) == [Delivered]
    assert world.contexts.asked == [("mx.b.test", True)]


def test_login_happens_after_tls() -> None:
    peer = ScriptedPeer(extensions=[*WITH_TLS, "AUTH PLAIN"])
    assert kinds(at_one(peer, login=Login("user", "secret")).send()) == [Delivered]
    verbs = [line.split(" ")[0] for line in peer.sessions[0].lines]
    assert verbs[:5] == ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL"]


def test_the_password_is_not_sent_in_the_clear() -> None:
    peer = ScriptedPeer(extensions=[*EXTENSIONS, "AUTH PLAIN"])
    assert kinds(at_one(peer, login=Login("user", "secret")).send()) == [Delayed]
    assert not any(line.startswith("AUTH") for line in peer.sessions[0].lines)


def test_a_refused_login_delays() -> None:
    peer = ScriptedPeer({"AUTH": "535 5.7.8 no"}, [*EXTENSIONS, "AUTH PLAIN"])
    (outcome,) = at_one(peer, login=Login("user", "secret"), login_in_clear=True).send()
    assert isinstance(outcome, Delayed)
    assert "535 5.7.8" in outcome.text
    assert (outcome.status, outcome.host) == (Status(4, 7, 8), "")  # not that it cannot be reached
