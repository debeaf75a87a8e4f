"""What ESEARCH says and SAVE keeps: RFC 4731 §3.1, RFC 5182 §2.4, RFC 9394 §3."""

from __future__ import annotations

import pytest

from mailsuite.imap import returns
from mailsuite.imap.returns import ReturnOption, Returns, Window

FOUND = [2, 3, 4, 7, 9]


def asked(words: str, partial: tuple[int, int, bool] | None = None) -> Returns:
    options = frozenset(ReturnOption(word) for word in words.split())
    return Returns(options, Window(*partial, b"x") if partial else None)


@pytest.mark.parametrize(
    ("words", "partial", "kept"),
    [
        ("SAVE", None, ((2, 4), (7, 7), (9, 9))),
        ("SAVE MIN", None, ((2, 2),)),
        ("SAVE MAX", None, ((9, 9),)),
        ("SAVE MIN MAX", None, ((2, 2), (9, 9))),
        ("SAVE MIN COUNT", None, ((2, 4), (7, 7), (9, 9))),
        ("SAVE MIN MAX ALL", None, ((2, 4), (7, 7), (9, 9))),
        ("SAVE", (2, 3, False), ((3, 4),)),
        ("SAVE MAX", (2, 3, False), ((3, 4), (9, 9))),
        ("SAVE MIN MAX", (2, 3, False), ((2, 4), (9, 9))),
        ("SAVE COUNT", (2, 3, False), ((2, 4), (7, 7), (9, 9))),
        ("SAVE", (20, 30, False), ()),
    ],
)
def test_what_is_saved(words: str, partial: tuple[int, int, bool] | None, kept: object) -> None:
    assert returns.saved(asked(words, partial), FOUND) == kept


@pytest.mark.parametrize(
    ("window", "wanted"),
    [
        ((1, 2, False), [2, 3]),
        ((4, 9, False), [7, 9]),
        ((6, 9, False), []),
        ((1, 2, True), [7, 9]),
        ((4, 9, True), [2, 3]),
        ((2, 4, True), [3, 4, 7]),
        ((6, 9, True), []),
    ],
)
def test_a_window_of_the_results(window: tuple[int, int, bool], wanted: list[int]) -> None:
    assert Window(*window, b"").cut(FOUND) == wanted


def test_an_answer_says_what_was_asked() -> None:
    assert returns.items(asked("MIN MAX ALL COUNT SAVE"), FOUND) == [b"MIN 2", b"MAX 9", b"COUNT 5", b"ALL 2:4,7,9"]
    assert returns.items(asked("MIN MAX ALL COUNT"), [], 5) == [b"COUNT 0"]
    assert returns.items(asked("MIN"), FOUND, 5) == [b"MIN 2", b"MODSEQ 5"]
    assert returns.items(asked("", (9, 10, False)), FOUND) == [b"PARTIAL (x NIL)"]


def test_sorted_results_keep_their_order() -> None:
    assert returns.items(asked("MIN MAX ALL"), [5, 3, 4, 1]) == [b"MIN 5", b"MAX 1", b"ALL 5,3:4,1"]


def test_a_tag_is_quoted() -> None:
    assert returns.esearch(b"A282", True, [b"COUNT 1"]) == b'* ESEARCH (TAG "A282") UID COUNT 1\r\n'
    assert returns.esearch(b"a", False, []) == b'* ESEARCH (TAG "a")\r\n'
