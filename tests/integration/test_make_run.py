"""``make run`` in a fresh copy of the sources, twice: the first makes ``var/``, the second finds it."""

from __future__ import annotations

import os
import random
import signal
import smtplib
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

from mailsuite.testing.instance import STANDARD, _free_base

ROOT = Path(__file__).parents[2]
MESSAGE = b"From: a@b.test\r\nSubject: hello\r\n\r\nhello\r\n"


def sources() -> list[str]:
    """What a checkout of this version would hold."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("not in a checkout")
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The sources, with an environment that has the packages of this one: nothing is downloaded."""
    place = tmp_path / "copy"
    for name in sources():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes((ROOT / name).read_bytes())
    venv = place / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True, timeout=60)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(venv), "platbase": str(venv)}))
    (packages / "shared.pth").write_text(f"{place}\n{sysconfig.get_path('purelib')}\n")
    for name, module in (("mailsuite", "mailsuite.cli.main:main"), ("twistd", "twisted.scripts.twistd:run")):
        source, _, function = module.partition(":")
        script = venv / "bin" / name
        script.write_text(f"#!{venv}/bin/python\nfrom {source} import {function}\n{function}()\n")
        script.chmod(0o755)
    (venv / ".installed").touch()
    return place


class Run:
    """One ``make run``."""

    def __init__(self, copy: Path, base: int) -> None:
        self._folder, self._base = copy, base
        self._log = copy / "make.log"
        with self._log.open("wb") as log:
            self._make = subprocess.Popen(
                ["make", "run", f"PORT_BASE={base}"], cwd=copy, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def until_ready(self) -> str:
        """What it printed until then."""
        end = time.monotonic() + 60
        while " ready: " not in (text := self._log.read_text()):
            assert self._make.poll() is None, text
            assert time.monotonic() < end, text
            time.sleep(0.05)
        return text

    def send(self) -> None:
        with smtplib.SMTP("127.0.0.1", self._base + STANDARD["smtp"], timeout=30) as client:
            client.sendmail("a@b.test", ["demo@demo.test"], MESSAGE)

    def stop(self) -> int:
        """The exit status of make; AssertionError if the server left its pidfile behind."""
        pidfile = self._folder / "var" / "twistd.pid"
        if self._make.poll() is None:
            if pidfile.exists():
                os.kill(int(pidfile.read_text()), signal.SIGTERM)
            else:
                self._make.kill()
        status = self._make.wait(30)
        assert not pidfile.exists()
        return status


def test_make_run_makes_var_once_and_serves_each_time(copy: Path) -> None:
    base = _free_base(random.Random(os.urandom(8)))
    config = copy / "var" / "mailsuite.toml"
    made: list[tuple[bytes, int]] = []
    for time_round in (1, 2):
        run = Run(copy, base)
        try:
            printed = run.until_ready()
            table = printed[: printed.index(" ready: ")]
            for port in (base + STANDARD["smtp"], base + STANDARD["imaps"], base + STANDARD["pop3"]):
                assert str(port) in table, table
            assert "demo@demo.test" in table
            assert " pip " not in printed
            run.send()
        finally:
            status = run.stop()
        assert status == 0
        made.append((config.read_bytes(), config.stat().st_mtime_ns))
        mail = [path for path in (copy / "var" / "store").rglob("new/*") if path.is_file()]
        assert len(mail) == time_round, "mail of the run before is kept"
    assert made[0] == made[1]
