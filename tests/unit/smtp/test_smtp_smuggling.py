"""SMTP smuggling: no malformed end of data ends a message, in any chunking, and nothing behind it becomes a command.

A sending server that lets such a sequence through in a body would otherwise vouch for a second, forged message
(CVE-2023-51764 and its kin).
"""

from __future__ import annotations

import itertools

import pytest

from mailsuite.smtp import events
from mailsuite.smtp.extensions import Options
from mailsuite.smtp.reply import reply
from mailsuite.smtp.server import ServerCore
from mailsuite.smtp.states import State
from mailsuite.wire.signals import NEED_DATA

#: What some server has taken for CR LF . CR LF at some time, and its neighbours.
FALSE_ENDS = [
    b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\r.\n", b"\n.\r", b"\n\n.\n\n",
    b"\r\r.\r\r", b"\r\n\x00.\r\n", b"\r\n.\x00\r\n", b"\r\n.\r\x00\n", b"\r\n.\x0b\r\n", b"\r\n.\x0c\r\n",
    b"\r\n. \r\n", b"\r\n .\r\n", b"\r\n.\r\r\n", b"\r\n\r.\r\n", b"\n\r.\r\n", b"\r\n.\x85\r\n",
    b"\r\n.\xe2\x80\xa8\r\n", b"\x85.\x85", b"\r\n..\r\n", b"\r\n.\t\r\n",
]  # fmt: skip
FORGED = b"MAIL FROM:<admin@here.test>\r\nRCPT TO:<victim@here.test>\r\nDATA\r\nforged\r\n"
OPENING = b"EHLO x\r\nMAIL FROM:<a@far.test>\r\nRCPT TO:<bob@here.test>\r\nDATA\r\n"


def cuts_of(data: bytes, around: int) -> list[list[bytes]]:
    """Whole, octet by octet, and every way to cut once or twice near ``around``."""
    near = range(max(around - 6, 1), min(around + 8, len(data)))
    ways = [[data], [data[i : i + 1] for i in range(len(data))]]
    ways += [[data[:a], data[a:]] for a in near]
    ways += [[data[:a], data[a:b], data[b:]] for a, b in itertools.combinations(near, 2)]
    return ways


def session(pieces: list[bytes]) -> tuple[list[events.Event], ServerCore]:
    core, seen = ServerCore(Options("mx.test")), []
    for piece in pieces:
        core.receive(piece)
        while (event := core.next_event()) is not NEED_DATA:
            assert isinstance(event, events.Event)
            seen.append(event)
            if isinstance(event, events.MessageEnd):
                core.reply(reply(550, "5.6.0", "no") if event.faults else reply(250, "2.0.0", "Ok"))
            elif isinstance(event, events.Question):
                core.accept()
    return seen, core


@pytest.mark.parametrize("false_end", FALSE_ENDS, ids=repr)
@pytest.mark.parametrize("pipelined", [True, False], ids=["pipelined", "alone"])
def test_a_false_end_ends_nothing(false_end: bytes, pipelined: bool) -> None:
    opening = [] if pipelined else [OPENING]
    before = (OPENING if pipelined else b"") + b"Subject: x\r\n\r\nharmless"
    data = before + false_end + FORGED + b".\r\nNOOP\r\n"
    for pieces in cuts_of(data, len(before) + len(false_end) // 2):
        seen, core = session(opening + pieces)
        mails = [event for event in seen if isinstance(event, events.Mail)]
        ends = [event for event in seen if isinstance(event, events.MessageEnd)]
        body = b"".join(event.data for event in seen if isinstance(event, events.Chunk))
        assert [mail.sender.local for mail in mails] == ["a"]
        assert len(ends) == 1
        assert body.endswith(FORGED)
        assert core.state is State.READY
        assert core.data_to_send().endswith(b"\r\n250 2.0.0 Ok\r\n")


@pytest.mark.parametrize("false_end", FALSE_ENDS, ids=repr)
def test_what_another_server_could_take_for_an_end_is_refused(false_end: bytes) -> None:
    data = OPENING + b"harmless" + false_end + b"more\r\n.\r\n"
    (end,) = [event for event in session([data])[0] if isinstance(event, events.MessageEnd)]
    rest = false_end.replace(b"\r\n", b"")
    assert bool(end.faults) == any(octet in rest for octet in (b"\r", b"\n", b"\0"))


def test_the_true_end_ends_it() -> None:
    seen, _ = session([OPENING + b"one\r\n.\r\n" + FORGED + b".\r\n"])
    assert len([event for event in seen if isinstance(event, events.Mail)]) == 2
