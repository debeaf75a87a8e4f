"""Others' words as one line for a log or a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """Without line ends and what would steer a terminal: ``?`` stands there."""
    return text if text.isprintable() else "".join(char if char.isprintable() else "?" for char in text)
