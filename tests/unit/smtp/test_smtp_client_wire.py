"""What the client writes: no bare CR, bare LF or NUL ever, no line that the server could take for another one.

A message that lies in the queue may hold anything.  Whatever it is, the next server sees one message, which ends where
ours does, and nothing behind it.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.model import Address, Recipient
from mailsuite.smtp import events
from mailsuite.smtp.client import ClientCore
from mailsuite.smtp.client_events import BodyWanted, Done, Greeted, LoggedIn, Login, Transaction
from mailsuite.smtp.extensions import Options
from mailsuite.smtp.reply import reply
from mailsuite.smtp.server import ServerCore
from mailsuite.wire.signals import Signal

#: What a message must have none of for the next server; also the ends that others fall for.
EVIL = [
    b"\r\n", b"\r", b"\n", b"\0", b".", b"..", b"x", b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r",
    b"\r\n.\r\n", b"\r\r\n.\r\n", b"\0\r\n.\r\n",
    b"MAIL FROM:<admin@far.test>\r\nRCPT TO:<victim@far.test>\r\nDATA\r\nforged\r\n",
]  # fmt: skip
BODIES = st.lists(st.sampled_from(EVIL), max_size=12)


class Pair:
    """Our client face to face with our server core, which takes all; ``wire`` is all that the client wrote."""

    def __init__(
        self, transaction: Transaction, pieces: list[bytes], login: Login | None = None, chunks: bool = False
    ) -> None:
        self.client = ClientCore("us.test", "mx.far.test")
        without = frozenset() if chunks else frozenset({"CHUNKING"})
        options = Options("mx.far.test", mechanisms=("PLAIN", "LOGIN"), auth_in_clear=True, without=without)
        self.server = ServerCore(options)
        self.seen: list[events.Event] = []
        self.done: list[Done] = []
        self.wire = b""
        self._transaction = transaction
        self._pieces = pieces
        self._login = login
        while self._turn():
            pass

    def _turn(self) -> bool:
        self._serve()
        said = self.server.data_to_send()
        self.client.receive(said)
        while not isinstance(event := self.client.next_event(), Signal):
            self._act(event)
        wrote = self.client.data_to_send()
        self.wire += wrote
        self.server.receive(wrote)
        return bool(said or wrote)

    def _serve(self) -> None:
        while not isinstance(event := self.server.next_event(), Signal):
            self.seen.append(event)
            if isinstance(event, events.MessageEnd):
                self.server.reply(reply(250, "2.0.0", "Ok"))
            elif isinstance(event, events.AuthBegin | events.AuthResponse):
                self.server.reply(reply(235, "2.7.0", "Ok"))
            elif isinstance(event, events.Question):
                self.server.accept()

    def _act(self, event: object) -> None:
        if isinstance(event, Greeted) and self._login is not None:
            self.client.login(self._login)
        elif isinstance(event, Greeted | LoggedIn):
            self.client.send(self._transaction)
        elif isinstance(event, BodyWanted):
            for piece in self._pieces:
                self.client.body(piece)
            self.client.end_body()
        elif isinstance(event, Done):
            self.done.append(event)

    @property
    def body(self) -> bytes:
        return b"".join(event.data for event in self.seen if isinstance(event, events.Chunk))

    def count(self, kind: type[events.Event]) -> int:
        return sum(isinstance(event, kind) for event in self.seen)


def transaction(*addresses: Address) -> Transaction:
    sender, *recipients = addresses or (Address("a", "us.test"), Address("b", "far.test"))
    return Transaction(sender, tuple(map(Recipient, recipients)), 100, eight_bit=True)


def assert_clean(wire: bytes) -> None:
    rest = wire.replace(b"\r\n", b"")
    assert not any(octet in rest for octet in (b"\r", b"\n", b"\0")), wire


@given(BODIES)
def test_whatever_the_body_is_the_server_gets_one_message_without_faults(pieces: list[bytes]) -> None:
    pair = Pair(transaction(), pieces)
    assert_clean(pair.wire)
    assert (pair.count(events.Mail), pair.count(events.MessageEnd), pair.count(events.Rcpt)) == (1, 1, 1)
    (end,) = [event for event in pair.seen if isinstance(event, events.MessageEnd)]
    assert not end.faults
    assert pair.wire.endswith(b"\r\n.\r\n")
    assert pair.body.replace(b"\r\n", b"") == b"".join(pieces).translate(None, b"\r\n\0")


@given(st.binary(max_size=200), st.integers(1, 20))
def test_any_octets_in_any_cut_give_the_same_wire(octets: bytes, size: int) -> None:
    whole = Pair(transaction(), [octets]).wire
    assert Pair(transaction(), [octets[at : at + size] for at in range(0, len(octets), size)]).wire == whole
    assert_clean(whole)


@given(st.text(alphabet=st.sampled_from('ab.@ "\\\r\n\0<>é'), min_size=1, max_size=12), st.booleans())
def test_an_address_is_one_command_or_none(local: str, as_sender: bool) -> None:
    odd, plain = Address(local, "far.test"), Address("b", "far.test")
    pair = Pair(transaction(odd, plain) if as_sender else transaction(plain, odd, plain), [b"x\r\n"])
    assert_clean(pair.wire)
    (done,) = pair.done
    assert len(done.outcomes) == (1 if as_sender else 2)
    assert pair.count(events.Mail) <= 1
    assert pair.count(events.Rcpt) <= 2
    commands = pair.wire.partition(b"DATA\r\n")[0].split(b"\r\n")
    assert {command.partition(b" ")[0] for command in commands} <= {b"EHLO", b"MAIL", b"RCPT", b""}


@given(BODIES)
def test_a_message_in_chunks_is_the_same_message(pieces: list[bytes]) -> None:
    """RFC 3030: what a chunk holds ends nothing."""
    whole, chunked = Pair(transaction(), pieces), Pair(transaction(), pieces, chunks=True)
    assert chunked.wire.count(b" LAST\r\n") == 1
    assert chunked.body.removesuffix(b"\r\n") == whole.body.removesuffix(b"\r\n")
    (end,) = [event for event in chunked.seen if isinstance(event, events.MessageEnd)]
    assert not end.faults
    assert_clean(chunked.wire)


@pytest.mark.parametrize("user", ["al\r\nMAIL FROM:<x@y>", "al\0", "al\n", "é"])
def test_a_login_is_base64_whatever_is_in_it(user: str) -> None:
    pair = Pair(transaction(), [b"x\r\n"], Login(user, "secret\r\nQUIT\r\n"))
    assert_clean(pair.wire)
    assert pair.count(events.Mail) == 1
    assert pair.count(events.Quit) == 0
