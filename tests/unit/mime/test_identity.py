"""The ids of RFC 8474 come from the message itself."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.mime.identity import Digest, digest, email_id, mailbox_id, thread, thread_id


@given(st.lists(st.binary()))
def test_a_digest_is_the_same_however_the_octets_come(pieces: list[bytes]) -> None:
    fed = Digest()
    for piece in pieces:
        fed.feed(piece)
    assert fed.finish() == digest(b"".join(pieces))


@pytest.mark.parametrize(
    ("fields", "first"),
    [
        ({b"references": b"<a@x> <b@x>", b"in-reply-to": b"<b@x>", b"message-id": b"<c@x>"}, b"<a@x>"),
        ({b"references": b"nonsense", b"in-reply-to": b"your mail of <b@x>", b"message-id": b"<c@x>"}, b"<b@x>"),
        ({b"message-id": b" (x) <c@x>"}, b"<c@x>"),
    ],
)
def test_a_thread_is_named_by_its_first_message(fields: dict[bytes, bytes], first: bytes) -> None:
    assert thread(fields) == digest(first)


def test_without_ids_a_message_is_a_thread_of_its_own() -> None:
    assert thread({b"references": b"<>", b"subject": b"<a@x>"}) == b""
    assert thread_id(digest(b"a"), b"") != thread_id(digest(b"b"), b"")
    assert thread_id(digest(b"a"), digest(b"root")) == thread_id(digest(b"b"), digest(b"root"))


def test_what_may_not_differ_makes_another_message() -> None:
    ids = {email_id(digest(octets), date) for octets in (b"a", b"b") for date in (1.0, 2.0)}
    assert len(ids) == 4
    assert email_id(digest(b"a"), 1.0) == email_id(digest(b"a"), 1.9)  # INTERNALDATE has whole seconds


@given(st.binary(), st.floats(0, 1e10), st.text(), st.integers(1, 2**32))
def test_ids_are_what_the_grammar_allows(octets: bytes, date: float, account: str, uidvalidity: int) -> None:
    made = digest(octets)
    ids = [email_id(made, date), thread_id(made, b""), mailbox_id(account, uidvalidity).encode()]
    assert all(re.fullmatch(rb"[A-Z][A-Za-z0-9_-]{32}", each) for each in ids)
    assert [each[:1] for each in ids] == [b"M", b"T", b"F"]
