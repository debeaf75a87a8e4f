"""Notices as a person reads them and as a program does (with the standard library's parser as the judge)."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailsuite.mime import dsn
from mailsuite.mime.dsn import HEADER_LIMIT
from mailsuite.mime.notice import Notice
from mailsuite.model import NULL_SENDER, Address, Delayed, Delivered, Envelope, Failed, Outcome, Recipient, Status

NOW = 1_700_000_000.0
AL, BOB, EVE = Address("al", "a.test"), Address("bob", "b.test"), Address("eve", "e.test")
HEADER = b"Message-ID: <1@a.test>\r\nFrom: al@a.test\r\nSubject: hello\r\n\r\n"
NO_USER = Failed(BOB, Status(5, 1, 1), "mx.b.test said to RCPT TO: 550 5.1.1 no", "mx.b.test", "550 5.1.1 no")
EXPIRED = Failed(EVE, Status(5, 4, 1), "mx.e.test[192.0.2.1]:25: no answer to the connection")


def notice(
    *outcomes: Outcome,
    header: bytes = HEADER,
    age: float = 60.0,
    smtputf8: bool = False,
    orcpt: str = "rfc822;Robert@b.test",
    **more: Any,
) -> Notice:
    envelope = Envelope("q1", AL, (Recipient(BOB, orcpt), Recipient(EVE)), NOW - age, envid="QQ314", smtputf8=smtputf8)
    return Notice("n1", "us.test", NOW, envelope, outcomes or (NO_USER,), header, to=AL, **more)


def build(made: Notice, message: bytes = b"") -> bytes:
    form = dsn.build(made)
    return form.before + message + form.after


def parsed(made: Notice, original: bytes = b"") -> EmailMessage:
    octets = build(made, original)
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


@pytest.mark.parametrize(
    ("header", "require_tls", "waived"),
    [
        (b"TLS-Required: no\r\n\r\n", False, True),
        (b"TLS-Required: No\r\n\r\n", True, False),
        (b"TLS-Required: No\r\nTLS-Required: No\r\n\r\n", False, False),
        (b"X-TLS-Required: No\r\n\r\n", False, False),
    ],
)
def test_what_the_sender_wanted_of_the_way_holds_for_the_notice(header: bytes, require_tls: bool, waived: bool) -> None:
    """RFC 8689 §6."""
    made = notice(header=header)
    made = msgspec.structs.replace(made, envelope=msgspec.structs.replace(made.envelope, require_tls=require_tls))
    assert (parsed(made)["TLS-Required"] == "No") is waived


def test_the_first_sentence_says_what_is_wrong() -> None:
    first = text_of(parsed(notice())).replace("\n", " ")
    assert first.startswith(
        "Your message to Robert@b.test could not be delivered: there is no such mailbox. It will not"
    )


def test_several_failures_are_told_one_by_one() -> None:
    text = text_of(parsed(notice(NO_USER, EXPIRED)))
    assert text.startswith("Your message could not be delivered to 2 of its recipients.")
    assert "<bob@b.test> (addressed to Robert@b.test)\n    there is no such mailbox\n    mx.b.test said" in text
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
    failure = Failed(BOB, Status.parse(status), "x", "mx.b.test")
    assert words in text_of(parsed(notice(failure)))


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Failed(BOB, Status(5, 0, 0), "x"), "this mail server does not send it on"),
        (Failed(BOB, Status(5, 7, 1), "x"), "this mail server refuses it"),
        (Delayed(BOB, Status(4, 7, 8), "x", "smart.test"), "this mail server was not let in"),
        (Delayed(BOB, Status(4, 3, 0), "x"), "this mail server cannot send it on now"),
    ],
)
def test_what_is_decided_here_is_not_said_of_another_server(outcome: Outcome, words: str) -> None:
    text = text_of(parsed(notice(outcome)))
    assert words in " ".join(text.split())
    assert "their mail server" not in text


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


# -- delays and successes ---------------------------------------------------------------------------------------------

LATER = Delayed(BOB, Status(4, 4, 1), "mx.b.test[192.0.2.1]:25 does not answer", "mx.b.test")


def test_a_delay_notice_says_first_what_is_wrong_and_what_happens_next() -> None:
    message = parsed(notice(LATER, retry_until=NOW + 86400))
    assert message["Subject"] == "Your message has not been delivered yet"
    assert (
        text_of(message)
        .replace("\n", " ")
        .startswith(
            "Your message to Robert@b.test has not been delivered yet, because their mail server could not be reached; "
            "it will be tried again until Wednesday, 15 November 2023, 22:13 UTC, and you need not send it again."
        )
    )


def test_programs_see_until_when_a_delayed_message_is_tried() -> None:
    """RFC 3464 §2.3.9."""
    fields = recipient_fields(notice(LATER, retry_until=NOW + 86400))
    assert (fields["Action"], fields["Status"]) == ("delayed", "4.4.1")
    assert fields["Will-Retry-Until"] == "Wed, 15 Nov 2023 22:13:20 +0000"


@pytest.mark.parametrize(
    ("outcome", "action", "subject", "words"),
    [
        (Delivered(BOB, "us.test", "", final=True), "delivered", "Your message was delivered", "Robert@b.test was del"),
        (Delivered(BOB, "mx.b.test", "250 ok"), "relayed", "Your message was handed on", "handed on to another"),
    ],
)
def test_successes_are_told(outcome: Delivered, action: str, subject: str, words: str) -> None:
    """RFC 3464 §2.3.3: relayed is not delivered."""
    made = notice(outcome)
    message, fields = parsed(made), recipient_fields(made)
    assert (fields["Action"], fields["Status"], message["Subject"]) == (action, "2.0.0", subject)
    assert words in text_of(message).replace("\n", " ")
    assert ("Remote-MTA" in fields) is (action == "relayed")
    assert fields.get("Diagnostic-Code") == ("smtp; 250 ok" if action == "relayed" else None)


def test_the_worst_is_told_first() -> None:
    message = parsed(notice(Delivered(EVE, "mx", "250 ok"), LATER, NO_USER, retry_until=NOW + 86400))
    assert message["Subject"] == "Your message could not be delivered"
    text = text_of(message)
    assert text.index("could not be delivered") < text.index("not been delivered yet") < text.index("handed on")


def test_the_postmaster_reads_that_it_is_about_a_notice() -> None:
    envelope = Envelope("q1", NULL_SENDER, (Recipient(BOB),), NOW)
    made = Notice("n1", "us.test", NOW, envelope, (NO_USER,), HEADER, to=Address("postmaster", "us.test"))
    message = parsed(made)
    assert (message["To"], message["Subject"]) == ("postmaster@us.test", "A notice could not be delivered")


def test_a_message_can_be_returned_whole() -> None:
    """RFC 3461 §4.3: RET=FULL."""
    message = parsed(notice(whole=True), HEADER + b"text\r\n")
    returned = list(message.iter_parts())[2]
    assert returned.get_content_type() == "message/rfc822"
    assert returned.get_content()["Subject"] == "hello"
    assert b"Content-Transfer-Encoding: 8bit\r\n\r\nM" in build(notice(whole=True, eight_bit=True), b"M")


# -- RFC 6533 ----------------------------------------------------------------------------------------------------------

BOEB = Address("bøb", "b.test")
NO_BOEB = Failed(BOEB, Status(5, 1, 1), "no", "mx.b.test", "550 no")


def test_international_mail_is_reported_in_types_of_its_own() -> None:
    header = "Subject: grün\r\n\r\n".encode()
    made = notice(NO_BOEB, header=header, smtputf8=True)
    octets = build(made)
    kinds = [part.get_content_type() for part in parsed(made).iter_parts()]
    assert kinds == ["text/plain", "message/global-delivery-status", "message/global-headers"]
    assert "Final-Recipient: utf-8; bøb@b.test\r\n".encode() in octets
    assert b"message/global\r\n" in build(notice(NO_BOEB, header=header, smtputf8=True, whole=True))


def test_international_mail_that_is_all_ascii_is_reported_in_the_plain_types() -> None:
    kinds = [part.get_content_type() for part in parsed(notice(smtputf8=True)).iter_parts()]
    assert kinds == ["text/plain", "message/delivery-status", "text/rfc822-headers"]


@pytest.mark.parametrize(
    ("orcpt", "shown"),
    [
        ("rfc822;sales@a.test", "sales@a.test"),
        ("RFC822;Sales@a.test", "Sales@a.test"),
        ("utf-8;b\\x{F8}b@b.test", "bøb@b.test"),
        # Not what a person would take for the address that was written.
        ("", "bob@b.test"),
        ("x400;/C=DE/", "bob@b.test"),
        ("rfc822;see http://spam.test/ now@b.test", "bob@b.test"),
        ("rfc822;" + "x" * 400 + "@b.test", "bob@b.test"),
        ("rfc822;nobody", "bob@b.test"),
    ],
)
def test_people_read_the_address_that_they_wrote(orcpt: str, shown: str) -> None:
    text = text_of(parsed(notice(NO_USER, orcpt=orcpt)))
    assert text.startswith(f"Your message to {shown} could not be delivered")
    assert ("<bob@b.test>\n" in text) is (shown == "bob@b.test")


@pytest.mark.parametrize(
    ("orcpt", "smtputf8", "field"),
    [
        ("utf-8;b\\x{F8}b@b.test", True, "utf-8;bøb@b.test"),
        ("utf-8;bøb@b.test", True, "utf-8;bøb@b.test"),
        ("utf-8;bøb@b.test", False, "utf-8;b\\x{F8}b@b.test"),
        ("utf-8;b\\x{D800}b@b.test", False, "utf-8;b\\x{5C}x{D800}b@b.test"),
        ("rfc822;b+b@b.test", True, "rfc822;b+b@b.test"),
        ("x400;/C=DE/", False, "x400;/C=DE/"),
    ],
)
def test_the_original_recipient_is_written_as_its_type_wants(orcpt: str, smtputf8: bool, field: str) -> None:
    """RFC 6533 §3."""
    made = notice(NO_USER, orcpt=orcpt, smtputf8=smtputf8)
    assert f"\r\nOriginal-Recipient: {field}\r\n".encode() in build(made)


def recipient_fields(made: Notice) -> EmailMessage:
    status = list(parsed(made).iter_parts())[1]
    return cast("list[EmailMessage]", status.get_payload())[1]


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
