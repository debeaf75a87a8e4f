"""A real server as a child process, for integration tests and benchmarks.

``Instance`` makes a demo instance in a folder with ``mailsuite init --demo``, starts it with ``twistd``, waits until it
answers, and stops it.  It listens on loopback only.  Blocking; needs no reactor in the calling process.  Whoever called
``start`` calls ``stop`` or ``kill``; if an exception ends ``start`` itself, or the calling process ends, so does the
server.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mailsuite.testing.children import signals_later

#: Standard ports; the instance's own are these plus its base.
STANDARD = {"smtp": 25, "submission": 587, "submissions": 465, "pop3": 110, "pop3s": 995, "imap": 143, "imaps": 993}
PASSWORD = "demo-password-1"


def _beside_python(program: str) -> str:
    """A console script of the environment that runs the tests."""
    return os.path.join(os.path.dirname(sys.executable), program)


def _free_base(rng: random.Random) -> int:
    """A base whose ports are all free now; another process could still take one before we do."""
    for _ in range(200):
        base = rng.randrange(10_000, 31_000)
        with contextlib.ExitStack() as open_sockets:
            try:
                for port in STANDARD.values():
                    probe = open_sockets.enter_context(socket.socket())
                    probe.bind(("127.0.0.1", base + port))
            except OSError:
                continue
            return base
    raise RuntimeError("no free ports on 127.0.0.1")


class Instance:
    """One server: its folder, its ports by service name, its one account."""

    def __init__(self, folder: Path, domain: str = "demo.test", account: str = "demo") -> None:
        self.folder = folder
        self.domain = domain
        self.account = f"{account}@{domain}"
        self.password = PASSWORD
        base = _free_base(random.Random(os.urandom(8)))
        self.ports = {name: base + port for name, port in STANDARD.items()}
        self.config = folder / "mailsuite.toml"
        self.log_file = folder / "twistd.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.command(
            "init", str(folder), "--demo", "--domain", domain, "--port-base", str(base), "--account", account,
            "--password-stdin", config=False, input=PASSWORD + "\n",
        )  # fmt: skip

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def authority(self) -> Path:
        """The certificate authority file that clients are to trust."""
        return self.folder / "ca.pem"

    def command(self, *arguments: str, config: bool = True, input: str = "") -> subprocess.CompletedProcess[str]:
        """Run ``mailsuite ...`` on this instance; fails with its output if it does."""
        extra = ("--config", str(self.config)) if config else ()
        done = subprocess.run(
            [_beside_python("mailsuite"), *arguments, *extra],
            input=input, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"mailsuite {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def edit(self, change: Callable[[str], str]) -> None:
        """Rewrite the configuration; takes effect at the next start."""
        self.config.write_text(change(self.config.read_text()))

    def set(self, section: str, key: str, value: str) -> None:
        """One option of the configuration, ``value`` in TOML; takes effect at the next start."""
        text = self.config.read_text()
        head, found, rest = f"\n{text}".partition(f"\n[{section}]\n")
        if not found:
            self.config.write_text(f"{text}\n[{section}]\n{key} = {value}\n")
            return
        body, bracket, others = rest.partition("\n[")
        kept = [line for line in body.split("\n") if not line.startswith(f"{key} =")]
        self.config.write_text(head[1:] + found + "\n".join([f"{key} = {value}", *kept]) + bracket + others)

    def route_by(self, dns_port: int, relay_port: int) -> None:
        """Ask the DNS server on this loopback port; reach other servers at ``relay_port`` in place of 25."""
        self.set("dns", "nameservers", f'["127.0.0.1:{dns_port}"]')
        self.set("relay", "port", str(relay_port))

    def delivered(self) -> list[Path]:
        """Files in ``new/`` of all mailboxes."""
        return [path for path in (self.folder / "store").rglob("new/*") if path.is_file()]

    def arrived(self, count: int) -> list[Path]:
        """The same, as soon as there are so many: files follow the answer."""
        self.wait_until(lambda: len(self.delivered()) >= count, 10, f"{count} files in new")
        return self.delivered()

    def mail(self) -> list[Path]:
        """Files in ``new/`` and ``cur/`` of all mailboxes."""
        return [*self.delivered(), *(path for path in (self.folder / "store").rglob("cur/*") if path.is_file())]

    def start(self, timeout: float = 30.0, by: Sequence[str] = (), pass_fds: Sequence[int] = ()) -> None:
        """Start it and wait until it says that it is ready and every port answers: the ports alone answer earlier,
        before the process would take a signal well.  ``by``: a program that starts it, as socket activation does;
        it is given the descriptors ``pass_fds``."""
        before = len(self.log())
        order = [*by, _beside_python("twistd"), "-n", "--pidfile=", "mailsuite", "--config", str(self.config)]
        try:
            with self.log_file.open("ab") as log, signals_later():
                self._process = subprocess.Popen(
                    order,
                    cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, pass_fds=pass_fds,
                )  # fmt: skip
                atexit.register(self.kill)
            self.wait_until(lambda: self._is_ready(before), timeout, "the server to be ready")
        except BaseException:
            self.kill()
            raise

    def _is_ready(self, before: int) -> bool:
        return all(self._answers(port) for port in self.ports.values()) and "] ready: " in self.log()[before:]

    def _answers(self, port: int) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"the server ended with {self._process.returncode}:\n{self.log()[-4000:]}")
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def wait_until(self, true: Callable[[], object], timeout: float, what: str) -> None:
        """Poll until ``true()``; the log is shown if it never comes."""
        end = time.monotonic() + timeout
        while not true():
            if time.monotonic() > end:
                raise TimeoutError(f"waited {timeout} s for {what}; log:\n{self.log()[-6000:]}")
            time.sleep(0.05)

    def log(self) -> str:
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def stop(self, timeout: float = 20.0) -> int:
        """SIGTERM; the exit status."""
        return self._end(signal.SIGTERM, timeout)

    def kill(self) -> int:
        """SIGKILL, as a power cut for the process."""
        return self._end(signal.SIGKILL, 10)

    def ended(self) -> int | None:
        """The exit status of one that ended by itself; None while it runs."""
        return None if self._process is None else self._process.poll()

    def _end(self, number: int, timeout: float) -> int:
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(number)
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
            raise TimeoutError(f"did not stop in {timeout} s; log:\n{self.log()[-6000:]}") from None
        finally:
            if self._process.returncode is not None:
                self._process = None
                atexit.unregister(self.kill)


@contextlib.contextmanager
def running(instance: Instance) -> Iterator[Instance]:
    """Started on entry; stopped with exit status 0 on leaving."""
    instance.start()
    try:
        yield instance
    except BaseException:
        instance.kill()
        raise
    status = instance.stop()
    if status:
        raise AssertionError(f"exit status {status}; log:\n{instance.log()[-4000:]}")
