"""The steps of an explanation as lines for a person, for any terminal of 60 columns or more."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator, Sequence

from mailsuite.printable import printable
from mailsuite.services.explained import Answer, Step

_MARKS = {Answer.YES: "ok", Answer.NO: "NO", Answer.LATER: "LATER", Answer.NOTE: "-"}
_MARK, _STAGE = 5, 9
_INDENT = " " * (_MARK + _STAGE + 4)
_NARROWEST = 60


def lines_of(steps: Sequence[Step], width: int, folder: str) -> Iterator[str]:
    """For each what it says, and below it whose word that is; files in ``folder`` by their names alone."""
    width = max(width, _NARROWEST)
    yield f"Files are in {folder}."
    yield ""
    for step in steps:
        if step.stage == "outcome":
            yield ""
        about = f"{printable(step.about)}: " if step.about else ""
        head = f"{_MARKS[step.answer]:<{_MARK}}  {step.stage:<{_STAGE}}  "
        if step.stage == "dns":
            about = f"{step.rule} {about}"
        yield from textwrap.wrap(
            about + printable(step.words), width, initial_indent=head, subsequent_indent=_INDENT, break_on_hyphens=False
        )
        if step.where:
            yield from _by(step.rule, step.where.removeprefix(folder + os.sep), width)
        if step.stage == "outcome":
            yield ""


def _by(rule: str, where: str, width: int) -> Iterator[str]:
    """The rule and its place, on one line if both fit; a path is never cut in two."""
    both = f"{_INDENT}by {rule}, {where}"
    if len(both) <= width:
        yield both
    else:
        yield f"{_INDENT}by {rule},"
        yield f"{_INDENT}{where}"
