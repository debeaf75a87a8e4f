"""SASL mechanisms and their base64, RFC 4616, RFC 4954 §4."""

import base64
import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.model import Account, ScramKeys
from mailsuite.sasl.base64 import decode, decode_initial, encode
from mailsuite.sasl.external import ExternalServer
from mailsuite.sasl.login import LoginServer
from mailsuite.sasl.plain import PlainServer
from mailsuite.sasl.table import MECHANISMS, offered
from mailsuite.sasl.values import (
    Beginning,
    Binding,
    Cancelled,
    Challenge,
    Channel,
    Claim,
    Credentials,
    KeysWanted,
    Malformed,
    Proof,
    SASLError,
)


@pytest.mark.parametrize(
    ("message", "credentials"),
    [
        (b"\0tim\0tanstaaftanstaaf", Credentials("tim", "tanstaaftanstaaf")),  # RFC 4616 §4
        (b"Ursel\0Kurt\0xipj3plmq", Credentials("Kurt", "xipj3plmq", "Ursel")),
        ("\0jürgen\0pässwort".encode(), Credentials("jürgen", "pässwort")),
        (b"\0" + b"a" * 1024 + b"\0" + b"b" * 1024, Credentials("a" * 1024, "b" * 1024)),
    ],
)
def test_plain_messages(message: bytes, credentials: Credentials) -> None:
    server = PlainServer()
    assert server.begin() == Challenge(b"")
    assert server.step(message) == credentials


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"tim",
        b"tim\0secret",
        b"\0tim\0",
        b"\0\0secret",
        b"\0tim\0sec\0ret",
        b"\0t\xff\0secret",
        b"\0tim\0" + b"x" * 1025,
        b"\0" + b"x" * 1025 + b"\0secret",
    ],
)
def test_what_is_not_a_plain_message(message: bytes) -> None:
    with pytest.raises(Malformed):
        PlainServer().step(message)


def test_login_asks_twice() -> None:
    server = LoginServer()
    assert server.begin() == Challenge(b"Username:")
    assert server.step(b"tim") == Challenge(b"Password:")
    assert server.step(b"secret") == Credentials("tim", "secret")


def test_login_takes_the_name_as_initial_response() -> None:
    server = LoginServer()
    assert server.step(b"tim") == Challenge(b"Password:")


@pytest.mark.parametrize("answers", [[b""], [b"a\0b"], [b"tim", b""], [b"tim", b"\xff"]])
def test_login_refuses_empty_and_broken_answers(answers: list[bytes]) -> None:
    server = LoginServer()
    for answer in answers[:-1]:
        server.step(answer)
    with pytest.raises(Malformed):
        server.step(answers[-1])


def test_external_takes_whom_to_act_as() -> None:
    assert ExternalServer().begin() == Challenge(b"")
    assert ExternalServer().step(b"") == Claim("")
    assert ExternalServer().step("jürgen@example.org".encode()) == Claim("jürgen@example.org")
    for response in (b"a\0b", b"\xff", b"x" * 1025):
        with pytest.raises(Malformed):
            ExternalServer().step(response)


BOUND = Channel(private=True, bindings=(Binding("tls-exporter", b"x"),), identities=("tim@example.org",))


@pytest.mark.parametrize(
    ("channel", "names"),
    [
        (Channel(), ()),
        (Channel(bindings=BOUND.bindings, identities=BOUND.identities), ()),
        (Channel(private=True), ("SCRAM-SHA-256", "PLAIN", "LOGIN")),
        (msgspec.structs.replace(BOUND, identities=()), ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN")),
        (msgspec.structs.replace(BOUND, bindings=()), ("EXTERNAL", "SCRAM-SHA-256", "PLAIN", "LOGIN")),
        (BOUND, ("EXTERNAL", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN")),
    ],
)
def test_what_is_offered_is_what_the_connection_is_good_for(channel: Channel, names: tuple[str, ...]) -> None:
    assert offered(channel) == names


def test_no_more_is_offered_than_is_allowed() -> None:
    assert offered(BOUND, ("LOGIN", "SCRAM-SHA-256", "NTLM")) == ("SCRAM-SHA-256", "LOGIN")


def test_credentials_never_show_the_password() -> None:
    assert "secret" not in repr(Credentials("tim", "secret")) + str(Credentials("tim", "secret"))


@pytest.mark.parametrize(
    ("line", "data"), [(b"", b""), (b"YQ==", b"a"), (b"AHRpbQBzZWNyZXQ=", b"\0tim\0secret"), (b"+/+/", b"\xfb\xff\xbf")]
)
def test_base64(line: bytes, data: bytes) -> None:
    assert decode(line) == data
    assert encode(data) == line


@pytest.mark.parametrize(
    "line",
    [
        b"=",
        b"a",
        b"YQ",
        b"YQ=",
        b"YQ===",
        b"YR==",
        b"Y Q==",
        b"YQ==YQ==",
        b"YQ==\n",
        b" YQ==",
        b"-_-_",
        b"\xff",
        b"=YQ=",
    ],
)
def test_base64_is_strict(line: bytes) -> None:
    with pytest.raises(Malformed):
        decode(line)


def test_marks() -> None:
    assert decode_initial(b"=") == b""
    with pytest.raises(Cancelled):
        decode(b"*")
    with pytest.raises(Malformed):
        decode_initial(b"*")


@given(st.binary(max_size=100))
def test_base64_of_anything_comes_back(data: bytes) -> None:
    assert decode(encode(data)) == data == base64.b64decode(encode(data))


PIECES = st.sampled_from(
    [b"n,", b"y,", b"p=tls-exporter,", b",", b"n=tim", b"r=abc", b"=2C", b"c=biws", b"p=", b"a=", b"m=x"]
)
RESPONSES = st.one_of(
    st.binary(max_size=40), st.lists(PIECES, max_size=8).map(b",".join), st.lists(PIECES).map(b"".join)
)


@given(st.sampled_from(sorted(MECHANISMS)), st.lists(RESPONSES, max_size=4))
def test_a_mechanism_raises_nothing_but_its_errors(name: str, responses: list[bytes]) -> None:
    server = MECHANISMS[name].server(Beginning(BOUND, "nonce"))
    with contextlib.suppress(SASLError):
        for response in responses:
            step = server.step(response)
            if isinstance(step, KeysWanted):
                step.take(ScramKeys(Account("tim@example.org"), 4096, b"salt", b"k" * 32, b"k" * 32))
            elif not isinstance(step, Challenge):
                assert not isinstance(step, Proof) or not step.right
                break


@given(st.binary(max_size=40))
def test_decoding_raises_nothing_but_its_errors(line: bytes) -> None:
    with contextlib.suppress(SASLError):
        assert encode(decode(line)) == line
