"""A keyword is one whatever its case (RFC 3501 §9, note 1), whether it has a letter in file names or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from maildir_site import ANN, MESSAGE, Site, seen

from mailsuite.model import FlagOp, Flags, ToMailbox
from mailsuite.store.flags import spelled
from mailsuite.testing.results import result_of

LETTERED = frozenset(f"k{number}" for number in range(26))


@pytest.fixture
def full(site: Site) -> Site:
    """No letter is left, and message 1 has the keyword ``Proj``, which has none."""
    for _ in range(2):
        site.deliver()
    inbox = site.mailbox()
    result_of(inbox.store([1], FlagOp.ADD, LETTERED, None))
    result_of(inbox.store([1], FlagOp.REPLACE, frozenset({"Proj"}), None))
    return site


def _stored(site: Site) -> None:
    result_of(site.mailbox().store([2], FlagOp.ADD, frozenset({"proj", "PROJ"}), None))


def _set(site: Site) -> None:
    result_of(site.mailbox().store([2], FlagOp.REPLACE, frozenset({"proj", "PROJ"}), None))


def _delivered(site: Site) -> None:
    site.place(MESSAGE, ToMailbox(ANN, "INBOX", frozenset({"proj", "PROJ"})))


def _copied(site: Site) -> None:
    result_of(site.store().create("Other", ""))
    site.place(MESSAGE, ToMailbox(ANN, "Other", frozenset({"PROJ"})))
    result_of(site.store().copy(site.mailbox("Other"), [1], "INBOX", False))


@pytest.mark.parametrize("work", [_stored, _set, _delivered, _copied])
def test_the_spelling_that_is_there_stays(full: Site, work: Callable[[Site], None]) -> None:
    work(full)
    assert max(seen(full.mailbox()).items())[1] == {"Proj"}
    keywords = result_of(full.mailbox().snapshot(False)).keywords
    assert [each for each in keywords if each.lower() == "proj"] == ["Proj"]


def test_who_has_it_in_another_spelling_has_it(full: Site) -> None:
    before: Any = result_of(full.mailbox().snapshot(False)).highestmodseq
    [(_, flags, _)], _ = result_of(full.mailbox().store([1], FlagOp.ADD, frozenset({"pROJ"}), None))
    assert flags == {"Proj"}
    assert result_of(full.mailbox().snapshot(False)).highestmodseq == before


@pytest.mark.parametrize(
    ("flags", "there", "expected"),
    [
        ({"Work", "WORK"}, [], {"WORK"}),
        ({"work", "WORK"}, ["Work"], {"Work"}),
        ({"a", "\\Seen"}, ["b"], {"a", "\\Seen"}),
        (set(), ["b"], set()),
    ],
)
def test_spelling(flags: Flags, there: list[str], expected: Flags) -> None:
    assert spelled(frozenset(flags), there) == expected
