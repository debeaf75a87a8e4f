"""Who speaks before its turn: found in the core's buffer or in the kernel's, never under TLS."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import Any

import pytest

from mailsuite.net.smtp_early import has_spoken, is_watched
from mailsuite.net.smtp_settings import Service, SMTPSettings


def connection(handle: object, buffered: int = 0, secure: bool = False, early: bool = False) -> Any:
    return SimpleNamespace(
        early=early,
        core=SimpleNamespace(buffered=buffered),
        secure=secure,
        transport=SimpleNamespace(getHandle=lambda: handle),
    )


def test_octets_that_wait_in_the_kernel_are_seen_and_left_there() -> None:
    client, server = socket.socketpair()
    server.setblocking(False)
    with client, server:
        assert not has_spoken(connection(server))
        client.sendall(b"EHLO x\r\n")
        assert has_spoken(connection(server))
        assert not has_spoken(connection(server, secure=True)), "that is a handshake"
        assert server.recv(100) == b"EHLO x\r\n"
        client.close()
        assert not has_spoken(connection(server)), "who leaves has not spoken"


def test_octets_that_arrived_are_seen() -> None:
    assert has_spoken(connection(object(), buffered=1))
    assert has_spoken(connection(object(), buffered=1, secure=True))
    assert has_spoken(connection(object(), early=True))
    assert not has_spoken(connection(object()))


@pytest.mark.parametrize(
    ("refuse", "service", "trusted", "watched"),
    [
        (True, Service.SMTP, False, True),
        (False, Service.SMTP, False, False),
        (True, Service.SMTP, True, False),
        (True, Service.SUBMISSION, False, False),
        (True, Service.LMTP, False, False),
    ],
)
def test_only_strangers_are_watched(refuse: bool, service: Service, trusted: bool, watched: bool) -> None:
    assert is_watched(SMTPSettings("mx.test", service=service, refuse_early=refuse), trusted) is watched
