"""The base subject, by which SORT and THREAD compare: RFC 5256 §2.1, the grammar in its §5.

Of a subject with more than ``MAX_SUBJECT`` characters only the beginning counts, which bounds the work.
"""

from __future__ import annotations

import re

import msgspec

MAX_SUBJECT = 4000

_SPACES = re.compile(r"[ \t\r\n]+")
# subj-leader = (*subj-blob subj-refwd) / WSP ; subj-blob = "[" *BLOBCHAR "]" *WSP
# subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"
_LEADER = re.compile(r"(?>(?:\[[^\[\]]*+\] ?)*)(?:re|fwd?) ?(?:\[[^\[\]]*+\] ?)?:", re.IGNORECASE)
_BLOB = re.compile(r"\[[^\[\]]*+\] ?")
_TRAILER = "(fwd)"
_FORWARD = "[fwd:"


class BaseSubject(msgspec.Struct, frozen=True):
    """``reply``: something was removed that says that it is a reply to, or a forward of, another message."""

    text: str
    reply: bool


def base_subject(subject: str) -> BaseSubject:
    """Of a decoded subject."""
    text = _SPACES.sub(" ", subject[:MAX_SUBJECT])  # (1)
    reply = False
    while True:
        text, cut = _without_trailers(text)  # (2)
        start, led = _leader_end(text)  # (3) to (5)
        text = text[start:]
        reply = reply or cut or led
        if not (text[: len(_FORWARD)].lower() == _FORWARD and text.endswith("]")):  # (6)
            return BaseSubject(text, reply)
        text, reply = text[len(_FORWARD) : -1], True


def _without_trailers(text: str) -> tuple[str, bool]:
    """subj-trailer = "(fwd)" / WSP"""
    cut = False
    text = text.rstrip(" ")
    while text[-len(_TRAILER) :].lower() == _TRAILER:
        text, cut = text[: -len(_TRAILER)].rstrip(" "), True
    return text, cut


def _leader_end(text: str) -> tuple[int, bool]:
    """Where the leaders and blobs in front end, and whether a leader said that it is a reply."""
    at, reply = 0, False
    while True:
        if text.startswith(" ", at):
            at += 1
        elif match := _LEADER.match(text, at):
            at, reply = match.end(), True
        elif (match := _BLOB.match(text, at)) and match.end() < len(text):  # (4): unless nothing is left then
            at = match.end()
        else:
            return at, reply
