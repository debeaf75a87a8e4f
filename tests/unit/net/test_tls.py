"""Certificates and TLS contexts: real handshakes, in memory."""

import contextlib
import datetime
import os
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from OpenSSL import SSL
from twisted.internet import ssl as twisted_ssl
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from zope.interface.verify import verifyObject

from mailsuite.errors import ConfigError
from mailsuite.model import Security, Tlsa, TlsLevel
from mailsuite.net.certificate import SelfSigned, make_self_signed
from mailsuite.net.tls import RELOAD_AFTER, TLSContexts
from mailsuite.testing.tls import meet

NOW = datetime.datetime.now(datetime.UTC).timestamp()


class Time:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def write(folder: Path, made: SelfSigned, age: int = 0) -> tuple[str, str]:
    for name, data in (("cert.pem", made.certificate), ("key.pem", made.key)):
        path = folder / name
        path.write_bytes(data)
        os.utime(path, (NOW + age, NOW + age))
    return str(folder / "cert.pem"), str(folder / "key.pem")


def handshake(
    contexts: TLSContexts, client: ssl.SSLContext, host: str, session: ssl.SSLSession | None = None
) -> ssl.SSLObject:
    """Shake hands in memory, the client being Python's own ``ssl``, with what it kept of an earlier ``session``."""
    server = contexts.server().serverConnectionForTLS(None)
    server.set_accept_state()
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = client.wrap_bio(to_client, to_server, server_hostname=host, session=session)
    for _ in range(10):
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.do_handshake()
        if not to_server.pending:
            return tls
        server.bio_write(to_server.read())
        with contextlib.suppress(SSL.WantReadError):
            server.do_handshake()
        with contextlib.suppress(SSL.WantReadError):  # it has nothing to say
            to_client.write(server.bio_read(65536))
    raise AssertionError("no handshake")


def trusting(made: SelfSigned) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=made.ca.decode())


@pytest.fixture(scope="module")
def made() -> SelfSigned:
    return make_self_signed(["mail.example.org", "192.0.2.5"], 30, NOW)


@pytest.mark.parametrize("host", ["mail.example.org", "localhost", "127.0.0.1", "::1", "192.0.2.5"])
def test_clients_that_trust_the_authority_believe_the_certificate(made: SelfSigned, tmp_path: Path, host: str) -> None:
    tls = handshake(TLSContexts(*write(tmp_path, made), Time()), trusting(made), host)
    assert tls.version() == "TLSv1.3"


