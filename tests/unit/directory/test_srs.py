"""SRS: what becomes of a sender that is forwarded, once and again, and that only our own return paths lead back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.directory.srs import Srs, secrets_of
from mailsuite.errors import InvalidName
from mailsuite.model import NULL_SENDER, Address

TODAY = 20_000
US = Srs((b"a secret of this server",), "us.test")
THEM = Srs((b"a secret of that server",), "them.test")
THIRD = Srs((b"a secret of a third one",), "third.test")
ANN = Address("Ann+x", "b.test")


def test_the_way_out_and_the_way_back() -> None:
    out = US.forward(ANN, TODAY)
    assert out.domain == "us.test"
    assert out.local.startswith("SRS0=")
    assert out.local.endswith("=b.test=Ann+x")
    assert US.is_ours(out)
    assert US.reverse(out.local, TODAY) == ANN


def test_what_was_forwarded_before_goes_back_to_whom_did_so_first() -> None:
    first = THEM.forward(ANN, TODAY)
    second = US.forward(first, TODAY)
    assert second.local.startswith("SRS1=")
    assert US.reverse(second.local, TODAY) == first
    third = THIRD.forward(second, TODAY)
    assert third.local.startswith("SRS1=")
    assert third.local.count("SRS") == 1  # it does not grow with each server
    assert THIRD.reverse(third.local, TODAY) == first
    assert THEM.reverse(first.local, TODAY) == ANN


@pytest.mark.parametrize("sender", [NULL_SENDER, Address("postmaster", ""), Address("u", "[192.0.2.1]")])
def test_some_senders_stay_as_they_are(sender: Address) -> None:
    assert US.forward(sender, TODAY) == sender


def test_a_sender_that_would_get_too_long_stays() -> None:
    long = Address("x" * 240, "b.test")
    assert US.forward(long, TODAY) == long


@pytest.mark.parametrize(
    "change",
    [
        lambda local: local.replace("Ann", "Eve"),
        lambda local: local.replace("b.test", "c.test"),
        lambda local: local[:5] + ("A" if local[5] != "A" else "B") + local[6:],
        lambda local: local.replace("SRS0", "SRS1"),
        lambda local: "SRS0=AAAAAAAA=AA",
        lambda local: "ann",
    ],
)
def test_nobody_else_can_make_one(change: object) -> None:
    with pytest.raises(InvalidName):
        US.reverse(change(US.forward(ANN, TODAY).local), TODAY)  # type: ignore[operator]


@pytest.mark.parametrize("how", [str.lower, str.upper, lambda text: text.replace("SRS0=", "SRS0+")])
def test_servers_that_change_case_or_separator_do_no_harm(how: object) -> None:
    back = US.reverse(how(US.forward(ANN, TODAY).local), TODAY)  # type: ignore[operator]
    assert (back.local.lower(), back.domain) == ("ann+x", "b.test")


@pytest.mark.parametrize(("later", "works"), [(0, True), (21, True), (22, False), (1000, False), (-1, False)])
def test_it_works_for_three_weeks(later: int, works: bool) -> None:
    out = US.forward(ANN, TODAY)
    if works:
        assert US.reverse(out.local, TODAY + later) == ANN
    else:
        with pytest.raises(InvalidName):
            US.reverse(out.local, TODAY + later)


def test_a_secret_can_be_replaced() -> None:
    old = US.forward(ANN, TODAY)
    both = Srs((b"a newer secret, much better", *US.secrets), "us.test")
    assert both.reverse(old.local, TODAY) == ANN
    with pytest.raises(InvalidName):
        US.reverse(both.forward(ANN, TODAY).local, TODAY)


def test_secrets_are_lines_and_not_short() -> None:
    assert secrets_of("0123456789abcdef\n\n another one, long \n") == (b"0123456789abcdef", b"another one, long")
    for text in ("", "\n", "short\n", "0123456789abcdef\nshort"):
        with pytest.raises(ValueError, match="16"):
            secrets_of(text)


def test_secrets_are_never_shown() -> None:
    assert "secret" not in repr(US)


@given(st.text(max_size=80))
def test_any_local_part_is_read(text: str) -> None:
    for local in (text, "SRS0=" + text, "SRS1=" + text):
        with pytest.raises(InvalidName):
            US.reverse(local, TODAY)
