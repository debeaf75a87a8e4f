"""URLs of messages and their parts, RFC 5092."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.imap.items import BodySection, Partial, SectionKind
from mailsuite.imap.syntax import urls
from mailsuite.imap.syntax.urls import MessageUrl

WHOLE = BodySection(b"BODY[]", peek=True)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (b"/INBOX/;UID=7", MessageUrl("INBOX", 0, 7, WHOLE)),
        (b"/inbox;uid=7", MessageUrl("INBOX", 0, 7, WHOLE)),
        (b"/a/b;UIDVALIDITY=3/;UID=7", MessageUrl("a/b", 3, 7, WHOLE)),
        (b"/caf%C3%A9%20%3B/;UID=7", MessageUrl("caf\u00e9 ;", 0, 7, WHOLE)),
        (b";UID=7", MessageUrl("one/two", 0, 7, WHOLE)),
        (b"three/;UID=7", MessageUrl("one/three", 0, 7, WHOLE)),
        (b";UID=7/;SECTION=1.2", MessageUrl("one/two", 0, 7, BodySection(b"BODY[1.2]", (1, 2), peek=True))),
        (
            b"/x/;UID=7/;SECTION=2.HEADER.FIELDS%20(To%20Cc)",
            MessageUrl(
                "x",
                0,
                7,
                BodySection(
                    b"BODY[2.HEADER.FIELDS (To Cc)]", (2,), SectionKind.FIELDS, fields=(b"to", b"cc"), peek=True
                ),
            ),
        ),
        (
            b"/x/;UID=7/;PARTIAL=5.10",
            MessageUrl("x", 0, 7, BodySection(b"BODY[]<5>", partial=Partial(5, 10), peek=True)),
        ),
        (
            b"/x/;UID=7/;SECTION=TEXT/;PARTIAL=5",
            MessageUrl(
                "x",
                0,
                7,
                BodySection(b"BODY[TEXT]<5>", kind=SectionKind.TEXT, partial=Partial(5, 2**63 - 1), peek=True),
            ),
        ),
    ],
)
def test_reads_a_url(url: bytes, message: MessageUrl) -> None:
    assert urls.message(url, "one/two") == message


@pytest.mark.parametrize(
    "url",
    [
        b"",
        b"/INBOX",
        b"/INBOX;UIDVALIDITY=5",
        b"/INBOX/;UID=0",
        b"/INBOX/;UID=4294967296",
        b"/INBOX;UIDVALIDITY=4294967296/;UID=1",
        b"/INBOX/;UID=1/",
        b"/INBOX/;UID=1?SUBJECT%20x",
        b"/INBOX/;UID=1/;SECTION=",
        b"/INBOX/;UID=1/;SECTION=0",
        b"/INBOX/;UID=1/;SECTION=MIME",
        b"/INBOX/;UID=1/;PARTIAL=1.0",
        b"/INBOX/;UID=1/;PARTIAL=9999999999999999999",
        b"/%ZZ/;UID=1",
        b"/%FF/;UID=1",
        b"/;UID=1",
        b"//mail.example.org/INBOX/;UID=1",
        b"imap://mail.example.org/INBOX/;UID=1",
        b"imap://ann@mail.example.org/INBOX/;UID=1",
    ],
)
def test_refuses_what_names_no_message_here(url: bytes) -> None:
    with pytest.raises(ValueError, match=r"not a|no such|out of|percent|UID|decode"):
        urls.message(url, "one/two")


def test_without_a_selected_mailbox_the_url_must_name_one() -> None:
    with pytest.raises(ValueError, match="selected"):
        urls.message(b";UID=1", "")
    assert urls.message(b"x/;UID=1", "").mailbox == "x"


@given(st.binary(max_size=40), st.sampled_from([b"", b"/INBOX/;UID=1", b"/x/;UID=1/;SECTION="]))
def test_never_fails_otherwise(octets: bytes, start: bytes) -> None:
    with contextlib.suppress(ValueError):
        urls.message(start + octets, "x")
