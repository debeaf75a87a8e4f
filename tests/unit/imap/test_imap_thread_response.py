"""The THREAD response, RFC 5256 section 4."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.imap.threading import thread_pieces, thread_response
from mailsuite.model import Forest


@pytest.mark.parametrize(
    ("nodes", "wanted"),
    [
        ([], "* THREAD"),
        ([(2, 0), (3, 0), (6, 1), (4, 2), (23, 3), (44, 2), (7, 3), (96, 4)], "* THREAD (2)(3 6 (4 23)(44 7 96))"),
        ([(-1, 0), (3, 1), (5, 1)], "* THREAD ((3)(5))"),
        ([(-1, 0), (3, 1), (4, 2), (5, 1), (6, 0)], "* THREAD ((3 4)(5))(6)"),
        ([(1, 0), (2, 1), (3, 2), (4, 2), (5, 1)], "* THREAD (1 (2 (3)(4))(5))"),
    ],
)
def test_examples(nodes: list[tuple[int, int]], wanted: str) -> None:
    forest = Forest([uid for uid, _ in nodes], [depth for _, depth in nodes])
    assert thread_response(forest, int) == wanted.encode() + b"\r\n"


def read(text: str) -> list[tuple[int, int]]:
    """(Number, depth) of each message in a response without dummies."""
    found, depth, stack, number = [], 0, [], ""
    for character in text + " ":
        if not character.isdigit() and number:
            found.append((int(number), depth))
            depth, number = depth + 1, ""
        if character == "(":
            stack.append(depth)
        elif character == ")":
            depth = stack.pop()
        elif character.isdigit():
            number += character
    return found


@given(st.lists(st.integers(0, 5), max_size=30))
def test_it_says_the_tree(steps: list[int]) -> None:
    nodes: list[tuple[int, int]] = []
    for number, up in enumerate(steps, 1):
        nodes.append((number, max(0, nodes[-1][1] + 1 - up) if nodes else 0))
    forest = Forest([uid for uid, _ in nodes], [depth for _, depth in nodes])
    assert read(thread_response(forest, int).decode()[len("* THREAD") :].strip()) == nodes


def test_pieces_are_small() -> None:
    forest = Forest(range(1, 10_001), [0] * 10_000)
    pieces = list(thread_pieces(forest, int))
    assert max(map(len, pieces)) < 20_000
    assert b"".join(pieces) == b"* THREAD " + b"".join(b"(%d)" % n for n in range(1, 10_001)) + b"\r\n"


def test_any_depth_can_be_said() -> None:
    depth = 100_000
    forest = Forest(range(depth), range(depth))
    assert thread_response(forest, int).count(b" ") == depth + 1
