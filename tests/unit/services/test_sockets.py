from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

from mailsuite.config.schema import EVERYWHERE, Listener, Service
from mailsuite.errors import ConfigError
from mailsuite.services.sockets import take
from mailsuite.testing.stages import ReactorThread


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


# -- Unix sockets ----------------------------------------------------------------------------------------------------


def unix(path: Path, mode: str = "0660") -> Listener:
    return Listener(Service.LMTP, f"unix:{path}", mode=mode)


def test_unix_socket_has_its_permissions_before_it_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, modes = tmp_path / "lmtp", []
    listen = socket.socket.listen

    def noted(opened: socket.socket, backlog: int) -> None:
        modes.append(stat.S_IMODE(path.stat().st_mode))
        listen(opened, backlog)

    monkeypatch.setattr("mailsuite.services.sockets.socket.socket.listen", noted)
    (taken,) = take([unix(path, "0620")])
    assert modes == [0o620]
    assert str(taken) == f"lmtp unix:{path}"
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    taken.close()
    assert not path.exists()


def test_unix_socket_of_a_crash_is_taken_over_and_one_in_use_is_not(tmp_path: Path) -> None:
    path = tmp_path / "lmtp"
    with socket.socket(socket.AF_UNIX) as crashed:
        crashed.bind(str(path))
    (taken,) = take([unix(path)])
    with pytest.raises(ConfigError, match=r"cannot listen on .*/lmtp: .*another program listens there"):
        take([unix(path)])
    assert path.exists()
    taken.close()


def test_unix_socket_never_replaces_a_file(tmp_path: Path) -> None:
    path = tmp_path / "lmtp"
    path.write_text("precious")
    with pytest.raises(ConfigError, match="something else has this name"):
        take([unix(path)])
    assert path.read_text() == "precious"


def test_unix_port_keeps_the_names_mode_and_leaves_the_name_alone(
    tmp_path: Path, reactor_thread: ReactorThread
) -> None:
    path = tmp_path / "lmtp"
    (taken,) = take([unix(path, "0600")])
    factory = Factory.forProtocol(Echo)
    port = reactor_thread.call(lambda: Deferred.fromCoroutine(taken.listen(reactor_thread.reactor, factory)))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(path))
        client.sendall(b"hello")
        assert client.recv(10) == b"hello"
    reactor_thread.call(port.stopListening)
    assert path.exists()
    taken.close()
    assert not path.exists()


class Echo(Protocol):
    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)
