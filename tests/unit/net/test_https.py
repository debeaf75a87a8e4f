"""Fetching a policy over HTTPS (RFC 8461 §3.3) from a local web server: what counts, and what is refused."""

from __future__ import annotations

import contextlib
import http.server
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet import ssl as twisted_ssl

from mailsuite.errors import Temporary
from mailsuite.net.certificate import make_self_signed
from mailsuite.net.https import HttpsFetch
from mailsuite.net.smtp_client_settings import tcp_endpoints
from mailsuite.testing.dns import FakeDNS
from mailsuite.testing.stages import ReactorThread

HOST = "mta-sts.b.test"
MADE = make_self_signed([HOST], 2, time.time())
POLICY = b"version: STSv1\nmode: enforce\nmx: mx.b.test\nmax_age: 60\n"


class Answers(http.server.BaseHTTPRequestHandler):
    """Each path is a way to answer."""

    seen: list[str] = []

    def do_GET(self) -> None:
        self.seen.append(f"{self.headers['Host']} {self.path}")
        code = {"/moved": 301, "/gone": 404}.get(self.path, 200)
        kind = {"/html": "text/html", "/charset": "Text/Plain; charset=utf-8"}.get(self.path, "text/plain")
        body = b"x" * 70_000 if self.path == "/large" else POLICY
        if self.path == "/slow":
            time.sleep(1.0)
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) + (10 if self.path == "/cut" else 0)))
        if code == 301:
            self.send_header("Location", "/good")
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    file: Path = tmp_path_factory.mktemp("tls") / "both.pem"
    file.write_bytes(MADE.key + MADE.certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def fetch(
    reactor_thread: ReactorThread,
    port: int,
    path: str = "/good",
    host: str = HOST,
    trusted: bool = True,
    timeout: float = 20,
) -> bytes:
    reactor = reactor_thread.reactor
    # Nobody listens at the IPv6 address, as on a host whose IPv6 is broken.
    dns = FakeDNS(
        {HOST: {"AAAA": ["::1"], "A": ["127.0.0.1"]}, "other.b.test": {"A": ["127.0.0.1"]}, "none.b.test": {}}
    )
    trust = twisted_ssl.trustRootFromCertificates([twisted_ssl.Certificate.loadPEM(MADE.ca)]) if trusted else None
    fetcher = HttpsFetch(reactor, dns, tcp_endpoints(reactor, 5.0), trust, timeout)
    octets: bytes = reactor_thread.call(fetcher.fetch, f"https://{host}:{port}{path}")
    return octets


@pytest.mark.parametrize("path", ["/good", "/charset"])
def test_a_policy_is_fetched_over_ipv4_where_ipv6_does_not_answer(
    reactor_thread: ReactorThread, port: int, path: str
) -> None:
    Answers.seen.clear()
    assert fetch(reactor_thread, port, path) == POLICY
    assert Answers.seen == [f"{HOST}:{port} {path}"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/moved", "answered 301"),  # not followed
        ("/gone", "answered 404"),
        ("/html", "with text/html"),
        ("/large", "more than 65536 octets"),
        ("/cut", "ConnectionLost"),
    ],
)
def test_what_is_not_taken(reactor_thread: ReactorThread, port: int, path: str, words: str) -> None:
    Answers.seen.clear()
    with pytest.raises(Temporary, match=words):
        fetch(reactor_thread, port, path)
    assert len(Answers.seen) == 1


@pytest.mark.parametrize("host", ["other.b.test", "none.b.test", "nowhere.b.test"])
def test_the_host_must_be_there_and_be_the_one_of_its_certificate(
    reactor_thread: ReactorThread, port: int, host: str
) -> None:
    Answers.seen.clear()
    with pytest.raises(Temporary, match=host):
        fetch(reactor_thread, port, host=host)
    assert Answers.seen == []


def test_an_authority_must_know_it(reactor_thread: ReactorThread, port: int) -> None:
    with pytest.raises(Temporary):
        fetch(reactor_thread, port, trusted=False)


def test_it_takes_no_longer_than_it_may(reactor_thread: ReactorThread, port: int) -> None:
    began = time.monotonic()
    with pytest.raises(Temporary):
        fetch(reactor_thread, port, "/slow", timeout=0.3)
    assert time.monotonic() - began < 0.9
