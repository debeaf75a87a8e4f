"""SCRAM-SHA-256 and -PLUS: RFC 5802, RFC 7677."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.directory.scram import keys_of
from mailsuite.model import Account, ScramKeys
from mailsuite.sasl.scram import ScramServer
from mailsuite.sasl.values import Beginning, Binding, Challenge, Channel, KeysWanted, Malformed, Proof
from mailsuite.testing.sasl_clients import ScramClient

USER = Account("user")
EXPORTER, END_POINT = Binding("tls-exporter", b"of this connection"), Binding("tls-server-end-point", b"of this server")
BOUND = Channel(private=True, bindings=(EXPORTER, END_POINT))
UNBOUND = Channel(private=True)
NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"


def keys(password: str = "pencil", iterations: int = 4096) -> ScramKeys:
    """Those of RFC 7677 §3."""
    return keys_of(USER, password, base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="), iterations)


KEYS = keys()


def server(channel: Channel = UNBOUND, plus: bool = False) -> ScramServer:
    return ScramServer(Beginning(channel, NONCE), plus)


def finish(core: ScramServer, client: ScramClient, stored: ScramKeys = KEYS) -> Proof:
    wanted = core.step(client.respond(b""))
    assert isinstance(wanted, KeysWanted)
    proof = core.step(client.respond(wanted.take(stored).data))
    assert isinstance(proof, Proof)
    return proof


def test_the_example_of_rfc_7677() -> None:
    core = server()
    assert core.begin() == Challenge(b"")
    wanted = core.step(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO")
    assert isinstance(wanted, KeysWanted)
    assert wanted.login == "user"
    assert wanted.take(KEYS) == Challenge(
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    )
    proof = core.step(
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    )
    assert proof == Proof("user", "", USER, True, b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")


@pytest.mark.parametrize("login", ["tim", "tim@example.org", "jürgen", "a,b", "a=b", "=2C"])
def test_name_and_authorization_identity_come_through(login: str) -> None:
    proof = finish(server(), ScramClient(login, "pencil", authzid="ann@example.org"))
    assert (proof.login, proof.authzid, proof.right) == (login, "ann@example.org", True)


def test_the_server_proves_itself() -> None:
    client = ScramClient("user", "pencil")
    client.respond(finish(server(), client).answer)
    assert client.verified


def test_a_wrong_password_proves_nothing() -> None:
    assert not finish(server(), ScramClient("user", "pencils")).right


@given(st.binary(min_size=32, max_size=32))
def test_no_other_proof_fits(guess: bytes) -> None:
    core, client = server(), ScramClient("user", "pencil")
    wanted = core.step(client.respond(b""))
    assert isinstance(wanted, KeysWanted)
    final = client.respond(wanted.take(KEYS).data)
    guessed = core.step(final.partition(b",p=")[0] + b",p=" + base64.b64encode(guess))
    assert isinstance(guessed, Proof)
    assert not guessed.right


@pytest.mark.parametrize("length", [1, 31, 33, 64])
def test_a_proof_of_another_length_is_wrong(length: int) -> None:
    core, client = server(), ScramClient("user", "pencil")
    wanted = core.step(client.respond(b""))
    assert isinstance(wanted, KeysWanted)
    unproven, _, proof = client.respond(wanted.take(KEYS).data).partition(b",p=")
    other = base64.b64decode(proof).ljust(length, b"x")[:length]
    guessed = core.step(unproven + b",p=" + base64.b64encode(other))
    assert isinstance(guessed, Proof)
    assert not guessed.right


# -- channel binding, RFC 5802 §6 ----------------------------------------------------------------------------------


@pytest.mark.parametrize("binding", [EXPORTER, END_POINT])
def test_plus_is_bound_to_the_connection(binding: Binding) -> None:
    client = ScramClient("user", "pencil", f"p={binding.name}", binding.data)
    assert finish(server(BOUND, plus=True), client).right


def test_another_connection_is_not_bound() -> None:
    client = ScramClient("user", "pencil", "p=tls-exporter", b"of a connection to somebody in between")
    assert not finish(server(BOUND, plus=True), client).right


def test_a_changed_header_is_noticed() -> None:
    client = ScramClient("user", "pencil", "y")
    client._bound = base64.b64encode(b"n,,")
    assert not finish(server(), client).right


@pytest.mark.parametrize(
    ("channel", "plus", "flag"),
    [
        (BOUND, False, "y"),  # somebody took -PLUS out of the list that the client saw
        (BOUND, False, "p=tls-exporter"),
        (BOUND, True, "n"),
        (BOUND, True, "y"),
        (BOUND, True, "p=tls-unique"),
        (BOUND, True, "p=TLS-EXPORTER"),
        (Channel(private=True), True, "p=tls-exporter"),
    ],
)
def test_flags_that_do_not_go_with_what_was_offered(channel: Channel, plus: bool, flag: str) -> None:
    with pytest.raises(Malformed):
        server(channel, plus).step(f"{flag},,n=user,r=abc".encode())


@pytest.mark.parametrize("flag", ["n", "y"])
def test_without_binding_on_the_server_both_flags_are_right(flag: str) -> None:
    assert finish(server(), ScramClient("user", "pencil", flag)).right


def test_a_client_that_can_bind_nothing_may_go_on() -> None:
    assert finish(server(BOUND), ScramClient("user", "pencil", "n")).right


# -- syntax, RFC 5802 §7 -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"n",
        b"n,,",
        b"n,,n=user",
        b"n,,n=,r=abc",
        b"n,,n=user,r=",
        b"n,,r=abc,n=user",
        b"n,,n=user,r=a b",
        b"n,,n=user,r=\xc3\xa4",
        b"n,,n=us=er,r=abc",
        b"n,,n=us=2cer,r=abc",
        b"n,,n=\xff,r=abc",
        b"n,,n=us\0er,r=abc",
        b"n,a=,n=user,r=abc",
        b"n,a=x=y,n=user,r=abc",
        b"n,,m=needed,n=user,r=abc",
        b"x,,n=user,r=abc",
        b"F,n,,n=user,r=abc",
        b"n,,n=user,r=abc,",
        b"n,,n=user,r=abc,xy",
        b"n,,n=" + b"u" * 1024 + b",r=abc",
    ],
)
def test_what_is_no_first_message(first: bytes) -> None:
    with pytest.raises(Malformed):
        server().step(first)


def test_extensions_are_signed_and_not_looked_at() -> None:
    wanted = server().step(b"n,,n=user,r=abc,x=what,z=ever")
    assert isinstance(wanted, KeysWanted)


@pytest.mark.parametrize(
    "final",
    [
        b"",
        b"c=biws",
        b"c=biws,r=abc" + NONCE.encode(),
        b"c=biws,r=abc,p=AAAA",  # the client's part of the nonce alone
        b"c=biws,r=" + NONCE.encode() + b",p=AAAA",
        b"c=!,r=abc" + NONCE.encode() + b",p=AAAA",
        b"c=biw,r=abc" + NONCE.encode() + b",p=AAAA",
        b"c=biws,r=abc" + NONCE.encode() + b",p=AAA",
        b"r=abc" + NONCE.encode() + b",c=biws,p=AAAA",
        b"c=biws,r=abc" + NONCE.encode() + b",p=AAAA,x=y",
    ],
)
def test_what_is_no_final_message(final: bytes) -> None:
    core = server()
    wanted = core.step(b"n,,n=user,r=abc")
    assert isinstance(wanted, KeysWanted)
    wanted.take(KEYS)
    with pytest.raises(Malformed):
        core.step(final)


def test_neither_keys_nor_steps_show_secrets() -> None:
    assert "iterations=4096" in repr(KEYS)
    core, client = server(), ScramClient("user", "pencil")
    wanted = core.step(client.respond(b""))
    assert isinstance(wanted, KeysWanted)
    taken = repr(wanted.take(KEYS))
    for secret in (KEYS.stored_key, KEYS.server_key):
        for form in (repr(secret)[2:-1], secret.hex(), base64.b64encode(secret).decode()):
            assert form not in repr(KEYS) + repr(wanted) + taken + repr(core)


@given(
    login=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=40),
    password=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
def test_whoever_has_the_password_comes_in(login: str, password: str) -> None:
    assert finish(server(), ScramClient(login, password), keys(password, 1)).right
