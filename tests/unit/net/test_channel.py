"""Channel bindings and client certificates: real handshakes, in memory."""

import contextlib
import datetime
import hashlib
import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from OpenSSL import SSL

from mailsuite.errors import ConfigError
from mailsuite.net.certificate import SelfSigned, make_self_signed
from mailsuite.net.channel import end_point, names_of, secured_channel
from mailsuite.net.tls import RELOAD_AFTER, TLSContexts

START = datetime.datetime.now(datetime.UTC)
NOW = START.timestamp()
PEM = serialization.Encoding.PEM


class Authority:
    """Signs certificates for clients."""

    def __init__(self, name: str) -> None:
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.pem = self._sign(
            self._builder(self._name, self._key, 30).add_extension(x509.BasicConstraints(True, None), True)
        ).public_bytes(PEM)

    def _builder(self, name: x509.Name, key: ec.EllipticCurvePrivateKey, days: int) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(START - datetime.timedelta(days=10))
            .not_valid_after(START + datetime.timedelta(days=days))
        )

    def _sign(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        return builder.sign(self._key, hashes.SHA256())

    def client(
        self,
        names: Sequence[x509.GeneralName],
        subject: Sequence[x509.NameAttribute[str]] = (),
        days: int = 5,
        purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.CLIENT_AUTH,
    ) -> tuple[x509.Certificate, bytes]:
        """A certificate, and it with its key in PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(x509.Name(subject), key, days).add_extension(x509.ExtendedKeyUsage([purpose]), False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
        made = self._sign(builder)
        secret = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return made, made.public_bytes(PEM) + secret


OURS, OTHERS = Authority("ours"), Authority("others")
TIM = x509.RFC822Name("tim@example.org")


@pytest.fixture(scope="module")
def made() -> SelfSigned:
    return make_self_signed(["mail.example.org"], 30, NOW)


class Server:
    """A certificate in files, with clients of ``OURS``."""

    def __init__(self, folder: Path, made: SelfSigned) -> None:
        for name, data in (("cert.pem", made.certificate), ("key.pem", made.key), ("clients.pem", OURS.pem)):
            (folder / name).write_bytes(data)
        self.now = NOW
        self.folder = folder
        self.authorities = str(folder / "clients.pem")
        self.contexts = TLSContexts(str(folder / "cert.pem"), str(folder / "key.pem"), lambda: self.now)

    def meet(
        self, certificate: bytes = b"", asked: bool = True, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    ) -> tuple[SSL.Connection, ssl.SSLObject]:
        """Both ends after the handshake."""
        return self.shake(self.client(certificate, newest), asked)

    def client(self, certificate: bytes, newest: ssl.TLSVersion) -> ssl.SSLContext:
        client = ssl.create_default_context(cafile=str(self.folder / "cert.pem"))
        client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        client.maximum_version = newest
        if certificate:
            (self.folder / "own.pem").write_bytes(certificate)
            client.load_cert_chain(self.folder / "own.pem")
        return client

    def shake(
        self, client: ssl.SSLContext, asked: bool = True, session: ssl.SSLSession | None = None
    ) -> tuple[SSL.Connection, ssl.SSLObject]:
        server = self.contexts.server(self.authorities if asked else "").serverConnectionForTLS(None)  # type: ignore[attr-defined]
        server.set_accept_state()
        to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = client.wrap_bio(to_client, to_server, server_hostname="localhost", session=session)
        for _ in range(10):
            with contextlib.suppress(ssl.SSLWantReadError):
                tls.do_handshake()
            if sent := to_server.read():
                server.bio_write(sent)
            with contextlib.suppress(SSL.WantReadError):
                server.do_handshake()
            with contextlib.suppress(SSL.WantReadError):
                to_client.write(server.bio_read(65536))
        return server, tls


@pytest.fixture
def server(tmp_path: Path, made: SelfSigned) -> Server:
    return Server(tmp_path, made)


# -- channel bindings ----------------------------------------------------------------------------------------------


def test_tls_1_3_is_bound_to_the_connection_and_to_the_certificate(server: Server, made: SelfSigned) -> None:
    connection, _ = server.meet()
    exporter, certificate = secured_channel(connection).bindings
    assert (exporter.name, len(exporter.data)) == ("tls-exporter", 32)
    # RFC 9266 §2
    assert exporter.data == connection.export_keying_material(b"EXPORTER-Channel-Binding", 32, b"")
    assert exporter.data != secured_channel(server.meet()[0]).bindings[0].data
    # RFC 5929 §4.1: what the client computes from the octets that it was shown
    shown = ssl.PEM_cert_to_DER_cert(made.certificate.decode())
    assert (certificate.name, certificate.data) == ("tls-server-end-point", hashlib.sha256(shown).digest())


def test_tls_1_2_is_bound_to_the_certificate_alone(server: Server) -> None:
    """RFC 9266 §3 wants the extended master secret for more, of which OpenSSL's Python binding does not tell."""
    connection, _ = server.meet(newest=ssl.TLSVersion.TLSv1_2)
    assert [binding.name for binding in secured_channel(connection).bindings] == ["tls-server-end-point"]


@pytest.mark.parametrize(
    ("algorithm", "name"), [(hashes.SHA256(), "sha256"), (hashes.SHA384(), "sha384"), (hashes.SHA512(), "sha512")]
)
def test_the_certificates_own_hash_is_used(algorithm: hashes.SHA256, name: str) -> None:
    key = rsa.generate_private_key(65537, 2048)
    certificate = x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(x509.Name([]))
    certificate = (
        certificate.serial_number(1).not_valid_before(START).not_valid_after(START).public_key(key.public_key())
    )
    signed = certificate.sign(key, algorithm)
    assert end_point(signed) == hashlib.new(name, signed.public_bytes(serialization.Encoding.DER)).digest()


@pytest.mark.parametrize("algorithm", [hashes.MD5(), hashes.SHA1()])
def test_a_weak_hash_is_replaced(algorithm: hashes.HashAlgorithm) -> None:
    class Old:
        signature_hash_algorithm = algorithm

        def fingerprint(self, used: hashes.HashAlgorithm) -> bytes:
            return used.name.encode()

    assert end_point(Old()) == b"sha256"  # type: ignore[arg-type]


def test_a_certificate_without_a_hash_binds_nothing() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    certificate = x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(x509.Name([]))
    certificate = (
        certificate.serial_number(1).not_valid_before(START).not_valid_after(START).public_key(key.public_key())
    )
    assert end_point(certificate.sign(key, None)) == b""


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("asked", [True, False])
def test_sessions_are_not_resumed(server: Server, newest: ssl.TLSVersion, asked: bool) -> None:
    client = server.client(b"", newest)
    _, tls = server.shake(client, asked)
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.read()
    _, again = server.shake(client, asked, tls.session)
    assert again.version() is not None
    assert not again.session_reused


# -- client certificates -------------------------------------------------------------------------------------------


def test_a_client_is_known_by_its_certificate(server: Server) -> None:
    for newest in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        connection, _ = server.meet(OURS.client([TIM])[1], newest=newest)
        assert secured_channel(connection).identities == ("tim@example.org",)


def test_a_client_without_a_certificate_is_served_and_nobody(server: Server) -> None:
    connection, _ = server.meet()
    assert secured_channel(connection).identities == ()


@pytest.mark.parametrize(
    "pem",
    [
        OTHERS.client([TIM])[1],
        OURS.client([TIM], days=-1)[1],
        OURS.client([TIM], purpose=ExtendedKeyUsageOID.SERVER_AUTH)[1],
    ],
    ids=["another authority", "out of date", "another purpose"],
)
def test_a_certificate_that_is_not_believed_names_nobody(server: Server, pem: bytes) -> None:
    connection, tls = server.meet(pem)
    assert tls.version() == "TLSv1.3"
    assert connection.get_peer_certificate() is not None
    assert secured_channel(connection).identities == ()


def test_where_nobody_asks_no_certificate_counts(server: Server) -> None:
    connection, _ = server.meet(OURS.client([TIM])[1], asked=False)
    assert connection.get_peer_certificate() is None
    assert secured_channel(connection).identities == ()


def test_other_authorities_count_after_a_while(server: Server) -> None:
    connection, _ = server.meet(OTHERS.client([TIM])[1])
    Path(server.authorities).write_bytes(OURS.pem + OTHERS.pem)
    server.now += RELOAD_AFTER
    connection, _ = server.meet(OTHERS.client([TIM])[1])
    assert secured_channel(connection).identities == ("tim@example.org",)


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_authorities_that_cannot_be_read_are_named(server: Server, content: bytes | None) -> None:
    path = server.folder / "none.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"none\.pem"):
        server.contexts.server(str(path))


COMMON, EMAIL = NameOID.COMMON_NAME, NameOID.EMAIL_ADDRESS


@pytest.mark.parametrize(
    ("names", "subject", "found"),
    [
        (
            [TIM, x509.DNSName("example.org"), x509.RFC822Name("t@example.org")],
            [],
            ("tim@example.org", "t@example.org"),
        ),
        ([TIM], [(EMAIL, "root@example.org")], ("tim@example.org",)),
        ([], [(EMAIL, "tim@example.org"), (COMMON, "x@example.org")], ("tim@example.org",)),
        ([x509.DNSName("example.org")], [(COMMON, "tim@example.org")], ("tim@example.org",)),
        ([], [(COMMON, "tim")], ()),
        ([x509.RFC822Name(f"{n}@example.org") for n in range(99)], [], tuple(f"{n}@example.org" for n in range(16))),
    ],
)
def test_names_of_a_certificate(
    names: list[x509.GeneralName], subject: list[tuple[x509.ObjectIdentifier, str]], found: tuple[str, ...]
) -> None:
    certificate, _ = OURS.client(names, [x509.NameAttribute(kind, value) for kind, value in subject])
    assert names_of(certificate) == found
