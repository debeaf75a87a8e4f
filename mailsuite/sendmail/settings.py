"""What ``-o`` and ``-O`` set for one call: options of sendmail's configuration file, by letter or by name.

A wrong value of one that means something here is an error of usage, as it is to sendmail.  All others are passed over:
Postfix and Exim do so without a word, sendmail complains of names that it does not know and sends all the same.  Here
whoever asks (``-v``) or sits before it hears of them, and no program does.
"""

from __future__ import annotations

import enum
from collections.abc import Callable

from mailsuite.sendmail.exits import Exit, Stop


class Errors(enum.Enum):
    """What becomes of a refusal (``-oe``): told on standard error, sent to the sender, or in the exit status only."""

    PRINT = "p"
    MAIL = "m"
    QUIET = "q"


#: Names of those that mean something, in lower case.
_NAMES = {"deliverymode": "d", "errormode": "e", "ignoredots": "i", "verbose": "v", "fullname": "F"}
#: Letters that ask for what is so in any case: eight bits, senders who get what they send to themselves, addresses
#: that are parted by spaces.
_ANYWAY = frozenset("78mo")


def short(given: dict[str, object], word: str) -> bool:
    """``-oWORD``: a letter and its value.  False if it is passed over.  Raises Stop."""
    return _set(given, word[:1], word[1:]) or word in _ANYWAY


def long(given: dict[str, object], word: str) -> bool:
    """``-O WORD``: NAME=VALUE.  False if it is passed over.  Raises Stop."""
    name, _, value = word.partition("=")
    return _set(given, _NAMES.get(name.strip().lower(), ""), value.strip())


def _set(given: dict[str, object], letter: str, value: str) -> bool:
    if letter not in _MEANING:
        return False
    key, read = _MEANING[letter]
    given[key] = read(value)
    return True


def errors(value: str) -> Errors:
    """``w`` writes to the terminal, ``e`` mails and says that all is well.  Raises Stop."""
    found = {"m": Errors.MAIL, "e": Errors.MAIL, "q": Errors.QUIET, "p": Errors.PRINT, "w": Errors.PRINT}
    if value[:1] not in found:
        raise Stop(Exit.USAGE, f"ErrorMode (-e, -oe) is p, m, e, w or q, not {value!r}")
    return found[value[:1]]


def _later(value: str) -> bool:
    """By the first letter, as sendmail reads it.  In the background, or while the caller waits, as without any letter
    or with Exim's ``f``: nothing is different here."""
    letter = value[:1].lower()
    if letter not in "bifqd":
        raise Stop(Exit.USAGE, f"DeliveryMode (-od) is i, b, q or d, not {value!r}")
    return letter in ("q", "d")


def _truth(value: str) -> bool:
    letter = value[:1].lower()
    if letter not in "tyfn":
        raise Stop(Exit.USAGE, f"true or false, not {value!r}: IgnoreDots (-oi), Verbose (-ov)")
    return letter not in ("f", "n")


#: Letter -> what it sets, and how its value is read.
_MEANING: dict[str, tuple[str, Callable[[str], object]]] = {
    "d": ("later", _later),
    "e": ("errors", errors),
    "F": ("full_name", str),
    "i": ("dot_ends", lambda value: not _truth(value)),
    "v": ("verbose", _truth),
}
