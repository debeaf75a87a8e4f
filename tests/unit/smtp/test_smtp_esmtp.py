"""smtp.esmtp: parameters of extensions, whatever their value; what is offered to whom."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.model import Address, DeliverBy, Recipient
from mailsuite.smtp.esmtp.dsn import parse_envid, parse_orcpt
from mailsuite.smtp.esmtp.extension import ParameterError, Session
from mailsuite.smtp.esmtp.futurerelease import parse_hold_until
from mailsuite.smtp.esmtp.table import EXTENSIONS, nothing, offer
from mailsuite.smtp.esmtp.xtext import decode_xtext, is_xtext
from mailsuite.smtp.events import Mail
from mailsuite.smtp.extensions import Options, Who
from mailsuite.smtp.greeting import greeting

NOW = 1_750_000_000.0
ALL = Options(
    "mx.test", starttls=True, mechanisms=("PLAIN",), submission=True, hold_limit=60, trusted=True, shortest_by=30,
    vrfy=Who.TRUSTED, expn=Who.TRUSTED, etrn=Who.TRUSTED,
)  # fmt: skip
PARAMETERS = [parameter for extension in EXTENSIONS for parameter in (*extension.mail, *extension.rcpt)]


@given(st.text(max_size=60) | st.from_regex(r"[0-9;:+TZNR=,-]{0,30}", fullmatch=True))
def test_a_value_is_taken_or_a_parameter_error(value: str) -> None:
    session = Session(ALL, secure=True, authenticated=True)
    for parameter in PARAMETERS:
        try:
            settled = parameter.settle(parameter.parse(value), session, NOW)
        except ParameterError:
            continue
        if parameter.field in ("original", "notify"):
            Recipient(Address("a", "b"), **{parameter.field: settled})
        else:
            Mail(Address("a", "b"), **{parameter.field: settled})


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=60))
def test_xtext_comes_back(text: str) -> None:
    encoded = "".join(c if "!" <= c <= "~" and c not in "+=" else f"+{ord(c):02X}" for c in text)
    assert is_xtext(encoded)
    assert decode_xtext(encoded) == text
    if len(encoded) <= 100:
        assert parse_envid(encoded) == text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("rfc822;Bob@Example.ORG", "rfc822;Bob@Example.ORG"),
        ("RFC822;a+2Bb@c", "RFC822;a+b@c"),
        ("utf-8;b\\x{F6}b@c", "utf-8;b\\x{F6}b@c"),
        ("utf-8;böb@c", "utf-8;böb@c"),
        ("x400;/c+3Dse/", "x400;/c=se/"),
    ],
)
def test_an_original_recipient_keeps_its_type_and_case(value: str, expected: str) -> None:
    assert parse_orcpt(value) == expected


@pytest.mark.parametrize(
    "value", ["rfc822", "rfc822;", ";a@b", "rfc822;böb@c", "rfc822;a+zz", "r fc;a", "rfc822;" + "a" * 494]
)
def test_what_is_no_original_recipient_is_refused(value: str) -> None:
    with pytest.raises(ParameterError):
        parse_orcpt(value)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("1970-01-01T00:00:01Z", 1.0),
        ("1970-01-01t00:00:01.5z", 1.5),
        ("1970-01-01T01:00:00+01:00", 0.0),
        ("1969-12-31T23:00:00-01:00", 0.0),
    ],
)
def test_a_date_and_time_is_read_in_its_zone(value: str, seconds: float) -> None:
    assert parse_hold_until(value) == seconds


#: XCLIENT is for proxies: tests/unit/smtp/test_smtp_xclient.py.
KEYWORDS = {extension.keyword for extension in EXTENSIONS} - {"XCLIENT"}


@pytest.mark.parametrize(
    ("options", "secure", "authenticated", "missing"),
    [
        (ALL, False, False, {"REQUIRETLS", "AUTH"}),
        (ALL, True, False, {"STARTTLS"}),
        (ALL, True, True, {"STARTTLS", "AUTH"}),
        (Options("mx.test"), False, False, {"STARTTLS", "REQUIRETLS", "AUTH", "FUTURERELEASE", "ETRN", "VRFY", "EXPN"}),
        (Options("mx.test"), True, True, {"STARTTLS", "AUTH", "FUTURERELEASE", "ETRN"}),
        (Options("mx.test", vrfy=Who.NOBODY, without=frozenset(KEYWORDS - {"VRFY"})), True, True, KEYWORDS),
        (Options("mx.test", without=frozenset({"CHUNKING"})), True, True,
         {"STARTTLS", "AUTH", "FUTURERELEASE", "ETRN", "CHUNKING", "BINARYMIME"}),
    ],
)  # fmt: skip
def test_an_extension_is_offered_where_it_works(
    options: Options, secure: bool, authenticated: bool, missing: set[str]
) -> None:
    session = Session(options, secure, authenticated)
    assert {extension.keyword for extension in offer(session).extensions} == KEYWORDS - missing
    lines = greeting(session, True, int(NOW)).lines[1:]
    assert {line.split(" ")[0] for line in lines} == KEYWORDS - missing


def test_after_helo_no_parameter_is_known_and_lines_are_as_short_as_ever() -> None:
    plain = nothing(Session(ALL, secure=True, authenticated=True))
    assert not plain.mail
    assert not plain.rcpt
    assert plain.longer == 0


def test_lines_may_be_as_long_as_the_parameters_of_all_extensions() -> None:
    """RFC 3461 §5.4 alone asks for 500 octets more in RCPT."""
    assert offer(Session(ALL, secure=True, authenticated=True)).longer >= 500


def test_times_are_counted_from_now() -> None:
    session = Session(ALL, secure=True, authenticated=True)
    by = next(parameter for parameter in PARAMETERS if parameter.keyword == "BY")
    assert by.settle(by.parse("60;RT"), session, NOW) == DeliverBy(NOW + 60, returned=True, traced=True)
    hold = next(parameter for parameter in PARAMETERS if parameter.keyword == "HOLDFOR")
    assert hold.settle(hold.parse("60"), session, NOW) == NOW + 60
    with pytest.raises(ParameterError):
        hold.settle(hold.parse("61"), session, NOW)
