"""What is written down of messages, and a life read out of it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from twisted.internet.task import Clock

from mailsuite.cli.track_table import lines_of
from mailsuite.errors import Temporary
from mailsuite.happenings import (
    Accepted,
    Checked,
    Connected,
    Happening,
    Moved,
    Notified,
    Placed,
    Read,
    Refused,
    Removed,
    Rewritten,
    Routed,
    Steered,
    Tried,
    Waiting,
)
from mailsuite.offload import Inline
from mailsuite.testing.results import result_of
from mailsuite.track.database import Database, Row, reading
from mailsuite.track.life import Life, found, life
from mailsuite.track.recorder import EVERY, MOST, Recorder

HEADER = b"Subject: x\r\nMessage-Id: <m_1%@b>\r\n\r\n"


class Memory:
    def __init__(self) -> None:
        self.batches: list[Sequence[Row]] = []
        self.closed = False

    def write(self, rows: Sequence[Row], now: float) -> None:
        self.batches.append(rows)

    def close(self) -> None:
        self.closed = True


def accepted(id: str, to: str = "c@d", sender: str = "a@b", at: float = 1.0) -> Accepted:
    return Accepted(at, id, sender, (to,), 10, "192.0.2.1:1", header=HEADER)


def written(path: Path, *happenings: Happening) -> str:
    clock = Clock()
    recorder = Recorder(Database(str(path), 1e9, 1 << 30), clock, Inline())
    for one in happenings:
        recorder.happened(one)
    clock.advance(EVERY)
    result_of(recorder.close())
    return str(path)


def ids(path: str, what: str, last: int = 10) -> list[str]:
    with reading(path) as connection:
        return list(found(connection, what, last))


def told(path: str, id: str) -> list[Happening]:
    with reading(path) as connection:
        return list(life(connection, id).happenings)


# -- writing -----------------------------------------------------------------------------------------------------------


def test_what_happens_after_the_end_starts_no_timer() -> None:
    """A result that a thread brings when the server has stopped."""
    rows, clock = Memory(), Clock()
    recorder = Recorder(rows, clock, Inline())
    recorder.happened(accepted("1"))
    result_of(recorder.close())
    recorder.happened(accepted("2"))
    assert clock.getDelayedCalls() == []
    assert [len(batch) for batch in rows.batches] == [1]


def test_what_one_client_reads_within_a_second_is_one_row() -> None:
    rows, clock = Memory(), Clock()
    recorder = Recorder(rows, clock, Inline())
    for uid in (3, 4, 4, 5):
        recorder.happened(Read(float(uid), "a@b/INBOX", (uid,), "read by POP3"))
    recorder.happened(Removed(6.0, "a@b/INBOX", (3,), "expunged"))
    recorder.happened(Read(7.0, "a@b/INBOX", (6, 7), "read by POP3"))
    recorder.happened(Read(8.0, "a@b/INBOX", (8,), "read by IMAP"))
    recorder.happened(Read(9.0, "c@d/INBOX", (9,), "read by IMAP"))
    clock.advance(EVERY)
    written = [msgspec.json.decode(data, type=Read | Removed) for _, _, data in rows.batches[0]]
    assert [(one.at, one.place, one.uids) for one in written] == [
        (3.0, "a@b/INBOX", (3, 4, 5)),
        (6.0, "a@b/INBOX", (3,)),
        (7.0, "a@b/INBOX", (6, 7)),
        (8.0, "a@b/INBOX", (8,)),
        (9.0, "c@d/INBOX", (9,)),
    ]


def test_a_second_is_one_batch_and_nothing_is_written_before() -> None:
    rows, clock = Memory(), Clock()
    recorder = Recorder(rows, clock, Inline())
    recorder.happened(accepted("1"))
    clock.advance(EVERY / 2)
    recorder.happened(Placed(1.5, "1", "c@d/INBOX", 1))
    assert rows.batches == []
    clock.advance(EVERY / 2)
    assert [[row[1] for row in batch] for batch in rows.batches] == [["1", "1"]]
    clock.advance(10 * EVERY)
    assert len(rows.batches) == 1
    assert b"Subject" not in rows.batches[0][0][2]


def test_what_waits_is_bounded_and_written_at_the_end() -> None:
    rows, clock = Memory(), Clock()
    recorder = Recorder(rows, clock, Inline())
    one = Placed(1.0, "1", "c@d/INBOX", 1)
    for _ in range(MOST + 5):
        recorder.happened(one)
    result_of(recorder.close())
    assert [len(batch) for batch in rows.batches] == [MOST]
    assert rows.closed
    assert clock.getDelayedCalls() == []


def test_what_is_too_old_goes(tmp_path: Path) -> None:
    database = Database(str(tmp_path / "x"), keep=100.0, size=1 << 30)
    database.write([(float(at), str(at), b"{}") for at in range(0, 200, 10)], now=150.0)
    database.write([(200.0, "new", b"{}")], now=200.0)
    with reading(str(tmp_path / "x")) as connection:
        (oldest,) = connection.execute("SELECT min(at) FROM happenings").fetchone()
    assert oldest == 100.0
    database.close()


def test_the_file_does_not_outgrow_its_size(tmp_path: Path) -> None:
    database = Database(str(tmp_path / "x"), keep=1e9, size=1 << 20)
    for batch in range(40):
        database.write([(float(batch), f"{batch}", b"x" * 500)] * 1000, now=float(batch))
    database.close()
    assert (tmp_path / "x").stat().st_size < 4 << 20
    with reading(str(tmp_path / "x")) as connection:
        assert connection.execute("SELECT max(at) FROM happenings").fetchone() == (39.0,)


def test_a_file_that_is_no_database_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"garbage" * 1000)
    database = Database(str(path), 100.0, 1 << 20)
    with pytest.raises(Temporary):
        database.write([(1.0, "1", b"{}")], 1.0)
    database.write([(1.0, "1", b"{}")], 1.0)
    assert (tmp_path / "x.broken").exists()
    database.close()


def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    assert Path(written(tmp_path / "x", accepted("1"))).stat().st_mode & 0o777 == 0o600


# -- finding -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "messages"),
    [
        ("1", ["1"]),
        ("c@d", ["1", "3"]),
        ("C@D", ["1", "3"]),
        ("a@b", ["1", "2"]),
        ("<a@b>", ["1", "2"]),
        ("m_1%@b", ["1", "2", "3"]),
        ("<m_1%@b>", ["1", "2", "3"]),
        ("mx1%@b", []),
        ("%", []),
        ('"odd"@d', ["4"]),
        ("ö@d", ["5"]),
        ("box@here", ["3"]),
        ("@d", []),
        ("nobody@x", ["6"]),
        ("was@d", ["3"]),
    ],
)
def test_messages_are_found_by_id_address_and_message_id(tmp_path: Path, what: str, messages: list[str]) -> None:
    path = written(
        tmp_path / "x",
        accepted("1"),
        accepted("2", "xc@d"),
        accepted("3", sender="x@y"),
        Accepted(1.0, "4", "x@y", ('"odd"@d',), 1, "c"),
        Accepted(1.0, "5", "x@y", ("ö@d",), 1, "c"),
        Rewritten(1.0, "3", "was@d", "c@d"),
        Placed(1.0, "3", "box@here/INBOX", 7),
        Read(1.0, "box@here/INBOX", (7,), "read"),
        Refused(1.0, "6", "x@y", "nobody@x", "c", "550 no"),
    )
    assert ids(path, what) == messages


def test_only_the_newest_are_given(tmp_path: Path) -> None:
    path = written(tmp_path / "x", *(accepted(str(n)) for n in range(20)))
    assert ids(path, "c@d", last=3) == ["17", "18", "19"]


def test_a_life_goes_on_in_mailboxes_until_it_is_removed(tmp_path: Path) -> None:
    placed, moved = Placed(2.0, "1", "c@d/INBOX", 5), Moved(4.0, "c@d/INBOX", (4, 5), "c@d/A", (1, 2), False)
    path = written(
        tmp_path / "x",
        Read(-100.0, "c@d/INBOX", (5,), "of an earlier mailbox of that name"),
        accepted("1"),
        placed,
        Placed(2.0, "2", "c@d/INBOX", 4),
        Read(3.0, "c@d/INBOX", (4,), "of another"),
        Read(3.0, "c@d/INBOX", (3, 5), "read by IMAP"),
        Moved(3.5, "c@d/INBOX", (5,), "c@d/Copy", (9,), True),
        moved,
        Read(5.0, "c@d/INBOX", (5,), "another one with that UID"),
        Read(5.0, "c@d/A", (1,), "of another"),
        Removed(6.0, "c@d/A", (1, 2, 3), "expunged by POP3"),
        Read(7.0, "c@d/A", (2,), "after its end"),
    )
    assert told(path, "1")[1:] == [
        placed,
        Read(3.0, "c@d/INBOX", (5,), "read by IMAP"),
        Moved(3.5, "c@d/INBOX", (5,), "c@d/Copy", (9,), True),
        Moved(4.0, "c@d/INBOX", (5,), "c@d/A", (2,), False),
        Removed(6.0, "c@d/A", (2,), "expunged by POP3"),
    ]
    assert told(path, "nothing") == []


SPF = b"Received-SPF: pass (mx.d)\r\n\tclient-ip=192.0.2.1\r\n"
DKIM = b"Authentication-Results: mx.d; dkim=pass\r\n"


def test_a_life_begins_with_the_connection_and_the_checks(tmp_path: Path) -> None:
    brought = Accepted(
        *(9.0, "1", "a@b", ("c@d",), 10, "192.0.2.1:1", "smtp", "h", "TLSv1.3", "u@x", HEADER, ""),
        *(5.0, True, ("relay", "size"), SPF + DKIM),
    )
    no = Refused(8.0, "1", "a@b", "x@d", "192.0.2.1:1", "550 no", "h", "smtp", "TLSv1.3", "u@x", 5.0, True)
    path = written(tmp_path / "x", no, Rewritten(8.5, "1", "x@y", "c@d"), brought, Placed(9.5, "1", "c@d/INBOX", 1))
    connected, refused, rewritten, checked, accepted, _ = told(path, "1")
    assert connected == Connected(5.0, "1", "192.0.2.1:1", "smtp", "h", "TLSv1.3", "u@x", True)
    assert (refused, type(rewritten)) == (no, Rewritten)
    found = ("Received-SPF: pass (mx.d) client-ip=192.0.2.1", "Authentication-Results: mx.d; dkim=pass")
    assert checked == Checked(9.0, "1", ("relay", "size"), found)
    assert isinstance(accepted, Accepted)
    assert (accepted.message_id, accepted.header, accepted.fields) == ("<m_1%@b>", b"", b"")
    with reading(path) as connection:
        assert connection.execute("SELECT count(*) FROM happenings").fetchone() == (4,)


def test_what_checks_found_is_bounded(tmp_path: Path) -> None:
    fields = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 5000) for number in range(100))
    many = Accepted(9.0, "1", "a@b", ("c@d",), 10, "192.0.2.1:1", since=5.0, checks=("relay",), fields=fields)
    _, checked, _ = told(written(tmp_path / "x", many), "1")
    assert isinstance(checked, Checked)
    assert len(checked.results) <= 20
    assert max(map(len, checked.results)) <= 1000


def test_what_no_connection_brought_has_none(tmp_path: Path) -> None:
    (only,) = told(written(tmp_path / "x", accepted("1")), "1")
    assert isinstance(only, Accepted)
    (line,) = (line for line in lines_of(Life("1", (only,)), 200) if "accepted" in line)
    assert "client 192.0.2.1:1" in line


def test_who_reads_before_the_delivery_is_told_is_not_missed(tmp_path: Path) -> None:
    read, removed = Read(1.9, "c@d/INBOX", (5,), "read by POP3"), Removed(1.95, "c@d/INBOX", (5,), "expunged by POP3")
    path = written(tmp_path / "x", accepted("1"), read, removed, Placed(2.0, "1", "c@d/INBOX", 5))
    assert told(path, "1")[1:] == [Placed(1.9, "1", "c@d/INBOX", 5), read, removed]


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"garbage" * 1000)
    with pytest.raises(Temporary), reading(str(tmp_path / "x")) as connection:
        found(connection, "x", 1)
    with pytest.raises(Temporary), reading(str(tmp_path / "gone")) as connection:
        found(connection, "x", 1)
    assert issubclass(sqlite3.DatabaseError, sqlite3.Error)


# -- showing -----------------------------------------------------------------------------------------------------------


def test_everything_has_its_line_and_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    happenings = (
        Connected(0.0, "1", "192.0.2.1:25", "smtp", "h", "TLSv1.3", "u@x", trusted=True),
        Checked(0.0, "1", ("relay", "size", "loop"), ("Received-SPF: pass",)),
        Accepted(0.0, "1", "a@b", ("c@d", "e@f"), 10_240, "192.0.2.1:25", "smtp", "h", "TLSv1.3", "u@x", b"", "<m@b>"),
        Rewritten(0.5, "1", "was@d", "c@d"),
        Refused(1.0, "1", "a@b", "", "192.0.2.1:25", "550 5.7.1 \x1b[31mno"),
        Waiting(2.0, "1", ("e@f",)),
        Routed(3.0, "1", "f", ("mx.f:25",)),
        Tried(4.0, "1", "e@f", "delayed", "mx.f", "450 4.7.1 greylisted, " + "word " * 30),
        Steered(5.0, "1", "hold", ""),
        Steered(6.0, "1", "reroute", "mx9.f:26"),
        Steered(7.0, "1", "reroute", ""),
        Steered(8.0, "1", "bounce", "go\x1b[2J away"),
        Tried(90_000.0, "1", "e@f", "delivered", "mx.f", "250 ok"),
        Tried(90_000.5, "1", "g@h", "delivered", "discarded here", "discarded"),
        Notified(90_001.0, "1", "2", "a@b"),
        Placed(90_002.0, "1", "c@d/INBOX", 3),
        Read(90_003.0, "c@d/INBOX", (3,), "read by IMAP"),
        Moved(90_004.0, "c@d/INBOX", (3,), "c@d/A", (1,), True),
        Removed(90_005.0, "c@d/INBOX", (3,), "expunged by POP3"),
    )
    text = list(lines_of(Life("1", happenings), 80))
    assert "  00:00:00  checked   relay, size, loop: nothing against it; Received-SPF: pass" in text
    assert " ".join(text[2].split() + text[3].split()) == (
        "00:00:00 connected client 192.0.2.1:25, smtp, helo h, TLSv1.3, logged in as u@x, of a trusted network"
    )
    assert any(line.endswith("discarded <g@h>: by the transport table; nobody is told") for line in text)
    assert all(len(line) <= 80 for line in text)
    assert "\x1b" not in "".join(text)
    assert [line[22:] for line in text if "  ordered " in line] == [
        "hold",
        "to go by mx9.f:26",
        "to go by the usual way",
        "bounce: go?[2J away",
    ]
    assert text[:2] == ["1", "  1970-01-01"]
    assert "  1970-01-02" in text
    starts = [line[12:22].strip() for line in text if line[2:4].isdigit() and ":" in line[2:10]]
    assert starts == [
        *("connected", "checked", "accepted", "rewritten", "refused", "queued", "routed", "delayed"),
        *["ordered"] * 4,
        *("sent", "discarded", "notice", "delivered", "read", "copied", "removed"),
    ]
