"""Lines of a table of text, as Postfix's and sendmail's are written (postmap(1), aliases(5)).  Pure.

A line that begins with white space continues the one above; empty lines, and those that begin with ``#``, are none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def logical_lines(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Each with what continues it, and the number, from 1, of the line where it begins."""
    held, start = "", 0
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line[0].isspace() and held:
            held += " " + line.strip()
            continue
        if held:
            yield start, held
        held, start = line.strip(), number
    if held:
        yield start, held
