"""The keywords another server kept for a folder: Dovecot's ``dovecot-keywords``, Courier's ``courierimapkeywords``.

Dovecot: ``<number> <keyword>`` a line; number 0 is the letter ``a`` in file names.  Courier has no letters: the file
``:list`` names the keywords, then after an empty line the files, ``<file>:<number> <number>``; files beside it, called
like a message or ``.<n>.`` and the message, are newer and hold that message's keywords, one a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from string import ascii_lowercase

from mailsuite.model import Flags
from mailsuite.store.filename import split, stem
from mailsuite.store.keywords import is_keyword

DOVECOT = "dovecot-keywords"
COURIER = "courierimapkeywords"
COURIER_LIST = ":list"

_NUMBERED = re.compile(r"(\d{1,2}) (.+)")
_UPDATE = re.compile(r"\.(\d{1,9})\.(.+)")


def parse_dovecot(data: bytes) -> dict[str, str]:
    """Letter -> keyword; what is neither is left out.  (Dovecot keeps those past the 26th in its index alone.)"""
    found = map(_NUMBERED.fullmatch, data.decode("ascii", "replace").splitlines())
    named = {int(line[1]): line[2] for line in found if line}
    return {
        ascii_lowercase[number]: name
        for number, name in sorted(named.items())
        if number < len(ascii_lowercase) and is_keyword(name)
    }


def parse_courier(data: bytes) -> dict[str, Flags]:
    """Stem of a message's name -> its keywords, as ``:list`` has them."""
    head, _, body = data.decode("utf-8", "surrogateescape").partition("\n\n")
    names = head.splitlines()
    keywords = {}
    for line in body.splitlines():
        file, _, numbers = line.rpartition(":")
        chosen = (names[int(number)] for number in numbers.split() if number.isdecimal() and int(number) < len(names))
        if file:
            keywords[_stem(file)] = frozenset(filter(is_keyword, chosen))
    return keywords


def newest_updates(files: Iterable[str]) -> Mapping[str, str]:
    """Stem of a message's name -> the file beside ``:list`` that has the last word on it."""
    ranked: dict[str, tuple[int, str]] = {}
    for file in files:
        update = _UPDATE.fullmatch(file)
        if file == COURIER_LIST or (file.startswith(".") and not update):
            continue
        name, rank = (update[2], int(update[1])) if update else (file, 1 << 40)
        ranked[_stem(name)] = max(ranked.get(_stem(name), (-1, "")), (rank, file))
    return {name: file for name, (_, file) in ranked.items()}


def parse_update(data: bytes) -> Flags:
    """One keyword a line."""
    return frozenset(filter(is_keyword, data.decode("ascii", "replace").splitlines()))


def _stem(file: str) -> str:
    return stem(split(file)[0])
