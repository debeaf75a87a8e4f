"""smtp.params, smtp.grammar, smtp.esmtp and smtp.received."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.model import Address, BodyType, Client, Recipient
from mailsuite.smtp.esmtp.extension import ParameterError, Session
from mailsuite.smtp.esmtp.table import EXTENSIONS, offer
from mailsuite.smtp.events import Mail
from mailsuite.smtp.extensions import Options
from mailsuite.smtp.grammar import CommandError, parse_auth, parse_greeting, parse_mail, parse_rcpt, split_command
from mailsuite.smtp.greeting import greeting
from mailsuite.smtp.params import parse_parameters
from mailsuite.smtp.received import date, protocol, received
from mailsuite.smtp.reply import Reply

SESSION = Session(Options("mx.test", mechanisms=("PLAIN",)), secure=True, authenticated=False)
OFFER = offer(SESSION)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        (" ", {}),
        (" SIZE=0", {"size": 0}),
        (" size=12345678901234567890", {"size": 12345678901234567890}),
        (" BODY=7bit", {"body": BodyType.SEVEN_BIT}),
        ("  BODY=8BITMIME   SIZE=7", {"size": 7, "body": BodyType.EIGHT_BIT_MIME}),
        (" AUTH=<>", {}),
        (" AUTH=e+3Dmc2@example.com", {}),
    ],
)
def test_known_parameters_are_read(text: str, expected: dict[str, object]) -> None:
    assert parse_parameters(text, OFFER.mail, SESSION, 0.0) == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("SIZE=1", 501),
        (" SIZE", 501),
        (" SIZE=", 501),
        (" SIZE=-1", 501),
        (" SIZE=1=2", 501),
        (" SIZE=123456789012345678901", 501),
        (" SIZE=1 SIZE=1", 501),
        (" SIZE=1\tBODY=7BIT", 501),
        (" BODY=9BIT", 501),
        (" BODY", 501),
        (" AUTH=a+b", 501),
        (" AUTH", 501),
        (" -X=1", 501),
        (" X", 555),
    ],
)
def test_a_wrong_value_and_an_unknown_parameter_differ(text: str, code: int) -> None:
    with pytest.raises(ParameterError) as caught:
        parse_parameters(text, OFFER.mail, SESSION, 0.0)
    assert caught.value.code == code


def test_what_is_not_offered_is_not_known() -> None:
    without = Session(Options("mx.test", without=frozenset({"SIZE"})), secure=False, authenticated=False)
    assert "SIZE" not in offer(without).mail
    assert not any(line.startswith("SIZE") for line in greeting(without, True, 0.0).lines)


def test_every_parameter_fills_a_field_of_its_event() -> None:
    """A misspelled field would only show when a client uses it."""
    for extension in EXTENSIONS:
        for parameters, event in ((extension.mail, Mail), (extension.rcpt, Recipient)):
            assert {parameter.field for parameter in parameters} - {""} <= set(event.__struct_fields__)


@given(st.text(st.characters(max_codepoint=127), max_size=60))
def test_commands_raise_nothing_but_command_errors(text: str) -> None:
    def split(argument: str) -> object:
        return split_command(argument.encode())

    def greet(argument: str) -> object:
        return parse_greeting(argument, extended=True)

    def mail(argument: str) -> object:
        return parse_mail(argument, OFFER, float)

    def rcpt(argument: str) -> object:
        return parse_rcpt(argument, OFFER, float)

    replies: list[Reply] = []
    for parse in (mail, rcpt, parse_auth, greet, split):
        for argument in (text, "FROM:<a@b>" + text, "TO:<" + text):
            try:
                parse(argument)
            except CommandError as error:
                replies.append(error.reply)
    assert all(answer.code in (500, 501, 555) and answer.status is not None for answer in replies)


def test_a_verb_is_read_in_any_case_with_space_behind() -> None:
    command = split_command(b"noop  a b \t")
    assert (command.verb, command.argument) == ("NOOP", "a b")


def options_of(lines: tuple[str, ...]) -> set[str]:
    return {line.split(" ")[0] for line in lines[1:]}


@pytest.mark.parametrize(
    ("secure", "in_clear", "authenticated", "offered"),
    [
        (False, False, False, {"STARTTLS"}),
        (False, True, False, {"STARTTLS", "AUTH"}),
        (True, False, False, {"AUTH"}),
        (True, False, True, set()),
    ],
)
def test_only_what_can_be_used_is_offered(secure: bool, in_clear: bool, authenticated: bool, offered: set[str]) -> None:
    options = Options("mx.test", starttls=True, mechanisms=("PLAIN",), auth_in_clear=in_clear)
    found = options_of(greeting(Session(options, secure, authenticated), True, 0.0).lines)
    assert found & {"STARTTLS", "AUTH"} == offered
    assert {"PIPELINING", "SIZE", "8BITMIME", "ENHANCEDSTATUSCODES"} <= found


BOB, EVE = Recipient(Address("bob", "here.test")), Recipient(Address("eve", "here.test"))


def test_the_trace_field_stands_as_the_rfc_says() -> None:
    client = Client("192.0.2.1", 4000, "submission", "client.test", "TLSv1.3", "alice@here.test")
    assert received(client, True, "mx.test", "ID1", (BOB,), 1_750_000_000.9) == (
        b"Received: from client.test ([192.0.2.1])\r\n"
        b"\tby mx.test with ESMTPSA (TLSv1.3) id ID1\r\n"
        b"\tfor <bob@here.test>;\r\n"
        b"\tSun, 15 Jun 2025 15:06:40 +0000\r\n"
    )


@pytest.mark.parametrize(
    "helo", ["", "a_b", "x\r\nEvil: yes", "a b", "(x", "x;", "caf\u00e9", "a" * 300, "[1.2.3.4.5]", "here)"]
)
def test_no_name_of_a_client_breaks_the_trace_field(helo: str) -> None:
    field = received(Client("2001:db8::1", 1, "smtp", helo), True, "mx.test", "I", (BOB, EVE), 0.0)
    assert field == (
        b"Received: from [IPv6:2001:db8::1] ([IPv6:2001:db8::1])\r\n"
        b"\tby mx.test with ESMTP id I;\r\n"
        b"\tThu, 1 Jan 1970 00:00:00 +0000\r\n"
    )


def test_a_link_local_client_is_named_without_its_zone() -> None:
    field = received(Client("fe80::1%eth0", 1, "smtp", "x"), True, "mx.test", "I", (), 0.0)
    assert field.startswith(b"Received: from x ([IPv6:fe80::1])\r\n")


def test_postmaster_without_domain_has_no_for_clause() -> None:
    client = Client("192.0.2.1", 1, "smtp", "x")
    assert b"for" not in received(client, True, "mx.test", "I", (Recipient(Address("postmaster", "")),), 0.0)


@pytest.mark.parametrize(
    ("service", "tls", "account", "extended", "expected"),
    [
        ("smtp", "", "", False, "SMTP"),
        ("smtp", "", "", True, "ESMTP"),
        ("smtp", "TLSv1.3", "", True, "ESMTPS"),
        ("submission", "", "a@b", True, "ESMTPA"),
        ("submission", "TLSv1.2", "a@b", True, "ESMTPSA"),
        ("lmtp", "", "", True, "LMTP"),
        ("lmtp", "TLSv1.3", "", True, "LMTPS"),
    ],
)
def test_with_names_the_protocol(service: str, tls: str, account: str, extended: bool, expected: str) -> None:
    assert protocol(Client("::1", 1, service, "x", tls, account), extended) == expected


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "Thu, 1 Jan 1970 00:00:00 +0000"),
        (951_782_399, "Mon, 28 Feb 2000 23:59:59 +0000"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000"),
    ],
)
def test_dates_are_rfc_5322(seconds: int, text: str) -> None:
    assert date(seconds) == text


@pytest.mark.parametrize(("helo", "source"), [("filter.test", b"filter.test"), ("not a name", b"localhost")])
def test_a_client_on_a_unix_socket_has_no_address(helo: str, source: bytes) -> None:
    field = received(Client("", 0, "lmtp", helo), True, "mx.test", "I", (), 0.0)
    assert field.startswith(b"Received: from " + source + b"\r\n\tby mx.test with LMTP id I;")
