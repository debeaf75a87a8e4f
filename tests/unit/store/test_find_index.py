"""The index of texts: what is held by which messages, whichever way it is looked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailsuite.disk.findable import Findable
from mailsuite.mime.header_text import field_start, header_text
from mailsuite.mime.ordering import ordering
from mailsuite.store.find_index import BODY, FindIndex, Known

BOX = 1_700_000_000
HEADERS = (
    b"From: Ann <ann@x.test>\nSubject: the zebra\nMessage-ID: <zebra.1@x.test>\n",
    b"From: Zebra <z@x.test>\nSubject: no horse\nX-Zebra: yes\n",
    b"Subject: =?utf-8?q?Z=C3=A9bra?=\nDKIM-Signature: b=zebra\n",
)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[FindIndex]:
    index = FindIndex(str(tmp_path / "search.sqlite"))
    index.add(BOX, [_known(uid, block) for uid, block in enumerate(HEADERS, 1)], BODY)
    yield index
    index.end()


def _known(uid: int, block: bytes) -> Known:
    return Known(uid, 0.0, 1, Findable(ordering({}), header_text(block), True, "\nA HORSE", True))


def lines(index: FindIndex, field: str, text: str) -> list[int]:
    start = field_start(field)
    return index.holding_lines(BOX, text, start, lambda it: text in it.partition(start)[2].partition("\n")[0])


@pytest.mark.parametrize(
    ("field", "found"),
    [("subject", [1]), ("from", [2]), ("to", []), ("message-id", [1]), ("x-zebra", []), ("dkim-signature", [3])],
)
def test_a_field_is_found_by_what_it_says(index: FindIndex, field: str, found: list[int]) -> None:
    assert lines(index, field, "ZEBRA") == found


def test_all_of_a_header_is_looked_through(index: FindIndex) -> None:
    assert index.holding(BOX, "fields", "ZEBRA").found == [1, 2, 3]
    assert index.holding(BOX, "fields", "X-ZE").found == [2]
    assert index.holding(BOX, "body", "A HORSE").found == [1, 2, 3]


def test_what_is_forgotten_is_not_found_and_may_be_known_anew(index: FindIndex) -> None:
    index.forget(BOX, [1, 2])
    assert lines(index, "subject", "ZEBRA") == lines(index, "from", "ZEBRA") == []
    assert index.holding(BOX, "body", "A HORSE").found == [3]
    index.add(BOX, [_known(1, HEADERS[1])], BODY)
    assert (lines(index, "subject", "ZEBRA"), lines(index, "from", "ZEBRA")) == ([], [1])
