"""The lines of the log, made for less: octet for octet what twistd's observer writes to a file or standard output,
but for what Twisted says of sockets that are nobody's business: each DNS look-up opens and closes one.

A busy server writes a line for each message, and Twisted reckons zone and date anew for each, which costs more than all
the rest of it.  Here the time is spelled once a second, and a text that needs no formatting is taken as it is.  Where
the lines go, when files are rotated, and what ``--syslog`` and ``--logger`` do, is twistd's business as ever.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

from twisted.logger import (
    FileLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogPublisher,
    formatEventAsClassicLogText,
    formatTime,
    globalLogPublisher,
)

#: The format of an event whose text is its field ``line``, and what such an event has.
_LINE = "{line}"
_FIELDS = frozenset(("line", "log_time", "log_namespace", "log_level"))
#: How Twisted itself writes to the log.
_OF_TWISTED = "log_legacy"
#: A look-up's socket (``routing.dns_backend``), and the sign that a Unix socket's name is not its port's to remove
#: (``services.unix_port``), as it is and as ``repr`` has it.
_LOOK_UP = re.compile(r"_Datagrams starting on [0-9]+|\(UDP Port [0-9]+ Closed\)")
_MARK = re.compile(r"\0|\\x00(?=/)")
_SPECIAL = frozenset(("log_failure", "log_system"))
_SAMPLE = {"log_format": "x", "log_time": 1e9, "log_namespace": "mailsuite", "log_level": LogLevel.info}


def write_lines_quickly(publisher: LogPublisher = globalLogPublisher) -> None:
    """From now on, wherever such lines are written: an observer that makes others (JSON, another time) keeps on."""
    observers: Iterable[ILogObserver] = publisher._observers  # no other way to the one that twistd made
    for observer in observers:
        if isinstance(observer, FileLogObserver) and observer.formatEvent(_SAMPLE) == text_of(_SAMPLE):
            observer.formatEvent = text_of


def text_of(event: LogEvent) -> str | None:
    """The line, with its end; None for none."""
    if event.get("log_namespace") == _OF_TWISTED:
        text = str(event.get("log_text", ""))
        if _LOOK_UP.fullmatch(text):
            return None
        event = {**event, "log_text": _MARK.sub("", text)}
    if event.get("log_format") != _LINE or not event.keys() >= _FIELDS or event.keys() & _SPECIAL:
        return formatEventAsClassicLogText(event, formatTime=_time)
    text = str(event["line"]).replace("\n", "\n\t")
    return f"{_time(event['log_time'])} [{event['log_namespace']}#{event['log_level'].name}] {text}\n"


def _time(when: float | None) -> str:
    return formatTime(when) if when is None else _second(int(when))


@functools.lru_cache(4)
def _second(when: int) -> str:
    return formatTime(when)