def test_another_name_is_not_believed(made: SelfSigned, tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(TLSContexts(*write(tmp_path, made), Time()), trusting(made), "other.example.org")


def test_the_authority_can_sign_nothing_below_and_the_dates_are_right(made: SelfSigned) -> None:
    ca, certificate = (x509.load_pem_x509_certificate(pem) for pem in (made.ca, made.certificate))
    certificate.verify_directly_issued_by(ca)
    assert ca.extensions.get_extension_for_class(x509.BasicConstraints).value == x509.BasicConstraints(True, 0)
    assert certificate.not_valid_before_utc.timestamp() == pytest.approx(NOW - 86400, abs=1)
    assert certificate.not_valid_after_utc.timestamp() == pytest.approx(NOW + 30 * 86400, abs=1)


def test_tls_1_2_is_spoken_and_nothing_older(made: SelfSigned, tmp_path: Path) -> None:
    contexts = TLSContexts(*write(tmp_path, made), Time())
    client = trusting(made)
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    assert handshake(contexts, client, "localhost").version() == "TLSv1.2"
    context = contexts.server().serverConnectionForTLS(None).get_context()
    refused = SSL.OP_NO_SSLv3 | SSL.OP_NO_TLSv1 | SSL.OP_NO_TLSv1_1
    assert SSL._lib.SSL_CTX_get_options(context._context) & refused == refused


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_no_session_is_resumed(version: ssl.TLSVersion, made: SelfSigned, tmp_path: Path) -> None:
    contexts = TLSContexts(*write(tmp_path, made), Time())
    client = trusting(made)
    client.minimum_version = client.maximum_version = version
    first = handshake(contexts, client, "localhost")
    with contextlib.suppress(ssl.SSLWantReadError):  # a ticket of TLS 1.3 would come behind the handshake
        first.read(1)
    assert first.session is not None
    again = handshake(contexts, client, "localhost", first.session)
    assert not again.session_reused


def test_buffers_are_given_back_between_records(made: SelfSigned, tmp_path: Path) -> None:
    contexts = TLSContexts(*write(tmp_path, made), Time())
    context = contexts.server().serverConnectionForTLS(None).get_context()
    assert SSL._lib.SSL_CTX_set_mode(context._context, 0) & SSL.MODE_RELEASE_BUFFERS


def test_a_changed_certificate_is_used_after_a_while(made: SelfSigned, tmp_path: Path) -> None:
    now = Time()
    contexts = TLSContexts(*write(tmp_path, made), now)
    renewed = make_self_signed(["mail.example.org"], 30, NOW)
    write(tmp_path, renewed, age=1)
    handshake(contexts, trusting(made), "localhost")
    now.now += RELOAD_AFTER
    handshake(contexts, trusting(renewed), "localhost")


def test_an_unchanged_certificate_is_not_read_again(made: SelfSigned, tmp_path: Path) -> None:
    now = Time()
    contexts = TLSContexts(*write(tmp_path, made), now)
    context = contexts.server().serverConnectionForTLS(None).get_context()
    now.now += RELOAD_AFTER
    assert contexts.server().serverConnectionForTLS(None).get_context() is context


def test_a_broken_change_leaves_the_certificate_that_was(made: SelfSigned, tmp_path: Path) -> None:
    now = Time()
    contexts = TLSContexts(*write(tmp_path, made), now)
    renewed = make_self_signed(["mail.example.org"], 30, NOW)
    for broken in (made._replace(key=renewed.key), made._replace(certificate=b"half writ")):
        write(tmp_path, broken, age=int(now.now - NOW) + 1)
        now.now += RELOAD_AFTER
        handshake(contexts, trusting(made), "localhost")
    (tmp_path / "key.pem").unlink()
    now.now += RELOAD_AFTER
    handshake(contexts, trusting(made), "localhost")
    write(tmp_path, renewed, age=99)
    now.now += RELOAD_AFTER
    handshake(contexts, trusting(renewed), "localhost")


@pytest.mark.parametrize("broken", ["missing", "empty", "other key"])
def test_files_that_cannot_be_used_are_named_at_the_start(made: SelfSigned, tmp_path: Path, broken: str) -> None:
    paths = write(tmp_path, made)
    if broken == "missing":
        Path(paths[0]).unlink()
    elif broken == "empty":
        Path(paths[0]).write_bytes(b"")
    else:
        Path(paths[1]).write_bytes(make_self_signed(["x"], 1, NOW).key)
    with pytest.raises(ConfigError, match=r"cert\.pem"):
        TLSContexts(*paths, Time())


def test_a_server_may_be_without_a_certificate() -> None:
    contexts = TLSContexts("", "", Time())
    assert not contexts.available()
    with pytest.raises(ConfigError):
        contexts.server()


def test_an_opportunistic_client_believes_anyone_and_says_whom_it_wants(made: SelfSigned, tmp_path: Path) -> None:
    contexts = TLSContexts(*write(tmp_path, made), Time())
    _, server = meet(contexts, "mx.elsewhere.example.", False)
    assert server.getHandle().get_protocol_version_name() == "TLSv1.3"
    assert server.getHandle().get_servername() == b"mx.elsewhere.example"
    for host in ("127.0.0.1", "2001:db8::1"):
        assert meet(contexts, host, False)[1].getHandle().get_servername() is None


def test_a_client_may_ask_for_another_name_than_the_hosts() -> None:
    """RFC 7672 §8.1: where a host's TLSA records stand at the end of CNAMEs."""
    contexts = TLSContexts("", "", Time())
    for verify in (False, True):
        creator = contexts.client("mx.a.test", verify, Security(server_name="host.b.test", tlsa=(Tlsa(3, 1, 1, b"x"),)))
        assert creator.clientConnectionForTLS(None).get_servername() == b"host.b.test"  # type: ignore[arg-type]


def test_a_verifying_client_believes_its_authority_only(made: SelfSigned, tmp_path: Path) -> None:
    paths = write(tmp_path, made)
    with_ca = TLSContexts(*paths, Time(), trust=twisted_ssl.Certificate.loadPEM(made.ca))
    client, _ = meet(with_ca, "localhost", True)
    assert client.connected
    assert client.getPeerCertificate() is not None
    client, _ = meet(TLSContexts(*paths, Time()), "localhost", True)
    assert not client.connected


def test_the_server_side_is_what_twisted_asks_for(made: SelfSigned, tmp_path: Path) -> None:
    contexts = TLSContexts(*write(tmp_path, made), Time())
    verifyObject(IOpenSSLServerConnectionCreator, contexts.server())


@pytest.mark.parametrize(
    ("names", "fits"), [(("localhost",), True), (("x.test", "localhost"), True), (("x.test",), False)]
)
def test_a_certificate_may_be_asked_to_be_for_one_of_several_names(
    made: SelfSigned, tmp_path: Path, names: tuple[str, ...], fits: bool
) -> None:
    paths = write(tmp_path, made)
    contexts = TLSContexts(*paths, Time(), trust=twisted_ssl.Certificate.loadPEM(made.ca))
    security = Security(TlsLevel.VERIFY, names)
    client, _ = meet(contexts, "mx.other.test", True)
    assert (contexts.objection(contexts.client("mx.other.test", True, security), client) == "") is fits


def test_a_server_that_asks_sees_our_certificate(made: SelfSigned, tmp_path: Path) -> None:
    paths = write(tmp_path, made)
    authority = tmp_path / "ca.pem"
    authority.write_bytes(made.ca)
    trust = twisted_ssl.Certificate.loadPEM(made.ca)

    class Asks(TLSContexts):
        def server(self, client_authorities: str = "") -> IOpenSSLServerConnectionCreator:
            return super().server(str(authority))

    for own, shown in ((paths, True), ((), False)):
        _, server = meet(Asks(*paths, Time(), trust=trust, own=own), "localhost", True)  # type: ignore[arg-type]
        assert (server.getPeerCertificate() is not None) is shown
