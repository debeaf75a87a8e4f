"""SASL mechanisms and their base64, RFC 4616, RFC 4954 §4."""

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.sasl.base64 import decode, decode_initial, encode
from mailsuite.sasl.login import LoginClient, LoginServer
from mailsuite.sasl.plain import PlainClient, PlainServer
from mailsuite.sasl.table import MECHANISMS, choose, offered
from mailsuite.sasl.values import Cancelled, Challenge, Credentials, Malformed, SASLError


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


@pytest.mark.parametrize("name", sorted(MECHANISMS))
def test_each_client_satisfies_its_server(name: str) -> None:
    client = MECHANISMS[name].client("tim@example.org", "pässwort")
    server = MECHANISMS[name].server()
    challenge = b"" if client.client_first else server.begin().data
    for _ in range(5):
        step = server.step(client.respond(challenge))
        if isinstance(step, Credentials):
            break
        challenge = step.data
    assert step == Credentials("tim@example.org", "pässwort")


@pytest.mark.parametrize("client", [PlainClient("tim", "secret"), LoginClient("tim", "secret")])
def test_a_client_does_not_answer_for_ever(client: PlainClient | LoginClient) -> None:
    with pytest.raises(Malformed):
        [client.respond(b"") for _ in range(3)]


def test_plain_client_answers_no_real_challenge() -> None:
    with pytest.raises(Malformed):
        PlainClient("tim", "secret").respond(b"nonce")


def test_passwords_are_offered_only_in_private() -> None:
    assert offered(private=False) == ()
    assert offered(private=True) == ("PLAIN", "LOGIN")
    assert choose(frozenset({"LOGIN", "PLAIN", "GSSAPI"}), private=False) == ()
    assert [row.name for row in choose(frozenset({"LOGIN", "PLAIN", "GSSAPI"}), private=True)] == ["PLAIN", "LOGIN"]


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


@given(st.sampled_from(sorted(MECHANISMS)), st.lists(st.binary(max_size=40), max_size=4))
def test_a_mechanism_raises_nothing_but_its_errors(name: str, responses: list[bytes]) -> None:
    server = MECHANISMS[name].server()
    try:
        for response in responses:
            if isinstance(server.step(response), Credentials):
                break
    except SASLError:
        pass


@given(st.binary(max_size=40))
def test_decoding_raises_nothing_but_its_errors(line: bytes) -> None:
    with contextlib.suppress(SASLError):
        assert encode(decode(line)) == line
