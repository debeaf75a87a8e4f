"""Notices as a person reads them and as a program does (with the standard library's parser as the judge)."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailsuite.mime.dsn import HEADER_LIMIT, Notice, build
from mailsuite.model import Address, Envelope, Failed, Recipient, Status

NOW = 1_700_000_000.0
AL, BOB, EVE = Address("al", "a.test"), Address("bob", "b.test"), Address("eve", "e.test")
HEADER = b"Message-ID: <1@a.test>\r\nFrom: al@a.test\r\nSubject: hello\r\n\r\n"
NO_USER = Failed(BOB, Status(5, 1, 1), "mx.b.test said to RCPT TO: 550 5.1.1 no", "mx.b.test", "550 5.1.1 no")
EXPIRED = Failed(EVE, Status(5, 4, 1), "mx.e.test[192.0.2.1]:25: no answer to the connection")


def notice(*failures: Failed, header: bytes = HEADER, age: float = 60.0, sender: Address = AL) -> Notice:
    recipients = (Recipient(BOB, "rfc822;Robert@b.test"), Recipient(EVE))
    envelope = Envelope("q1", sender, recipients, NOW - age, envid="QQ314")
    return Notice("n1", "us.test", NOW, envelope, failures or (NO_USER,), header)


def parsed(made: Notice) -> EmailMessage:
    octets = build(made)
    assert b"\n" not in octets.replace(b"\r\n", b"")
    assert b"\r" not in octets.replace(b"\r\n", b"")
    return cast(EmailMessage, email.message_from_bytes(octets, policy=email.policy.default))


def text_of(message: EmailMessage) -> str:
    return cast(EmailMessage, message.get_payload(0)).get_content().replace("\r\n", "\n")  # type: ignore[no-any-return]


def test_it_is_a_report_of_three_parts() -> None:
    message = parsed(notice())
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    kinds = [part.get_content_type() for part in message.iter_parts()]
    assert kinds == ["text/plain", "message/delivery-status", "text/rfc822-headers"]
    assert message.defects == []


def test_its_header_says_whose_it_is_and_that_no_robot_should_answer() -> None:
    message = parsed(notice())
    assert message["From"] == "Mail Delivery System <postmaster@us.test>"
    assert message["To"].addresses[0].addr_spec == "al@a.test"
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["Message-ID"] == "<n1@us.test>"
    assert message["In-Reply-To"] == "<1@a.test>"
    assert message["Date"].datetime.timestamp() == NOW


def test_the_first_sentence_says_what_is_wrong() -> None:
    first = " ".join(text_of(parsed(notice())).split("\n")[:2])
    assert first == "Your message to bob@b.test could not be delivered: there is no such mailbox."


def test_several_failures_are_told_one_by_one() -> None:
    text = text_of(parsed(notice(NO_USER, EXPIRED)))
    assert text.startswith("Your message could not be delivered to 2 of its recipients.")
    assert "<bob@b.test>\n    there is no such mailbox\n    mx.b.test said to RCPT TO: 550 5.1.1 no" in text
    assert "<eve@e.test>\n    their mail server could not be reached" in text


def test_days_of_trying_are_mentioned() -> None:
    assert "for 5 days" in text_of(parsed(notice(EXPIRED, age=5 * 86400)))
    assert "days" not in text_of(parsed(notice()))


def test_programs_find_what_rfc_3464_wants() -> None:
    status = list(parsed(notice(NO_USER, EXPIRED)).iter_parts())[1]
    message, first, second = cast("list[EmailMessage]", status.get_payload())
    assert message["Reporting-MTA"] == "dns; us.test"
    assert message["Original-Envelope-Id"] == "QQ314"
    assert message["Arrival-Date"]
    assert dict(first.items()) == {
        "Original-Recipient": "rfc822;Robert@b.test",
        "Final-Recipient": "rfc822; bob@b.test",
        "Action": "failed",
        "Status": "5.1.1",
        "Remote-MTA": "dns; mx.b.test",
        "Diagnostic-Code": "smtp; 550 5.1.1 no",
        "Last-Attempt-Date": "Tue, 14 Nov 2023 22:13:20 +0000",
    }
    assert second["Diagnostic-Code"] == f"x-mailsuite; {EXPIRED.text}"
    assert "Remote-MTA" not in second


def test_the_header_of_the_message_comes_back() -> None:
    returned = list(parsed(notice()).iter_parts())[2]
    assert returned.get_payload(decode=True) == HEADER[:-2]


def test_a_long_header_is_cut_at_a_line() -> None:
    header = b"".join(b"X-%06d: y\r\n" % n for n in range(10_000)) + b"\r\n"
    returned = cast(bytes, list(parsed(notice(header=header)).iter_parts())[2].get_payload(decode=True))
    assert len(returned) <= HEADER_LIMIT
    assert header.startswith(returned)
    assert returned.endswith(b": y\r\n")


def test_without_a_header_the_notice_is_still_whole() -> None:
    assert len(list(parsed(notice(header=b"")).iter_parts())) == 3


def test_a_header_that_holds_our_boundary_ends_nothing() -> None:
    message = parsed(notice(header=b"Subject: x\r\n--report-n1\r\n--report-n1-\r\nX: y\r\n\r\n"))
    assert len(list(message.iter_parts())) == 3


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("5.1.2", "does not exist"),
        ("5.2.2", "mailbox is full"),
        ("5.3.4", "too large"),
        ("5.4.6", "in circles"),
        ("5.7.26", "security or policy"),
        ("5.9.9", "did not take it"),
    ],
)
def test_reasons_are_told_in_plain_words(status: str, words: str) -> None:
    failure = Failed(BOB, Status.parse(status), "x")
    assert words in text_of(parsed(notice(failure)))


def test_an_8_bit_reply_is_readable_and_the_notice_7_bit() -> None:
    failure = Failed(BOB, Status(5, 1, 1), "mx said: 550 Empfänger unbekannt", "mx", "550 Empfänger unbekannt")
    assert build(notice(failure)).isascii()
    message = parsed(notice(failure))
    assert "Empfänger unbekannt" in text_of(message)
    assert "550 Empf?nger" in str(message)


def test_an_8_bit_header_is_declared() -> None:
    made = build(notice(header=b"Subject: gr\xc3\xbc\xc3\x9fe\r\n\r\n"))
    assert b"text/rfc822-headers\r\nContent-Transfer-Encoding: 8bit\r\n" in made


def test_an_international_recipient_is_typed_as_such() -> None:
    made = build(notice(Failed(Address("bøb", "b.test"), Status(5, 6, 7), "no")))
    assert b"Final-Recipient: utf-8; b\\x{F8}b@b.test\r\n" in made


words = st.text(st.sampled_from("\r\n\0 \t-:;<>@.aXé\u2028") | st.characters(codec="utf-8"), max_size=200)


@settings(max_examples=80)
@given(words, words, words.filter(bool), st.binary(max_size=200))
def test_no_words_of_others_can_change_the_form(text: str, reply: str, local: str, header: bytes) -> None:
    made = build(notice(Failed(Address(local, "b.test"), Status(5, 0, 0), text, "mx", reply), header=header))
    message = email.message_from_bytes(made)
    assert [part.get_content_type() for part in cast(list, message.get_payload())] == [  # type: ignore[type-arg]
        "text/plain",
        "message/delivery-status",
        "text/rfc822-headers",
    ]
    blocks = cast(list, cast(list, message.get_payload())[1].get_payload())  # type: ignore[type-arg]
    assert len(blocks) == 2
    assert blocks[1]["Action"] == "failed"
    fields = ["Final-Recipient", "Action", "Status", "Remote-MTA", "Diagnostic-Code", "Last-Attempt-Date"]
    assert blocks[1].keys() == fields
    assert message.keys()[:3] == ["From", "To", "Subject"]
    assert all(len(line) < 999 for line in made[: made.find(b"text/rfc822-headers")].split(b"\r\n") if line.isascii())
