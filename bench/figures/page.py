"""docs/benchmarks.md from the file of results."""

from __future__ import annotations

import math

from bench.figures.figure import Figure, Part
from mailsuite.store.attention import LINGER, LOOK_EVERY

_HEAD = f"""# Benchmarks

Written by `python -m bench.figures --page`; `make bench` measures all of it again. Every server is a private instance
on loopback, they take turns on the same disk, and of several runs the median counts; how much was done stands at each
part. Figures drift from machine to machine and from hour to hour: only the ratios say something. Each part waits for
the machine to be calm; where it never was, its last line says so, others used the machine at the same time, and even
the ratios are rough.

**Durability.** Nothing was relaxed. mailsuite answers `250`, `OK` and `+OK` after an `fdatasync` of its journal, shared
by all who wait, and makes the file in the Maildir from it, which is synced within two seconds
([durability.md](durability.md)); Postfix syncs each queue file before `250`, and each file in the Maildir; Dovecot runs
with its default `mail_fsync = optimized`.

**Settings** (`bench/figures/servers.py`) are the defaults but for: limits of connections, which are raised for all; 100
deliveries at once to the next host, for mailsuite and Postfix; Postfix without `in_flow_delay`, with 200 processes that
receive, and with the next host given (mailsuite asks DNS for it); Dovecot in its fast mode, where login and imap
processes are used again. Nobody uses TLS. mailsuite checks passwords as argon2id hashes, of which one that was right is
known again for five minutes. Dovecot has such hashes in the part *crowd*, and in the others its password in clear.

**To be fair to Dovecot:** it tells sessions in IDLE half a second late on purpose, to tell of several changes at once;
`imap_hibernate_timeout`, off by default, would hold its idle sessions in far less memory. Steps of the parts *imap*
and *found* are taken in the order of the table, over one connection, and what a server learns in one it knows in the
next: *first* is the first time that this is asked, not that a message is looked at. mailsuite learns of mail when it
comes in, and afterwards when nothing else is to be done; *imap* is measured when it has, *found* before. What follows
behind an answer (mailsuite renames files then) is over when the next step is measured: asked at once, that would
compete with it for the processors. *SELECT* follows *SELECT, first* at once, which mailsuite answers from memory: it
does so while a session has the mailbox selected, or one left it less than {LINGER:g} s ago, if it was looked at within
{LOOK_EVERY:g} s and the kernel has told of no other program's doing since; else it looks at the folder first, and the
figure would be another.

**Promises.** The parts *queue* and *waiting* have no peer, but bounds, which stand beside the figures: `make bench`
fails where one does not hold.

"""


def page(parts: dict[str, Part], picture: str, what: dict[str, str]) -> str:
    """All of it.  ``picture``: the name of the chart's file, empty without one; ``what``: what each part does."""
    told = [_HEAD, f"![How many times better than the peer]({picture})\n\n" if picture else ""]
    for name, part in parts.items():
        alone = f"**{part.alone}.**\n\n" if part.alone else ""
        told.append(f"## {name}\n\n{what[name]} ({part.how})\n\n{alone}{_table(part.figures)}\n")
        told.append(f"{part.machine}; {part.versions}; {part.date}; {part.before}.\n\n")
    return "".join(told).rstrip() + "\n"


def _table(figures: list[Figure]) -> str:
    return _promised(figures) if any(figure.most for figure in figures) else _compared(figures)


def _promised(figures: list[Figure]) -> str:
    rows = ["| | mailsuite | at most | |", "|---|---:|---:|---|"]
    for figure in figures:
        most = f"{_number(figure.most)} | {'held' if figure.held else '**FAILED**'}" if figure.most else "| "
        rows.append(f"| {figure.name} ({figure.unit}) | {_number(figure.ours)} | {most} |")
    return "\n".join(rows) + "\n"


def _compared(figures: list[Figure]) -> str:
    rows = ["| | mailsuite | peer | | times better |", "|---|---:|---:|---|---:|"]
    for figure in figures:
        peer = f"{_number(figure.theirs)} | {figure.peer}" if figure.theirs else "| "
        times = _plain(figure.times, 2) if figure.times else ""
        rows.append(f"| {figure.name} ({figure.unit}) | {_number(figure.ours)} | {peer} | {times} |")
    return "\n".join(rows) + "\n"


def _number(value: float) -> str:
    return _plain(value, 3)


def _plain(value: float, digits: int) -> str:
    """So many digits that count, or all that stand before the point, and never an exponent."""
    rounded = float(f"{value:.{digits}g}")
    decimals = digits - 1 - math.floor(math.log10(rounded)) if rounded else 0
    return f"{rounded:.{decimals}f}".rstrip("0").rstrip(".") if decimals > 0 else f"{value:,.0f}"
