"""The THREAD response, RFC 5256 §4."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from mailsuite.model import Forest

#: Messages in one piece of a response.
PIECE = 2000


def thread_response(forest: Forest, named: Callable[[int], int]) -> bytes:
    """The whole of ``thread_pieces``."""
    return b"".join(thread_pieces(forest, named))


def thread_pieces(forest: Forest, named: Callable[[int], int]) -> Iterator[bytes]:
    """thread-data = "THREAD" [SP 1*thread-list] ; ``named``: what a UID is shown as.  In pieces, between which others
    may have their turn.

    thread-list = "(" (thread-members / thread-nested) ")" ; a message with one reply has it behind itself, one with
    several has each of them in a list of its own.
    """
    words: list[str] = ["* THREAD "] if len(forest.uids) else ["* THREAD"]
    open_at: list[int] = []  # the depths at which lists were begun
    alone = _only_children(forest.depths)
    for place, (uid, depth) in enumerate(zip(forest.uids, forest.depths, strict=True)):
        while open_at and open_at[-1] >= depth:
            open_at.pop()
            words.append(")")
        if alone[place]:
            words.append(" ")
        else:
            words.append(" (" if _follows_message(forest, place) else "(")
            open_at.append(depth)
        if uid >= 0:
            words.append(str(named(uid)))
        if place % PIECE == PIECE - 1:
            yield "".join(words).encode()
            words.clear()
    words.append(")" * len(open_at) + "\r\n")
    yield "".join(words).encode()


def _only_children(depths: Sequence[int]) -> list[bool]:
    """For each whether it is the only child of another; no root is."""
    alone = [False] * len(depths)
    last: list[int] = []  # at each depth the place of the last seen, of the siblings that are still open
    for place, depth in enumerate(depths):
        siblings = len(last) > depth
        del last[depth + 1 :]
        if siblings:
            alone[last[depth]] = False
            last[depth] = place
        else:
            alone[place] = depth > 0
            last.append(place)
    return alone


def _follows_message(forest: Forest, place: int) -> bool:
    """Whether it is the first reply to a message, which then stands in front of it in its list."""
    return place > 0 and forest.depths[place - 1] < forest.depths[place] and forest.uids[place - 1] >= 0
