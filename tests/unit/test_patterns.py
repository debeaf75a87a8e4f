"""Regular expressions that every supported Python matches alike."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import mailsuite

_SOURCES = Path(mailsuite.__file__).parent
#: A group that is repeated possessively: ``(?>(?:...)*)`` is the same.
_POSSESSIVE_GROUP = re.compile(r"\)(?:[*+?]|\{[0-9,]+\})\+")


@pytest.mark.parametrize("path", sorted(_SOURCES.rglob("*.py")), ids=lambda path: str(path.relative_to(_SOURCES)))
def test_no_group_is_repeated_possessively(path: Path) -> None:
    """Python before 3.11.5, Debian 12's too, goes on at the wrong place after the last repetition (its gh-106052)."""
    for line in path.read_text().splitlines():
        assert not _POSSESSIVE_GROUP.search(line), line
