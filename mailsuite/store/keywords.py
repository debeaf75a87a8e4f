"""Flags as letters in a file name, and the keywords that letters stand for in one folder.

The standard letters are Maildir's; ``P`` (passed) is IMAP's ``$Forwarded``.  Other keywords get ``a`` to ``z`` in the
order of their first use; the file ``mailsuite-keywords`` says which (``a NonJunk`` a line).  Keywords past the 26th
have no letter: ``mailsuite-keywords-more`` lists them by message (``17 $One $Two`` a line, 17 the UID).  Both files are
written before a name or an answer depends on them.  Letters nobody explained are kept as they are.
"""

from __future__ import annotations

import re
from string import ascii_lowercase

from mailsuite.errors import Corrupt, InvalidName, TooMany
from mailsuite.model import ANSWERED, DELETED, DRAFT, FLAGGED, NO_FLAGS, SEEN, Flags

#: Keywords that one folder may use in all.
MAX_KEYWORDS = 200

FILE = "mailsuite-keywords"
MORE_FILE = "mailsuite-keywords-more"

FORWARDED = "$Forwarded"

_LETTERS = {DRAFT: "D", FLAGGED: "F", FORWARDED: "P", ANSWERED: "R", SEEN: "S", DELETED: "T"}
_FLAGS = {letter: flag for flag, letter in _LETTERS.items()}
_KEYWORD = re.compile(r"[\x21-\x7e]{1,100}")


def is_keyword(name: str) -> bool:
    """Whether a message can have it."""
    return _KEYWORD.fullmatch(name) is not None and not name.startswith("\\")


class Keywords:
    """The letters of one folder."""

    def __init__(self, names: dict[str, str] | None = None) -> None:
        """``names``: letter to keyword."""
        self._names = names or {}
        self._letters = {name.lower(): letter for letter, name in self._names.items()}
        self._letters[FORWARDED.lower()] = "P"
        self._known: dict[str, Flags] = {}

    @classmethod
    def parse(cls, data: bytes, path: str) -> Keywords:
        """What the file at ``path`` says; ``Corrupt`` if that is not what ``dump`` writes."""
        names: dict[str, str] = {}
        for line in data.decode("ascii", "replace").splitlines():
            letter, _, name = line.partition(" ")
            if letter not in tuple(ascii_lowercase) or not _KEYWORD.fullmatch(name):
                raise Corrupt(f"{path}: not a letter and a keyword: {line!r}; correct or remove the line")
            names[letter] = name
        return cls(names)

    def dump(self) -> bytes:
        return "".join(f"{letter} {name}\n" for letter, name in self._names.items()).encode("ascii")

    @property
    def names(self) -> tuple[str, ...]:
        """The keywords that have letters."""
        return tuple(self._names.values())

    def flags(self, letters: str) -> Flags:
        """What the letters of a file name mean."""
        known = self._known.get(letters)
        if known is None:
            if len(self._known) > 1000:  # letters come from file names that others wrote
                self._known.clear()
            found = (_FLAGS.get(letter) or self._names.get(letter) for letter in letters)
            known = self._known[letters] = frozenset(flag for flag in found if flag) or NO_FLAGS
        return known

    def unexplained(self, letters: str) -> str:
        """The letters that mean nothing here."""
        return "".join(letter for letter in letters if letter not in _FLAGS and letter not in self._names)

    def letters(self, flags: Flags) -> tuple[str, Flags]:
        """The letters for these flags, and the keywords that have none."""
        found = {flag: _LETTERS.get(flag) or self._letters.get(flag.lower()) for flag in flags}
        with_letter = sorted(letter for letter in found.values() if letter)
        return "".join(with_letter), frozenset(flag for flag, letter in found.items() if not letter)

    def learn(self, flags: Flags) -> bool:
        """Give letters to the keywords among these that have none, while there are any; whether some were given.
        ``InvalidName`` for what cannot be a keyword."""
        learned = False
        for name in sorted(flags):
            if name.startswith("\\") or name.lower() in self._letters:
                continue
            if not _KEYWORD.fullmatch(name):
                raise InvalidName("a keyword has 1 to 100 printable ASCII characters")
            free = next((letter for letter in ascii_lowercase if letter not in self._names), "")
            if free:
                self._names[free], self._letters[name.lower()] = name, free
                self._known.clear()
                learned = True
        return learned


class More:
    """Keywords that have no letter, by UID."""

    def __init__(self, keywords: dict[int, Flags] | None = None) -> None:
        self.by_uid = keywords or {}

    @classmethod
    def parse(cls, data: bytes, path: str) -> More:
        """``Corrupt`` if it is not what ``dump`` writes."""
        keywords = {}
        for line in data.decode("ascii", "replace").splitlines():
            uid, *names = line.split(" ")
            if not uid.isdigit() or not names:
                raise Corrupt(f"{path}: not a UID and its keywords: {line!r}; correct or remove the line")
            keywords[int(uid)] = frozenset(names)
        return cls(keywords)

    def dump(self) -> bytes:
        lines = (f"{uid} {' '.join(sorted(names))}\n" for uid, names in sorted(self.by_uid.items()))
        return "".join(lines).encode("ascii")

    @property
    def names(self) -> Flags:
        return frozenset().union(*self.by_uid.values())

    def put(self, uid: int, names: Flags) -> bool:
        """``uid`` has these from now on; whether that is a change.  ``TooMany`` past MAX_KEYWORDS."""
        if self.by_uid.get(uid, NO_FLAGS) == names:
            return False
        if names:
            if len(self.names | names) > MAX_KEYWORDS - len(ascii_lowercase):
                raise TooMany(f"a mailbox has at most {MAX_KEYWORDS} keywords")
            self.by_uid[uid] = names
        else:
            del self.by_uid[uid]
        return True
