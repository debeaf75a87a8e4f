"""The queue on terminals of several widths."""

from __future__ import annotations

import json

import msgspec
import pytest

from mailsuite.cli.queue_json import show_messages
from mailsuite.cli.queue_stats import stats, stats_lines
from mailsuite.cli.queue_table import span, table
from mailsuite.cli.queue_why import why
from mailsuite.model import Address, Envelope, Pending, Queued, Recipient

NOW = 1_700_000_000.0
WORDS = "mx.b.test [192.0.2.1]:25 refused the connection; mx2.b.test [192.0.2.2]:25 refused the connection \x1b[31m"


def queued(id: str, sender: Address, *recipients: Address, held: bool = False) -> Queued:
    pending = tuple(Pending(Recipient(one), attempts=1, last_text=WORDS) for one in recipients)
    return Queued(Envelope(id, sender, tuple(Recipient(one) for one in recipients), NOW - 7200), pending, NOW + 240,
                  NOW + 1e6, 123_456, 1, held)  # fmt: skip


LONG = Address("a-rather-long-name-of-somebody", "an-even-longer-name.of-a-company.example.org")
MESSAGES = [
    queued("237t1k88f5lgdj1v", Address("al", "a.test"), Address("bob", "b.test"), Address("eve", "b.test")),
    queued("237t1k88f5lgdj1w", LONG, LONG, held=True),
    queued("237t1k88f5lgdj1x", Address("", ""), LONG),
]


@pytest.mark.parametrize("width", [80, 120])
def test_lines_fit_and_ids_are_whole(width: int) -> None:
    lines = list(table(MESSAGES, NOW, width))
    assert max(map(len, lines)) <= width
    heads = [line.split()[0] for line in lines if line.startswith("237")]
    assert heads == [one.envelope.id for one in MESSAGES]
    assert "\x1b" not in "".join(lines)
    words = " ".join(line.strip() for line in lines)
    assert words.count(" ".join(WORDS.split()[:-1])) == 3
    assert "mple.org" in words


def test_eighty_columns() -> None:
    assert list(table(MESSAGES[:2], NOW, 80))[:6] == [
        "id                size  arrived  due       sender             recipient",
        "237t1k88f5lgdj1v  120K  2 h ago  in 4 min  al@a.test          bob@b.test",
        "                                                              eve@b.test",
        "    mx.b.test [192.0.2.1]:25 refused the connection; mx2.b.test [192.0.2.2]:25",
        "    refused the connection ?[31m",
        "237t1k88f5lgdj1w  120K  2 h ago  held      a-rathe..mple.org  a-rather..mple.org",
    ]


def test_nothing_is_cut_where_no_terminal_reads() -> None:
    assert str(LONG) in "\n".join(table(MESSAGES, NOW, 0))
    assert sum(line.startswith("    mx.b.test") for line in table(MESSAGES, NOW, 0)) == 3


BOB, EVE = Address("bob", "b.test"), Address("eve", "b.test")


def after(message: Queued, unwritten: str, *, done: bool) -> Queued:
    """What is left when an attempt has ended, for all of them or for one."""
    return msgspec.structs.replace(message, unwritten=unwritten, pending=() if done else message.pending)


def test_what_is_done_with_has_a_row_until_that_is_written() -> None:
    full = "/q/state: no space left"
    messages = [
        after(queued("m1", EVE, BOB, EVE), full, done=True),
        after(queued("m2", EVE, BOB), full, done=False),
        after(queued("m3", EVE, BOB), "", done=True),
    ]
    assert list(table(messages, NOW, 0)) == [
        "id  size  arrived  due          sender      recipient",
        "m1  120K  2 h ago  not written  eve@b.test  bob@b.test and 1 more",
        f"    sent or returned, result not written: {full}",
        "m2  120K  2 h ago  not written  eve@b.test  bob@b.test",
        f"    {WORDS[:-5]}?[31m",
        f"    tried, result not written: {full}",
        "m3  120K  2 h ago  done         eve@b.test  bob@b.test",
        "    sent or returned, being removed",
    ]


def test_why_says_what_to_do_about_a_result_that_is_not_written() -> None:
    lines = list(why(after(queued("m1", EVE, BOB), "no space left", done=True), NOW))
    assert lines[1:] == [
        "  nobody waits any more: it was sent or returned",
        "  What came of its last attempt cannot be written down: no space left",
        "  That is tried every 5 s. Make room, or mend the disk; until then nothing else happens to it.",
        "  If the server is killed before, the next start repeats the attempt, and who was served is served twice.",
        "  `mailsuite queue drop m1` removes it.",
    ]
    lines = list(why(after(queued("m1", EVE, BOB), "no space left", done=False), NOW))
    assert lines[-1] == "  `mailsuite queue drop m1` removes it, and who still waits gets nothing."
    assert list(why(after(queued("m1", EVE, BOB), "", done=True), NOW))[-1] == "  It is being removed."


def test_stats_count_what_is_not_written() -> None:
    messages = [after(queued("m1", EVE, BOB), "no space left", done=False), queued("m2", EVE, BOB)]
    found = stats(messages, NOW + 1e5, 10)
    assert (found["unwritten"], found["due"]) == (1, 1)
    assert "not written  1" in list(stats_lines(messages, NOW, 10, 80))


def test_programs_see_why_it_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    show_messages([after(queued("m1", EVE, BOB), "no space left", done=True), queued("m2", EVE, BOB)])
    assert [one["unwritten"] for one in json.loads(capsys.readouterr().out)] == ["no space left", ""]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (59, "59 s"), (240, "4 min"), (3600, "60 min"), (7200, "2 h"), (86400, "24 h"), (5 * 86400, "5 d")],
)
def test_span(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_what_is_under_way_is_not_due(capsys: pytest.CaptureFixture[str]) -> None:
    under_way = msgspec.structs.replace(queued("m1", EVE, BOB), due=NOW - 5, trying=NOW - 4)
    due = msgspec.structs.replace(queued("m2", EVE, BOB), due=NOW - 5)
    rows = [line.split() for line in table([under_way, due], NOW, 0) if line.startswith("m")]
    assert [row[5] for row in rows if row[0] in ("m1", "m2")] == ["trying", "now"]
    assert "  It is being tried now, for 4 s so far, and is given up at " in "\n".join(why(under_way, NOW))
    held = "\n".join(why(msgspec.structs.replace(under_way, held=True), NOW))
    assert "It is being tried now, for 4 s so far, and is held after that." in held
    assert "  It is due now, waits for its turn at its destination, and is given up at " in "\n".join(why(due, NOW))
    found = stats([under_way, due], NOW, 1)
    assert (found["trying"], found["due"]) == (1, 1)
    assert "being tried  1" in stats_lines([under_way, due], NOW, 1, 0)
    show_messages([under_way, due])
    assert [one["trying"] for one in json.loads(capsys.readouterr().out)] == [NOW - 4, 0.0]
