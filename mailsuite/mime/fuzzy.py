"""How well a text holds words that were typed from memory: RFC 6203.

All words must be there, in any order; one of four letters or more may have one typing error (a letter wrong, missing,
too many, or two exchanged).  Texts and words are in the collation's form.  Bounded by ``MAX_WORDS`` and ``MAX_WORD``.
"""

from __future__ import annotations

import re
from functools import lru_cache

#: Words of one key that count, and letters of a word that may have an error.
MAX_WORDS, MAX_WORD = 10, 40
#: Relevancy (1 to 100) where the words stand as they were asked, apart from each other, and with an error.
EXACT, WORDS, NEAR = 100, 75, 35
_SHORTEST = 4


def score(text: str, wanted: str) -> int:
    """0 where the words are not there."""
    words = wanted.split()[:MAX_WORDS]
    if wanted.strip() in text:
        return EXACT
    scores = [_score(text, word) for word in words]
    return sum(scores) // len(scores) if all(scores) else 0


def _score(text: str, word: str) -> int:
    if word in text:
        return WORDS
    return NEAR if _SHORTEST <= len(word) <= MAX_WORD and _near(word).search(text) else 0


@lru_cache(maxsize=256)
def _near(word: str) -> re.Pattern[str]:
    """Finds the word with one error, as a word of its own."""
    forms = []
    for at, letter in enumerate(word):
        before, behind = re.escape(word[:at]), re.escape(word[at + 1 :])
        forms += [rf"{before}\w?{behind}", rf"{before}\w{re.escape(letter)}{behind}"]
        if behind:
            forms.append(f"{before}{re.escape(word[at + 1])}{re.escape(letter)}{re.escape(word[at + 2 :])}")
    forms.append(rf"{re.escape(word)}\w")
    return re.compile(rf"\b(?:{'|'.join(dict.fromkeys(forms))})\b")


def pieces(wanted: str) -> tuple[str, ...]:
    """Texts of which each that is found holds one, to leave out others early: of the longest word its thirds, since two
    letters that are exchanged may lie in two of them, but no error touches all three."""
    word = max(wanted.split()[:MAX_WORDS], key=len, default="")
    if not _SHORTEST <= len(word) <= MAX_WORD:
        return (word,)
    third = len(word) // 3
    return word[:third], word[third : len(word) - third], word[len(word) - third :]
