"""``twistd mailsuite`` as a program: found as a plugin, refusing in one line what cannot work, stopping in order."""

from __future__ import annotations

import os
import signal
import smtplib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailsuite.testing.instance import Instance

TWISTD = os.path.join(os.path.dirname(sys.executable), "twistd")


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Instance:
    return Instance(tmp_path_factory.mktemp("start") / "i")


@pytest.fixture
def config(instance: Instance) -> Iterator[Path]:
    """The instance's configuration, put back afterwards."""
    kept = instance.config.read_text()
    yield instance.config
    instance.config.write_text(kept)


def twistd(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([TWISTD, *arguments], cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """What a start that failed said."""
    assert done.returncode == 1, done.stdout + done.stderr
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    assert len(lines) == 1, lines
    assert lines[0].startswith("mailsuite: ")
    return lines[0].removeprefix("mailsuite: ")


def test_twistd_lists_the_plugin_and_explains_its_option(tmp_path: Path) -> None:
    assert "mailsuite" in twistd("--help", cwd=tmp_path).stdout
    assert "--config" in twistd("mailsuite", "--help", cwd=tmp_path).stdout


@pytest.mark.parametrize("mode", [("-n",), ()], ids=["foreground", "daemon"])
def test_wrong_configuration_is_one_line_and_exit_status_1(config: Path, tmp_path: Path, mode: tuple[str, ...]) -> None:
    text = config.read_text().replace('tls = "implicit"', 'tls = "always"', 1)
    config.write_text(text)
    number = text[: text.index('tls = "always"')].count("\n") + 1
    line = one_line(twistd(*mode, "mailsuite", "--config", str(config), cwd=tmp_path))
    assert line.startswith(f"{config}:{number}: [[listener]] no. 3, tls = ")
    assert list(tmp_path.iterdir()) == [], "neither pidfile nor log: nothing had begun"


@pytest.mark.parametrize("mode", [("-n",), ()], ids=["foreground", "daemon"])
def test_missing_certificate_is_told_before_any_port_is_opened(
    config: Path, instance: Instance, tmp_path: Path, mode: tuple[str, ...]
) -> None:
    config.write_text(config.read_text().replace('"certificate.pem"', '"gone.pem"'))
    with socket.socket() as held:  # a port that is taken would be told first if ports were opened first
        held.bind(("127.0.0.1", instance.ports["smtp"]))
        held.listen()
        line = one_line(twistd(*mode, "mailsuite", "--config", str(config), cwd=tmp_path))
    assert line.endswith('gone.pem": the file cannot be read: No such file or directory')


@pytest.mark.parametrize("mode", [("-n",), ()], ids=["foreground", "daemon"])
def test_port_that_is_taken_is_one_line(instance: Instance, tmp_path: Path, mode: tuple[str, ...]) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", instance.ports["imaps"]))
        held.listen()
        line = one_line(twistd(*mode, "mailsuite", "--config", str(instance.config), cwd=tmp_path))
    expected = f"cannot listen on 127.0.0.1 port {instance.ports['imaps']}: Address already in use"
    assert line.startswith(expected)


def test_missing_configuration_is_one_line(tmp_path: Path) -> None:
    assert one_line(twistd("-n", "mailsuite", "--config", "none.toml", cwd=tmp_path)).startswith("none.toml: cannot be")


def test_second_server_on_one_instance_is_refused(instance: Instance, tmp_path: Path) -> None:
    instance.start()
    try:
        other = tmp_path / "other.toml"
        text = instance.config.read_text()
        for port in instance.ports.values():
            text = text.replace(f"port = {port}\n", f"port = {port + 1}\n")
        folder = instance.folder
        for name in ("certificate.pem", "key.pem"):
            text = text.replace(f'"{name}"', f'"{folder / name}"')
        paths = f'directory = "{folder}/directory.sqlite"\nstore = "{folder}/store"\nqueue = "{folder}/queue"\n'
        other.write_text(f"{text}\n[paths]\n{paths}")
        done = twistd("-n", "--pidfile=", "mailsuite", "--config", str(other), cwd=tmp_path)
        assert done.returncode == 1
        assert f"cannot start: another server is running on {folder}/queue" in done.stdout
        assert done.stderr == f"mailsuite: cannot start: another server is running on {folder}/queue\n"
        assert "Traceback" not in done.stdout + done.stderr
    finally:
        assert instance.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_ends_with_status_0(instance: Instance, number: signal.Signals) -> None:
    instance.start()
    assert instance._end(number, 20) == 0
    assert "Traceback" not in instance.log()
    assert "stopped" in instance.log()


def test_directory_that_breaks_after_the_check_is_told_and_status_is_1(instance: Instance, tmp_path: Path) -> None:
    """State is opened by the running server: what fails then must not look like a good end."""
    config = instance.folder / "broken.toml"
    (instance.folder / "blocked").mkdir(exist_ok=True)
    (instance.folder / "blocked" / "messages").write_text("in the way")
    config.write_text(instance.config.read_text() + '\n[paths]\nqueue = "blocked"\n')
    done = twistd("-n", "--pidfile=", "mailsuite", "--config", str(config), cwd=tmp_path)
    assert done.returncode == 1, done.stdout
    assert "cannot start" in done.stdout


def test_changes_by_the_command_count_at_once_in_a_running_server(instance: Instance) -> None:
    instance.start()
    try:
        assert rcpt(instance, "new@demo.test") == 550
        instance.command("alias", "add", "new@demo.test", instance.account)
        assert rcpt(instance, "new@demo.test") == 250
        instance.command("domain", "add", "second.test")
        assert rcpt(instance, "x@second.test") == 550
        instance.command("user", "add", "x@second.test", "--password-stdin", input="correct horse\n")
        assert rcpt(instance, "x@second.test") == 250
        instance.command("user", "remove", "x@second.test")
        assert rcpt(instance, "x@second.test") == 550
        instance.command("alias", "remove", "new@demo.test")
        assert rcpt(instance, "new@demo.test") == 550
    finally:
        assert instance.stop() == 0


def rcpt(instance: Instance, address: str) -> int:
    with smtplib.SMTP("127.0.0.1", instance.ports["smtp"], timeout=20) as client:
        client.ehlo()
        client.mail("a@b.test")
        return client.rcpt(address)[0]
