"""HTML's character references in text that comes in pieces: ``Gr&uuml;&#223;e`` as a reader sees it.

Only those of characters beyond ASCII are replaced; the others, as ``&amp;`` and ``&lt;``, stay what they are.  Never
raises.  HTML Living Standard, section 13.5.
"""

from __future__ import annotations

import html
import re

#: Characters of a reference at most, ``&`` and ``;`` too.
LONGEST = 34
_REFERENCE = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_BEGUN = re.compile(r"&#?[0-9A-Za-z]{0,32}\Z")


class References:
    """Of one text."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str, last: bool) -> str:
        """The next piece; what may be the beginning of a reference comes with the piece behind it."""
        text, self._held = self._held + text, ""
        if "&" not in text:
            return text
        begun = None if last else _BEGUN.search(text, max(len(text) - LONGEST, 0))
        if begun is not None:
            text, self._held = text[: begun.start()], begun.group()
        return _REFERENCE.sub(_meant, text)


def _meant(reference: re.Match[str]) -> str:
    text = html.unescape(reference.group())
    return reference.group() if text.isascii() else text
