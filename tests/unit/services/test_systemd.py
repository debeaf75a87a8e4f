"""Socket activation: sd_listen_fds(3)."""

from __future__ import annotations

import os
import socket

import pytest
from twisted.internet.task import Clock

from mailsuite.config.schema import Listener, Service
from mailsuite.errors import ConfigError
from mailsuite.services.sockets import take
from mailsuite.services.systemd import Passed, named, passed_sockets


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


def test_each_descriptor_has_its_name_and_no_child_gets_it() -> None:
    opened = [listening() for _ in range(3)]
    for one in opened:
        one.set_inheritable(True)
    first, second, third = (one.fileno() for one in opened)
    passed = named([first, second, third], ["smtp", "imap", "smtp"])
    assert passed._descriptors == {"smtp": [first, third], "imap": [second]}
    assert not any(one.get_inheritable() for one in opened)
    for one in opened:
        one.close()


def test_without_systemd_there_are_none() -> None:
    environment = {"LISTEN_FDNAMES": "", "HOME": "/"}
    assert passed_sockets(environment, Clock()).left == []  # type: ignore[arg-type]
    assert environment == {"HOME": "/"}
