from __future__ import annotations

import os
import socket

import pytest

from mailsuite.config.schema import EVERYWHERE, Listener, Service
from mailsuite.errors import ConfigError
from mailsuite.services.sockets import take


def listener(address: str, port: int, service: Service = Service.SMTP) -> Listener:
    return Listener(service, address, port)


@pytest.fixture
def port() -> int:
    """One that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_port_is_taken_at_once_and_named(port: int) -> None:
    (taken,) = take([listener("127.0.0.1", port)])
    assert str(taken) == f"smtp 127.0.0.1:{port}"
    with socket.create_connection(("127.0.0.1", port), 2):
        pass  # the kernel holds it until somebody accepts
    taken.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 2)


def test_port_that_another_has_is_told_and_the_others_are_given_back(port: int) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.2", port))
        held.listen()
        with pytest.raises(ConfigError) as caught:
            take([listener("127.0.0.1", port), listener("127.0.0.2", port)])
    assert str(caught.value).startswith(f"cannot listen on 127.0.0.2 port {port}: Address already in use")
    with socket.socket() as probe:  # the traceback still holds the sockets, so it is not their end that closed them
        probe.bind(("127.0.0.1", port))


def test_address_that_is_not_ours_is_told(port: int) -> None:
    with pytest.raises(ConfigError, match=r"cannot listen on 192\.0\.2\.77 port .*Cannot assign requested address"):
        take([listener("192.0.2.77", port)])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may take any port")
def test_low_port_says_what_is_needed() -> None:
    with pytest.raises(ConfigError, match="Permission denied; ports below 1024 are root's"):
        take([listener("127.0.0.1", 987)])


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_everywhere_is_ipv4_and_ipv6_each_with_its_own_addresses(port: int) -> None:
    taken = take([listener(EVERYWHERE, port, Service.IMAP)])
    try:
        assert [str(one) for one in taken][:1] == [f"imap 0.0.0.0:{port}"]
        assert len(taken) == 1 or str(taken[1]) == f"imap [::]:{port}"
        accepted = []
        for one, address in zip(taken, ("127.0.0.1", "::1"), strict=False):
            with socket.create_connection((address, port), 2):
                peer, _ = one._socket.accept()
                accepted.append(peer.getpeername()[0])
                peer.close()
        assert accepted == ["127.0.0.1", "::1"][: len(taken)], "no ::ffff:127.0.0.1"
    finally:
        for one in taken:
            one.close()


def test_machine_without_ipv6_listens_on_ipv4_alone(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    made = socket.socket

    def no_ipv6(family: int, *rest: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(97, "Address family not supported by protocol")
        return made(family, *rest)

    monkeypatch.setattr("mailsuite.services.sockets.socket.socket", no_ipv6)
    (taken,) = take([listener(EVERYWHERE, port)])
    assert str(taken) == f"smtp 0.0.0.0:{port}"
    taken.close()
