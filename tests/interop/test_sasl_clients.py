"""SASL as programs of other people speak it: SCRAM with and without channel binding, client certificates.

gsasl (GNU SASL's own client) speaks SMTP and IMAP up to the login; msmtp and mpop use its library for a whole job.
"""

from __future__ import annotations

import datetime
import imaplib
import poplib
import smtplib
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from senders import run, trust

from mailsuite.testing.instance import Instance, running

MESSAGE = b"From: demo@demo.test\nTo: demo@demo.test\nSubject: hello\n\nhello\n"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``authority.pem``, and ``own.pem`` and ``key.pem`` of demo@demo.test."""
    folder = tmp_path_factory.mktemp("certificate")
    now = datetime.datetime.now(datetime.UTC)
    above, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "our people")])
    builder = x509.CertificateBuilder().issuer_name(name).not_valid_before(now - datetime.timedelta(days=1))
    builder = builder.not_valid_after(now + datetime.timedelta(days=1))
    authority = builder.subject_name(name).public_key(above.public_key()).serial_number(1)
    authority = authority.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    person = builder.subject_name(x509.Name([])).public_key(own.public_key()).serial_number(2)
    person = person.add_extension(x509.SubjectAlternativeName([x509.RFC822Name("demo@demo.test")]), critical=True)
    person = person.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    pem = serialization.Encoding.PEM
    for file, made in (("authority.pem", authority), ("own.pem", person)):
        (folder / file).write_bytes(made.sign(above, hashes.SHA256()).public_bytes(pem))
    secret = own.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(secret)
    (folder / "key.pem").chmod(0o600)
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, certificate: Path) -> Iterator[Instance]:
    instance = Instance(tmp_path_factory.mktemp("sasl") / "server")
    asking = f'client_ca = "{certificate}/authority.pem"\ntls = '
    instance.edit(lambda text: text.replace("\ntls = ", f"\n{asking}"))
    with running(instance):
        yield instance


# -- gsasl ---------------------------------------------------------------------------------------------------------


def gsasl(server: Instance, protocol: str, mechanism: str, *options: str) -> str:
    """SMTP without TLS, since it says STARTTLS before EHLO."""
    port = server.ports["submission" if protocol == "smtp" else "imap"]
    command = ["gsasl", f"--{protocol}", "--connect", f"localhost:{port}", "--mechanism", mechanism]
    command += ["--x509-ca-file", str(server.authority)] if protocol == "imap" else ["--no-starttls"]
    return run(*command, "--authentication-id", server.account, "--hostname", "localhost", "--verbose", *options)


@pytest.mark.parametrize(
    ("protocol", "mechanism", "option"),
    [
        ("imap", "SCRAM-SHA-256-PLUS", []),
        ("imap", "SCRAM-SHA-256", ["--no-cb"]),
        ("imap", "PLAIN", []),
        ("imap", "LOGIN", []),
        ("smtp", "SCRAM-SHA-256", []),
        ("smtp", "PLAIN", []),
        ("smtp", "LOGIN", []),
    ],
)
def test_gsasl_logs_in(
    server: Instance, protocol: str, mechanism: str, option: list[str], program: Callable[[str], str]
) -> None:
    program("gsasl")
    said = gsasl(server, protocol, mechanism, "--password", server.password, *option)
    assert f"{'AUTH' if protocol == 'smtp' else 'AUTHENTICATE'} {mechanism}" in said
    assert "Client authentication finished (server trusted)" in said


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256-PLUS", "PLAIN"])
def test_gsasl_is_told_of_a_wrong_password(server: Instance, mechanism: str, program: Callable[[str], str]) -> None:
    program("gsasl")
    with pytest.raises(AssertionError, match="AUTHENTICATIONFAILED"):
        gsasl(server, "imap", mechanism, "--password", "wrong")


# -- msmtp, mpop ---------------------------------------------------------------------------------------------------


def account(server: Instance, port: str, auth: str, certificate: Path) -> str:
    login = f"password {server.password}\n"
    if auth == "external":
        login = f"tls_cert_file {certificate}/own.pem\ntls_key_file {certificate}/key.pem\n"
    return (
        f"account a\nhost localhost\nport {server.ports[port]}\ntls on\ntls_starttls off\nuser {server.account}\n"
        f"tls_trust_file {server.authority}\nauth {auth}\n{login}"
    )


@pytest.mark.parametrize("auth", ["on", "scram-sha-256", "external", "plain"])
def test_msmtp_sends_and_mpop_fetches(
    auth: str, server: Instance, certificate: Path, tmp_path: Path, program: Callable[[str], str]
) -> None:
    for name in ("msmtp", "mpop"):
        program(name)
    sending, fetching = tmp_path / "msmtprc", tmp_path / "mpoprc"
    sending.write_text(account(server, "submissions", auth, certificate) + "from demo@demo.test\n")
    inbox = tmp_path / "inbox"
    fetching.write_text(
        account(server, "pop3s", auth, certificate) + f"delivery mbox {inbox}\nuidls_file {tmp_path}/uidls\nkeep off\n"
    )
    for rc in (sending, fetching):
        rc.chmod(0o600)
    run("msmtp", "-C", str(sending), "-a", "a", server.account, given=MESSAGE)
    server.arrived(1)
    run("mpop", "-C", str(fetching), "a")
    assert b"\nSubject: hello\n\nhello\n" in inbox.read_bytes()


# -- Python --------------------------------------------------------------------------------------------------------


def showing(server: Instance, certificate: Path) -> ssl.SSLContext:
    """Clients that show their certificate."""
    context = trust(server)
    context.load_cert_chain(certificate / "own.pem", certificate / "key.pem")
    return context


def test_a_certificate_is_enough_for_imap(server: Instance, certificate: Path) -> None:
    port = server.ports["imaps"]
    with imaplib.IMAP4_SSL("localhost", port, ssl_context=showing(server, certificate)) as imap:
        assert {"AUTH=EXTERNAL", "AUTH=SCRAM-SHA-256-PLUS"} <= set(imap.capabilities)
        imap.authenticate("EXTERNAL", lambda challenge: b"")
        assert imap.select("INBOX")[0] == "OK"


def test_a_certificate_is_enough_for_smtp_after_starttls(server: Instance, certificate: Path) -> None:
    with smtplib.SMTP("localhost", server.ports["submission"], timeout=20) as client:
        client.starttls(context=showing(server, certificate))
        client.ehlo()
        assert client.esmtp_features["auth"].split()[0] == "EXTERNAL"
        assert client.auth("EXTERNAL", lambda challenge=None: "")[0] == 235


def test_who_shows_no_certificate_is_not_offered_to_log_in_with_one(server: Instance) -> None:
    pop = poplib.POP3_SSL("localhost", server.ports["pop3s"], context=trust(server), timeout=20)
    assert pop.capa()["SASL"] == ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"]
    pop.quit()


# -- what ends a login ---------------------------------------------------------------------------------------------


def test_a_changed_password_ends_open_sessions_within_seconds(server: Instance) -> None:
    server.command("user", "add", "ann@demo.test", "--password-stdin", input="a first password")
    imap = imaplib.IMAP4_SSL("localhost", server.ports["imaps"], ssl_context=trust(server), timeout=10)
    imap.login("ann@demo.test", "a first password")
    server.command("user", "passwd", "ann@demo.test", "--password-stdin", input="a second password")
    assert imap.readline().startswith(b"* BYE the account is gone or disabled, or its password was changed")
    imap.shutdown()
