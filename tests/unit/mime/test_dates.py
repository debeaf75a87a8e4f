"""The Date field, RFC 5322 sections 3.3 and 4.3."""

import time
from datetime import UTC, date, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailsuite.mime.dates import parse_date


@pytest.mark.parametrize(
    ("value", "day", "utc"),
    [
        (b"Sun, 15 Jun 2025 12:00:00 +0200", date(2025, 6, 15), datetime(2025, 6, 15, 10, tzinfo=UTC)),
        (b"15 Jun 2025 12:00 +0000", date(2025, 6, 15), datetime(2025, 6, 15, 12, tzinfo=UTC)),
        (b"Sun,15 JUN 2025 23:30:00 -0130", date(2025, 6, 15), datetime(2025, 6, 16, 1, tzinfo=UTC)),
        (b"Thu, 13\n Feb 1969 23:32 -0330 (Newfoundland)", date(1969, 2, 13), datetime(1969, 2, 14, 3, 2, tzinfo=UTC)),
        (b"21 Nov 97 09:55:06 GMT", date(1997, 11, 21), datetime(1997, 11, 21, 9, 55, 6, tzinfo=UTC)),
        (b"21 Nov 49 09:55:06 EST", date(2049, 11, 21), datetime(2049, 11, 21, 14, 55, 6, tzinfo=UTC)),
        (b"21 Nov 102 09:55:06 PDT", date(2002, 11, 21), datetime(2002, 11, 21, 16, 55, 6, tzinfo=UTC)),
        (
            b"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600",
            date(1997, 11, 21),
            datetime(1997, 11, 21, 15, 55, 6, tzinfo=UTC),
        ),
        (b"Wed, 15 Dec 2010    59:10 +0000", date(2010, 12, 15), datetime(2010, 12, 15, tzinfo=UTC)),
        (b"Fri (x), 21 (y) Nov 1997", date(1997, 11, 21), datetime(1997, 11, 21, tzinfo=UTC)),
        (b"1 January 2000", date(2000, 1, 1), datetime(2000, 1, 1, tzinfo=UTC)),
        (b"1-Jan-2000 00:00:00 +0000", date(2000, 1, 1), datetime(2000, 1, 1, tzinfo=UTC)),
        (b"Sat, 1 Jan 2000 10.20.30 +0000", date(2000, 1, 1), datetime(2000, 1, 1, 10, 20, 30, tzinfo=UTC)),
    ],
)
def test_dates(value: bytes, day: date, utc: datetime) -> None:
    sent = parse_date(value)
    assert sent is not None
    assert sent.day == day.toordinal()
    assert datetime.fromtimestamp(sent.at, UTC) == utc


@pytest.mark.parametrize(
    "value", [b"", b"yesterday", b"32 Jan 2000", b"30 Feb 2000", b"1 Foo 2000", b"1 Jan", b"1 Jan 0000"]
)
def test_what_is_no_date(value: bytes) -> None:
    assert parse_date(value) is None


@settings(max_examples=100)
@given(
    st.datetimes(datetime(1950, 1, 1), datetime(9000, 1, 1)),
    st.integers(-23 * 60, 23 * 60),
)
def test_what_others_wrote_is_read(moment: datetime, offset: int) -> None:
    moment = moment.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=offset)))
    sent = parse_date(format_datetime(moment).encode())
    assert sent is not None
    assert sent.at == moment.timestamp()
    assert sent.day == moment.date().toordinal()


@settings(max_examples=200)
@given(
    st.lists(st.sampled_from([b"1", b"Jan", b"2000", b" ", b":", b",", b"(", b")", b"-", b"+0100", b"\xff"])).map(
        b"".join
    )
)
def test_anything_is_read_without_raising(value: bytes) -> None:
    parse_date(value)


def test_a_megabyte_costs_nothing() -> None:
    started = time.process_time()
    parse_date(b"Mon" + b" " * 1_000_000)
    parse_date(b"(" * 1_000_000)
    assert time.process_time() - started < 1.0
