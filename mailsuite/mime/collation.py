"""How texts are compared: the collation ``i;unicode-casemap``, RFC 5051, as RFC 5255 §4.2 wants it for IMAP."""

from __future__ import annotations

import unicodedata


class _CaseMap(dict[int, str]):
    """A character to its form, each made once."""

    def __missing__(self, codepoint: int) -> str:
        character = chr(codepoint)
        title = character.title()
        # RFC 5051 §2: the simple titlecase mapping, which is one character, then the full decomposition
        form = self[codepoint] = unicodedata.normalize("NFKD", title if len(title) == 1 else character)
        return form


_FORMS = _CaseMap()


def casemap(text: str) -> str:
    """The form in which texts are equal, contained in each other, and ordered by their characters' numbers."""
    return text.upper() if text.isascii() else text.translate(_FORMS)


def searchable(text: str) -> str:
    """The same to search in: runs of white space, line ends among them, as one space, none at the ends."""
    return " ".join(casemap(text).split())


def wanted(text: str) -> str:
    """The same of what is searched for: a space at its ends is one that must be there."""
    form = casemap(text)
    words = " ".join(form.split())
    if not words:
        return " " if form else ""
    return (" " if form[0].isspace() else "") + words + (" " if form[-1].isspace() else "")
