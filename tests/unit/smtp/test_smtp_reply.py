"""smtp.reply: replies written and read, RFC 5321 §4.2 and RFC 2034."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.model import Status
from mailsuite.smtp.reply import LINE_LIMIT, ProtocolError, Reply, ReplyParser, reply
from mailsuite.wire.signals import NEED_DATA


def read(*pieces: bytes) -> list[Reply]:
    parser, got = ReplyParser(), []
    for piece in pieces:
        parser.receive(piece)
        while isinstance(found := parser.next_reply(), Reply):
            got.append(found)
        assert found is NEED_DATA
    return got


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        (reply(220, "", "mx.example.org ESMTP"), b"220 mx.example.org ESMTP\r\n"),
        (reply(250, "2.1.0", "Ok"), b"250 2.1.0 Ok\r\n"),
        (reply(550, "5.1.1", "No such user", "here"), b"550-5.1.1 No such user\r\n550 5.1.1 here\r\n"),
        (reply(250, "", "mx", "SIZE 1", "HELP"), b"250-mx\r\n250-SIZE 1\r\n250 HELP\r\n"),
        (reply(354, "", ""), b"354 \r\n"),
        (Reply(354, None, ()), b"354 \r\n"),
    ],
)
def test_a_reply_is_written_as_the_rfc_says(value: Reply, wire: bytes) -> None:
    assert value.encode() == wire


@pytest.mark.parametrize("text", ["a\r\n250 ok", "a\nb", "a\0b", "caf\u00e9", "\x7f", "x\u2028y"])
def test_no_text_begins_a_second_reply(text: str) -> None:
    wire = reply(550, "5.7.1", text).encode()
    assert wire.startswith(b"550 5.7.1 ")
    assert wire.endswith(b"\r\n")
    assert wire.count(b"\n") == wire.count(b"\r") == 1
    assert wire.isascii()


def test_a_long_text_keeps_to_the_line_limit() -> None:
    wire = reply(550, "5.7.1", "x" * 2000).encode()
    lines = wire.splitlines(keepends=True)
    assert all(len(line) <= LINE_LIMIT for line in lines)
    assert [line[:4] for line in lines[:-1]] == [b"550-"] * (len(lines) - 1)
    assert wire.count(b"x") == 2000


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        (b"250 2.1.5 Ok\r\n", reply(250, "2.1.5", "Ok")),
        (b"250 Ok\r\n", reply(250, "", "Ok")),
        (b"250\r\n", reply(250, "", "")),
        (b"250 \r\n", reply(250, "", "")),
        (b"250-mx hello\r\n250-SIZE 1\r\n250 HELP\r\n", reply(250, "", "mx hello", "SIZE 1", "HELP")),
        (b"550-5.1.1 a\r\n550-5.1.1\r\n550 5.1.1 b\r\n", reply(550, "5.1.1", "a", "", "b")),
        (b"450 5.1.1 x\r\n", reply(450, "", "5.1.1 x")),
        (b"250 2.1.5\r\n", reply(250, "2.1.5", "")),
        (b"250 127.0.0.1 x\r\n", reply(250, "", "127.0.0.1 x")),
        (b"250 Ok\n", reply(250, "", "Ok")),
        (b"250-a\r\n550 b\r\n", reply(550, "", "a", "b")),
        (b"550 caf\xe9\r\n", reply(550, "", "caf\ufffd")),
    ],
)
def test_a_reply_is_read_whole_and_in_pieces(wire: bytes, expected: Reply) -> None:
    assert read(wire) == [expected]
    assert read(*[wire[i : i + 1] for i in range(len(wire))]) == [expected]
    assert read(wire * 3) == [expected] * 3


@pytest.mark.parametrize(
    "wire",
    [b"hello\r\n", b"\r\n", b"25 x\r\n", b"2500 x\r\n", b"150 x\r\n", b"650 x\r\n", b"250x\r\n", b"250 " + b"x" * 5000,
     b"250-x\r\n" * 300],
)  # fmt: skip
def test_what_is_not_smtp_is_a_protocol_error(wire: bytes) -> None:
    with pytest.raises(ProtocolError):
        read(wire + b"\r\n")


@given(st.binary(max_size=200))
def test_random_octets_raise_nothing_else(data: bytes) -> None:
    parser = ReplyParser()
    parser.receive(data)
    try:
        while parser.next_reply() is not NEED_DATA:
            pass
    except ProtocolError:
        pass


TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=80)


@given(st.sampled_from([250, 450, 550]), st.booleans(), st.lists(TEXTS.map(lambda t: "w" + t), min_size=1, max_size=4))
def test_what_was_written_is_read_back(code: int, enhanced: bool, lines: list[str]) -> None:
    value = Reply(code, Status(code // 100, 1, 1) if enhanced else None, tuple(lines))
    assert read(value.encode()) == [value]


def test_a_line_that_does_not_end_is_not_waited_for() -> None:
    parser = ReplyParser(line_limit=100)
    parser.receive(b"250 " + b"x" * 95)
    assert parser.next_reply() is NEED_DATA
    parser.receive(b"x")
    with pytest.raises(ProtocolError):
        parser.next_reply()
