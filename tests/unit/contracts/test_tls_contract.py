"""What every ITLSContexts does: the double with its own certificate, and OpenSSL with one in files."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from twisted.internet import ssl
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from zope.interface.verify import verifyObject

from mailsuite.errors import ConfigError
from mailsuite.interfaces import ITLSContexts
from mailsuite.net.certificate import SelfSigned, make_self_signed
from mailsuite.net.tls import TLSContexts
from mailsuite.testing.tls import ReadyTLS, meet

HOST = "mail.example.org"


@functools.cache
def made() -> SelfSigned:
    return make_self_signed([HOST], 2, time.time())


def double(folder: Path, ready: bool) -> ITLSContexts:
    return ReadyTLS(ready)


def from_files(folder: Path, ready: bool) -> ITLSContexts:
    paths = folder / "certificate", folder / "key"
    for path, data in zip(paths, (made().certificate, made().key), strict=True):
        path.write_bytes(data)
    certificate, key = map(str, paths) if ready else ("", "")
    return TLSContexts(certificate, key, time.time, ssl.trustRootFromCertificates([ssl.Certificate.loadPEM(made().ca)]))


Make = Callable[[bool], ITLSContexts]


@pytest.fixture(params=[double, from_files])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    return functools.partial(request.param, tmp_path)


def test_they_are_contexts(make: Make) -> None:
    assert verifyObject(ITLSContexts, make(True))


def test_with_a_certificate_there_is_a_server_for_any_number_of_clients(make: Make) -> None:
    contexts = make(True)
    assert contexts.available()
    for _ in range(2):
        client, server = meet(contexts, HOST, False)
        assert client.connected
        assert server.connected
        assert server.getHandle().get_protocol_version_name() in ("TLSv1.2", "TLSv1.3")


def test_without_a_certificate_there_is_none(make: Make) -> None:
    contexts = make(False)
    assert not contexts.available()
    with pytest.raises(ConfigError):
        contexts.server()


@pytest.mark.parametrize("verify", [True, False])
def test_a_client_says_whom_it_wants(make: Make, verify: bool) -> None:
    _, server = meet(make(True), HOST, verify)
    assert server.getHandle().get_servername() == HOST.encode()


@pytest.mark.parametrize(
    ("host", "verify", "believed"),
    [
        (HOST, True, True),
        (HOST + ".", True, True),
        ("other.example.org", True, False),
        ("other.example.org", False, True),
        ("192.0.2.1", False, True),
        ("2001:db8::1", False, True),
    ],
)
def test_only_a_client_that_verifies_asks_for_the_name(make: Make, host: str, verify: bool, believed: bool) -> None:
    contexts = make(True)
    creator = contexts.client(host, verify)
    client, _ = meet(contexts, host, verify)
    objection = contexts.objection(creator, client)
    assert client.connected
    assert (objection == "") == believed
    assert believed or host in objection


@pytest.mark.parametrize("verify", [True, False])
def test_a_server_without_a_certificate_is_a_client_all_the_same(make: Make, verify: bool) -> None:
    assert verifyObject(IOpenSSLClientConnectionCreator, make(False).client(HOST, verify))
