"""Header keys of messages that nobody has read yet are answered by the kept fields, and as if they were read."""

from __future__ import annotations

import pytest
from maildir_site import ANN, Site

from mailsuite.disk import findable
from mailsuite.model import ToMailbox
from mailsuite.query import And, Body, Fuzzy, Header, Or, Query, SentDate, When
from mailsuite.store import finding
from mailsuite.testing.results import result_of

HEADERS = (
    b"From: Ann <ann@x.test>\nSubject: the  Zebra\n quarter\nDate: 3 Nov 2025 10:00:00 +0000\n",
    b"From: =?utf-8?q?Z=C3=A9bra?= <z@x.test>\nSubject: =?utf-8?q?z=65bra?=\n",
    b"To: zebra@x.test, b@x.test\nSubject: no horse\nsubject: but a zebra\nDate: 5 Nov 2025 10:00:00 +0000\n",
    b"Subject: gr\xc3\xb6\xc3\x9fe\nContent-Type: text/plain; name*=utf-8''z%65bra\n",
    b"X-Zebra: zebra\nReceived: from zebra\n",
    b"Subject:\nCc: zebra quarter <c@x.test>\n",
)
KEYS: list[tuple[Query, list[int]]] = [
    (Header("subject", "zebra"), [1, 2, 3]),
    (Header("Subject", "ZEBRA QUARTER"), [1]),
    (Header("subject", "bra q"), [1]),
    (Header("subject", "quarter zebra"), []),
    (Header("subject", ""), [1, 2, 3, 4, 6]),
    (Header("subject", " "), [1, 3]),
    (Header("subject", "o\u0308ß"), [4]),
    (Header("from", "z\u00e9bra"), [2]),
    (Header("from", "zebra"), []),
    (Header("to", "zebra@x"), [3]),
    (Header("cc", "zebra quarter <"), [6]),
    (Header("content-type", "name=zebra"), [4]),
    (SentDate(When.BEFORE, 739560), [1]),
    (SentDate(When.SINCE, 739560), [3]),
    (Or(Header("subject", "zebra"), Header("to", "zebra")), [1, 2, 3]),
]
READ: list[Query] = [Header("received", "zebra"), Fuzzy(Header("subject", "zebra")), Body("zebra")]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was read of messages; few are many here."""
    read: list[str] = []
    whole = findable.examine_file

    def noted(path: str, bodies: bool) -> findable.Findable:
        read.append(path)
        return whole(path, bodies)

    monkeypatch.setattr(findable, "examine_file", noted)
    monkeypatch.setattr(finding, "LEARN_HEADERS", 2)
    return read


def full(site: Site) -> Site:
    for block in HEADERS:
        site.place(block + b"\nbody\n", ToMailbox(ANN))
    site.clock.advance(1)  # they are rendered
    return site


def search(site: Site, query: Query) -> list[int]:
    return list(result_of(site.mailbox().search(query, range(1, len(HEADERS) + 1))))


@pytest.mark.parametrize(("key", "wanted"), KEYS)
def test_the_answer_is_as_if_they_were_read(site: Site, read: list[str], key: Query, wanted: list[int]) -> None:
    full(site)
    assert search(site, key) == wanted
    assert read == []
    search(site, Body("x"))
    assert len(read) == len(HEADERS)
    assert search(site, key) == wanted


@pytest.mark.parametrize("key", READ)
def test_what_the_fields_do_not_say_is_read(site: Site, read: list[str], key: Query) -> None:
    full(site)
    search(site, key)
    assert len(read) == len(HEADERS)


def test_what_was_not_rendered_yet_is_read(site: Site, read: list[str]) -> None:
    full(site)
    site.place(HEADERS[0] + b"\n", ToMailbox(ANN))
    query = And((Header("subject", "zebra"),))
    assert list(result_of(site.mailbox().search(query, range(1, len(HEADERS) + 2)))) == [1, 2, 3, 7]
    assert len(read) == 1
