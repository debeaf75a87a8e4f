"""Messages a second through the relay, beside Postfix in the same run: SMTP in, queue, SMTP out.

    python bench/queue_relay.py [--messages 3000] [--sessions 20] [--size 4096] [--rounds 3] [--alone]

Each server gets mail from Postfix's ``smtp-source`` and relays it to ``smtp-sink``, in turn, over connections that are
used again and with a connection for each message; the time is from the first octet until the last message is in the
sink.  Prints the medians and their ratio: on a machine with other work only that says something.  Wants root, which
Postfix wants; ``--alone`` leaves Postfix out.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from mailsuite.testing.instance import Instance, running

_MAIN = """
compatibility_level = 3.6
queue_directory = {here}/spool
data_directory = {here}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = bench.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 2000
in_flow_delay = 0
maillog_file = {here}/maillog
maillog_file_prefixes = /
default_destination_concurrency_limit = 100
initial_destination_concurrency = 100
relayhost = [127.0.0.1]:{sink}
"""


@contextlib.contextmanager
def postfix(here: Path, port: int, sink: int) -> Iterator[None]:
    """One without rate limits, with up to 200 processes that receive."""
    for name in ("etc", "data", "spool"):
        (here / name).mkdir()
    shutil.chown(here / "data", "postfix")
    (here / "etc/main.cf").write_text(_MAIN.format(here=here, sink=sink))
    services = Path("/usr/share/postfix/master.cf.dist").read_text()
    services = re.sub(r"(?m)^smtp +inet .*", f"127.0.0.1:{port} inet n - n - 200 smtpd", services)
    services = re.sub(r"(?m)^(\w\S*(?:\s+\S+){3}\s+)y(?=\s)", r"\1n", services)
    (here / "etc/master.cf").write_text(services)
    command = ["postfix", "-c", str(here / "etc")]
    subprocess.run([*command, "start"], check=True, capture_output=True)
    time.sleep(1)
    try:
        yield
    finally:
        subprocess.run([*command, "stop"], check=False, capture_output=True)


class Sink:
    """``smtp-sink`` and how many messages it says it has."""

    def __init__(self, port: int) -> None:
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        command = ["smtp-sink", "-c", *user, f"127.0.0.1:{port}", "1000"]
        self.count = 0
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        shown = b""
        while octets := os.read(self._process.stdout.fileno(), 65536):
            shown = (shown + octets)[-400:]
            if counts := re.findall(rb"mesg=(\d+)", shown):
                self.count = int(counts[-1])

    def end(self) -> None:
        self._process.terminate()
        self._process.wait()


def relayed(port: int, sink: Sink, given: argparse.Namespace, again: bool) -> float:
    """Messages a second."""
    before, began = sink.count, time.perf_counter()
    counts = ["-s", str(given.sessions), "-m", str(given.messages), "-l", str(given.size)]
    ends = ["-f", "load@source.test", "-t", "x@far.test", f"127.0.0.1:{port}"]
    subprocess.run(["smtp-source", *(["-d"] if again else []), *counts, *ends], check=True, stdout=subprocess.DEVNULL)
    while sink.count < before + given.messages:
        if time.perf_counter() > began + 120:
            raise TimeoutError(f"{sink.count - before} of {given.messages} arrived")
        time.sleep(0.01)
    return float(given.messages / (time.perf_counter() - began))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=3000)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alone", action="store_true")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        here = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="relay")))
        here.chmod(0o755)
        instance = Instance(here / "server")
        at = instance.ports["smtp"] - 20  # two that are most likely free, too
        instance.set("smarthost", "host", '"127.0.0.1"')
        instance.set("smarthost", "port", str(at))
        instance.set("smarthost", "tls", '"none"')
        sink = Sink(at)
        stack.callback(sink.end)
        stack.enter_context(running(instance))
        servers = {"mailsuite": instance.ports["smtp"]}
        if not given.alone:
            (here / "postfix").mkdir()
            stack.enter_context(postfix(here / "postfix", at + 1, at))
            servers["postfix"] = at + 1
        for again in (True, False):
            measure(servers, sink, given, again)


def measure(servers: dict[str, int], sink: Sink, given: argparse.Namespace, again: bool) -> None:
    figures: dict[str, list[float]] = {name: [] for name in servers}
    for _ in range(given.rounds):
        for name, port in servers.items():
            figures[name].append(relayed(port, sink, given, again))
    medians = {name: statistics.median(found) for name, found in figures.items()}
    shown = ", ".join(f"{name} {median:.0f}/s" for name, median in medians.items())
    ratio = f": {medians['mailsuite'] / medians['postfix']:.2f}" if "postfix" in medians else ""
    print(f"{'connections used again' if again else 'a connection a message'}: {shown}{ratio}", flush=True)


if __name__ == "__main__":
    main()
