"""Message ids: what is one, its normal form, and that no field costs more than a look at each of its octets."""

from __future__ import annotations

import pytest

from mailsuite.mime.message_ids import MAX_IDS, MAX_OCTETS, MAX_QUOTED, first_id, message_ids


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        (b"<a@b>", ["a@b"]),
        (b"text <a@b> (comment) <c@d>", ["a@b", "c@d"]),
        (b'<"a"@b>', ["a@b"]),
        (b'<"a\\"x"@b>', ['a"x@b']),
        (b'Your message of "Monday <a@b>', ["a@b"]),
        (b'<"a@b>', []),
        (b'<a@"b>', ['a@"b']),
        (b'<a@"b\\>', ['a@"b\\']),
        (b"<a @ b>", ["a@b"]),
        (b"<a>", []),
        (b"<" + b'"' + b"a" * MAX_QUOTED + b'"@b>', ["a" * MAX_QUOTED + "@b"]),
        (b"<" + b'"' + b"a" * (MAX_QUOTED + 1) + b'"@b>', []),
    ],
)
def test_ids(value: bytes, ids: list[str]) -> None:
    assert message_ids(value) == ids


def test_of_many_the_last_count() -> None:
    value = b" ".join(b"<%d@x>" % number for number in range(MAX_IDS + 5))
    assert message_ids(value)[0] == "5@x"
    assert first_id(b"<a@b>" + b" " * MAX_OCTETS) == "a@b"


@pytest.mark.parametrize(
    "value",
    [
        b'<"' + b'\\"<' * 400_000,
        b"<a@" + b'"\\"' * 400_000 + b">",
        b'<a@"' + b'\\"' * 20_000 + b">",
        b"<" + b'<"' * 400_000,
        b"<" + b'"a"' * 400_000,
        b"<" + b'"<\\""' * 200_000,
    ],
    ids=["opened", "after", "unclosed", "nested", "many", "nested pairs"],
)
def test_a_field_that_is_made_to_cost_much_does_not(value: bytes) -> None:
    """Each of these took minutes while every ``<`` and every quote had all that follows looked at."""
    assert len(message_ids(value)) <= 1
