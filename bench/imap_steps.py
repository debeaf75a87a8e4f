"""What an IMAP client waits for, here and with Dovecot, on the same messages: those that our own server took.

    python -m bench.imap_steps [--messages N] [--runs N]

The messages come into our store by APPEND, then the server is started again; Dovecot, where it is installed and root
asks, gets them as files and has no index of them.  Each server is new in each run, and they take turns.  Prints for
each step (bench/figures/imap.py) the median of ours, its unit (s: seconds; /s: how many a second), Dovecot's median,
and how many times better ours is.  ``python -m bench.figures imap`` is the same with files that both find.
Example: ``python -m bench.imap_steps --messages 20000 --runs 1``.
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.figures.figure import Figure, Measured, in_turns
from bench.figures.imap import UNITS, Client, steps, theirs
from bench.figures.mailbox import maildir
from bench.figures.servers import Served, can_have
from bench.program import Arguments, end_in_order
from mailsuite.mime.lines import to_crlf
from mailsuite.testing.instance import PASSWORD, Instance, running

IN_ONE_APPEND = 50


def append_all(served: Served, files: list[Path]) -> None:
    """All of them into INBOX, with their flags and times."""
    client = Client(served)
    for start in range(0, len(files), IN_ONE_APPEND):
        parts = []
        for file in files[start : start + IN_ONE_APPEND]:
            octets = to_crlf(file.read_bytes())
            date = time.strftime("%d-%b-%Y %H:%M:%S +0000", time.gmtime(file.stat().st_mtime))
            flags = "\\Seen" if "S" in file.name.rpartition(",")[2] else ""
            parts.append(f' ({flags}) "{date}" {{{len(octets)}+}}\r\n'.encode() + octets)
        client.ask("APPEND INBOX", b"".join(parts))


def is_rendered(instance: Instance, count: int) -> bool:
    """Whether all that was delivered is in the index as clients ask for it, as it is some seconds later."""
    path = next((instance.folder / "store").rglob("index.sqlite"))
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        return int(database.execute("SELECT count(*) FROM summary").fetchone()[0]) >= count


@contextmanager
def with_mail(files: list[Path]) -> Iterator[Served]:
    """Our server, started again since it took them."""
    with tempfile.TemporaryDirectory(prefix="bench-steps-") as folder:
        instance = Instance(Path(folder, "server"))
        served = Served(0, Path(), instance.account, PASSWORD, imap=instance.ports["imap"])
        with running(instance):
            append_all(served, files)
            instance.wait_until(lambda: is_rendered(instance, len(files)), 120, "all messages to be rendered")
        with running(instance):
            yield served


def ours(corpus: Path, count: int) -> Measured:
    with with_mail(sorted((corpus / "cur").iterdir())) as served:
        return steps(served, count)


def show(figure: Figure) -> None:
    peer = f"{figure.peer} {figure.theirs:10.4f} {figure.unit:2}  x{figure.times:.2f}" if figure.peer else ""
    print(f"{figure.name:28} {figure.ours:10.4f} {figure.unit:2}  {peer}".rstrip(), flush=True)


def main() -> None:
    parser = Arguments(__doc__)
    parser.count("--messages", 5000, "messages of the mailbox")
    parser.count("--runs", 3, "runs, of which the median counts")
    asked = parser.parse_args()
    end_in_order()
    with maildir(asked.messages) as corpus:
        dovecot = (lambda: theirs(corpus, asked.messages)) if can_have("dovecot") else None
        for figure in in_turns(asked.runs, UNITS, lambda: ours(corpus, asked.messages), dovecot, "Dovecot"):
            show(figure)


if __name__ == "__main__":
    main()
