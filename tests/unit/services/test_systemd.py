"""Socket activation: sd_listen_fds(3)."""

from __future__ import annotations

import os
import socket

import pytest

from mailsuite.config.schema import Listener, Service
from mailsuite.errors import ConfigError
from mailsuite.services import systemd
from mailsuite.services.sockets import take
from mailsuite.services.systemd import Passed, passed_sockets


def listening() -> socket.socket:
    opened = socket.socket()
    opened.bind(("127.0.0.1", 0))
    opened.listen()
    return opened


def test_sockets_of_one_name_are_taken_together_and_once() -> None:
    one, two = listening(), listening()
    name = f"127.0.0.1:{one.getsockname()[1]}"
    passed = Passed({"smtp": [one.detach(), two.detach()], "imap": [99]})
    taken = take([Listener(Service.SMTP, "systemd:smtp")], passed)
    assert len(taken) == 2
    assert str(taken[0]) == f"smtp {name}"
    assert not os.get_blocking(taken[0]._socket.fileno())
    assert passed.left == ["imap"]
    with pytest.raises(ConfigError, match=r"systemd passed no socket named smtp \(it passed imap\)"):
        passed.take("smtp")
    for each in taken:
        each.close()


def test_what_does_not_listen_is_refused() -> None:
    with socket.socket() as idle, pytest.raises(ConfigError, match="does not listen"):
        Passed({"smtp": [os.dup(idle.fileno())]}).take("smtp")
    with open(os.devnull) as file, pytest.raises(ConfigError, match="is no socket"):
        Passed({"smtp": [os.dup(file.fileno())]}).take("smtp")


def test_variables_are_understood_and_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[int] = []
    monkeypatch.setattr(systemd.os, "set_inheritable", lambda fd, inheritable: closed.append(fd))
    environment = {"LISTEN_PID": "7", "LISTEN_FDS": "4", "LISTEN_FDNAMES": "smtp:imap:smtp", "HOME": "/"}
    passed = passed_sockets(environment, pid=7)
    assert passed._descriptors == {"smtp": [3, 5], "imap": [4], "unknown": [6]}
    assert closed == [3, 4, 5, 6]
    assert environment == {"HOME": "/"}
    assert passed_sockets(environment, pid=7).left == []


@pytest.mark.parametrize("told", [{}, {"LISTEN_PID": "8", "LISTEN_FDS": "1"}, {"LISTEN_PID": "7", "LISTEN_FDS": "x"}])
def test_sockets_for_another_process_are_not_ours(told: dict[str, str]) -> None:
    assert passed_sockets(told, pid=7).left == []
