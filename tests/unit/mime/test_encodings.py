"""Transfer encodings, charsets and encoded words."""

import base64
import quopri
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailsuite.mime.encodings import decode, decode_words, from_base64, from_quoted_printable, to_text


@pytest.mark.parametrize(
    ("data", "decoded"),
    [
        (b"aGVsbG8=", b"hello"),
        (b"aGVs\r\nbG8=\r\n", b"hello"),
        (b"aGVsbG8", b"hello"),
        (b"aG!Vs bG8=", b"hello"),
        (b"aGVsbG8=aGVsbG8=", b"hellohello"),
        (b"aGVsb", b"hel"),
        (b"", b""),
        (b"====", b""),
        (b"\xff\xff", b""),
    ],
)
def test_base64(data: bytes, decoded: bytes) -> None:
    assert from_base64(data) == decoded


@pytest.mark.parametrize(
    ("data", "decoded"),
    [
        (b"plain", b"plain"),
        (b"a=3Db", b"a=b"),
        (b"=e4=E4", b"\xe4\xe4"),
        (b"so=\r\nft", b"soft"),
        (b"so= \t\nft", b"soft"),
        (b"end \t\r\nx=20\r\n", b"end\r\nx \r\n"),
        (b"=zz =", b"=zz ="),
    ],
)
def test_quoted_printable(data: bytes, decoded: bytes) -> None:
    assert from_quoted_printable(data) == decoded


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_what_others_encoded_is_decoded(data: bytes) -> None:
    assert from_base64(base64.encodebytes(data)) == data
    assert from_quoted_printable(quopri.encodestring(data, quotetabs=True)) == data


@pytest.mark.parametrize(
    ("encoding", "decoded"),
    [(b" Base64 ", b"hi"), (b"7bit", b"aGk="), (b"x-uuencode", b"aGk="), (b"", b"aGk=")],
)
def test_the_encoding_is_a_word_in_any_case(encoding: bytes, decoded: bytes) -> None:
    assert decode(b"aGk=", encoding) == decoded


@pytest.mark.parametrize(
    ("data", "charset", "text"),
    [
        (b"\xc3\xa4", b"utf-8", "ä"),
        (b"\xe4", b"ISO-8859-1", "ä"),
        (b"\xc3\xa4", b"", "ä"),
        (b"\xc3\xa4", b"us-ascii", "ä"),
        (b"\xe4", b"klingon", "ä"),
        (b"\xe4", b"base64", "ä"),  # a codec, but none of characters
        (b"\xe4", b"rot13", "ä"),
        (b"\xe4", b"\xff\x00", "ä"),
        (b"\xe4 \xc3\xa4 \xc3", b"utf-8", "ä ä Ã"),
        (b"\xe4 \xc3\xa4", b"", "ä ä"),
        (b"\xe4 \xc3\xa4", b"klingon", "ä ä"),
        (b"\xed\xb2\x80", b"", "\xed\xb2\x80"),  # U+DC80, which is no character
        (b"\xff", b"shift_jis", "\N{REPLACEMENT CHARACTER}"),
        (b"\x82\xa0", b"shift_jis", "あ"),
        (b'\x1b$B$"\x1b(B', b"iso-2022-jp", "あ"),
        (b"+AOQ-", b"utf-7", "ä"),
    ],
)
def test_charsets(data: bytes, charset: bytes, text: str) -> None:
    assert to_text(data, charset) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"plain", "plain"),
        (b"=?utf-8?q?a_b=3D?=", "a b="),
        (b"=?UTF-8?B?w6Q=?= x", "ä x"),
        (b"=?iso-8859-1*de?Q?=e4?=", "ä"),
        # RFC 2047 section 8
        (b"(=?ISO-8859-1?Q?a?= b)", "(a b)"),
        (b"(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"),
        (b"(=?ISO-8859-1?Q?a?=  =?UTF-8?Q?b?=)", "(ab)"),
        (b"(=?ISO-8859-1?Q?a_b?=)", "(a b)"),
        # a character split between two words
        (b"=?utf-8?b?w6?= =?utf-8?q?=c3?= =?utf-8?q?=a4?=", "Ãä"),
        (b"=?utf-8?q?broken", "=?utf-8?q?broken"),
        (b"=?x?z?a?=", "=?x?z?a?="),
        (b"raw \xc3\xa4", "raw ä"),
    ],
)
def test_encoded_words(value: bytes, text: str) -> None:
    assert decode_words(value) == text


@settings(max_examples=200)
@given(st.lists(st.sampled_from([b"=?", b"?=", b"?", b"utf-8", b"q", b"b", b"=c3", b" ", b"\xff", b"x"])).map(b"".join))
def test_any_value_is_decoded(value: bytes) -> None:
    assert isinstance(decode_words(value), str)


@pytest.mark.parametrize("data", [b" " * 1_000_000, b"= " * 500_000, b"=?" * 500_000, b"=?a?q?" * 100_000])
def test_a_megabyte_of_anything_is_decoded_in_a_blink(data: bytes) -> None:
    started = time.process_time()
    from_quoted_printable(b"=" + data)
    from_base64(data)
    decode_words(data)
    assert time.process_time() - started < 2.0
