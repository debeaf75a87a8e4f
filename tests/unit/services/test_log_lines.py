"""The quick lines of the log are the lines of twistd's own observer, and only those are replaced."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator

import pytest
from twisted.logger import (
    FileLogObserver,
    LogEvent,
    Logger,
    LogLevel,
    LogPublisher,
    globalLogPublisher,
    jsonFileLogObserver,
    textFileLogObserver,
)
from twisted.python import log
from twisted.python.failure import Failure

from mailsuite.routing.dns_backend import _Datagrams
from mailsuite.services.log_lines import text_of, write_lines_quickly

USUAL: LogEvent = {"log_namespace": "a.b", "log_level": LogLevel.info, "log_time": 1.7e9 + 0.75}


@pytest.fixture(params=["UTC", "Asia/Kathmandu", "America/New_York"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    "event",
    [
        {"log_format": "{line}", "line": "from=<a@b> {braces} %s"},
        {"log_format": "{line}", "line": "two\nlines"},
        {"log_format": "{line}", "line": "x", "log_system": "other"},
        {"log_format": "{line}", "line": "x", "log_time": None},
        {"log_format": "{line}"},
        {"log_format": "{id}: {error}", "id": "7", "error": "full"},
        {"log_format": "{line}", "line": "x", "log_failure": Failure(ZeroDivisionError("x"))},
        {"log_format": "it broke", "log_failure": Failure(ZeroDivisionError("x"))},
        {"log_format": ""},
        {"log_format": "{line}", "line": "x", "log_level": LogLevel.critical, "log_time": 1.8e9 - 0.01},
    ],
)
def test_the_text_is_twisteds(event: LogEvent, zone: str) -> None:
    event = {**USUAL, **event}
    text_of.__globals__["_second"].cache_clear()
    for _ in range(2):
        assert text_of(event) == textFileLogObserver(io.StringIO()).formatEvent(event)


def test_an_event_that_says_nothing_of_itself_is_no_harm() -> None:
    assert text_of({}) is None
    event: LogEvent = {"log_format": "{line}", "line": "x"}
    assert text_of(event) == textFileLogObserver(io.StringIO()).formatEvent(event)


@pytest.mark.parametrize("text", [f"{_Datagrams.__name__} starting on 55947", "(UDP Port 55947 Closed)"])
def test_the_socket_of_a_dns_look_up_is_no_line(text: str) -> None:
    assert text_of(said_by_twisted(text)) is None
    assert not _Datagrams.noisy


@pytest.mark.parametrize("form", ["SMTPServerFactory starting on {!r}", "(UNIX Port {} Closed)"])
def test_a_unix_socket_is_called_by_its_name(form: str) -> None:
    written = text_of(said_by_twisted(form.format("\0/run/lmtp")))
    assert written == text_of(said_by_twisted(form.format("/run/lmtp")))
    assert written is not None
    assert "\0" not in written


def said_by_twisted(text: str) -> LogEvent:
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    try:
        log.msg(text)
    finally:
        globalLogPublisher.removeObserver(events.append)
    return events[0]


def test_a_quick_line_is_written_where_twistds_was() -> None:
    file = io.StringIO()
    observer = textFileLogObserver(file)
    publisher = LogPublisher(observer)
    write_lines_quickly(publisher)
    assert observer.formatEvent is text_of
    Logger("a.b", observer=publisher).info("{line}", line="hello")
    assert file.getvalue().endswith(" [a.b#info] hello\n")


@pytest.mark.parametrize(
    "observer",
    [jsonFileLogObserver(io.StringIO()), textFileLogObserver(io.StringIO(), "%H:%M"), print],
    ids=["json", "another time", "something else"],
)
def test_other_observers_stay_as_they_are(observer: FileLogObserver) -> None:
    before = getattr(observer, "formatEvent", None)
    write_lines_quickly(LogPublisher(observer))
    assert getattr(observer, "formatEvent", None) is before
