"""Threads, RFC 5256 section 3, draft-ietf-morg-inthread-01."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.mime.base_subject import base_subject
from mailsuite.mime.message_ids import first_id, message_ids
from mailsuite.mime.threads import ALGORITHMS, Threadable, ordered_subject, references, refs
from mailsuite.model import Forest


def shown(forest: Forest) -> str:
    """``1(2(3))4``: each message with its children, a dummy as 0."""
    text, before = "", -1
    for uid, depth in zip(forest.uids, forest.depths, strict=True):
        text += "(" if depth > before else ")" * (before - depth) + ("," if depth else " ")
        text += str(max(uid, 0))
        before = depth
    return text[1:] + ")" * before


def mail(*rows: tuple[str, str, str] | tuple[str, str, str, float]) -> list[Threadable]:
    """(Message id, references, subject, sent) each; the date is its number without."""
    made = []
    for number, (id, ancestors, subject, *sent) in enumerate(rows, 1):
        base = base_subject(subject)
        when = sent[0] if sent else float(number)
        made.append(Threadable(number, when, base.text.upper(), base.reply, id, "\n".join(ancestors.split())))
    return made


@pytest.mark.parametrize(
    ("messages", "wanted"),
    [
        (mail(), ""),
        (mail(("a", "", "x"), ("b", "a", "Re: x"), ("c", "a b", "Re: x")), "1(2(3))"),
        (mail(("a", "", "x"), ("b", "a", "y"), ("c", "a", "z")), "1(2,3)"),
        # (1)(B): a message without references has no parent, whatever others said
        (mail(("c", "a b", "x"), ("a", "", "y"), ("b", "", "z")), "2 3(1)"),
        (mail(("a", "", "y"), ("b", "", "z"), ("c", "a b", "x")), "1(2(3))"),
        # (1)(B): what a message says of its own parent is worth more than what others said
        (mail(("c", "a b", "x"), ("b", "z", "y"), ("a", "", "w")), "2(1) 3"),
        # a parent that is not there, with several children and with one
        (mail(("b", "a", "x"), ("c", "a", "y")), "0(1,2)"),
        (mail(("b", "a", "x")), "1"),
        (mail(("d", "a b c", "x"), ("e", "a", "y")), "0(1,2)"),
        (mail(("d", "a b", "x"), ("e", "a b", "y")), "0(1,2)"),
        (mail(("m", "", "x"), ("d", "m b", "y"), ("e", "m b", "z")), "1(2,3)"),
        # no loops
        (mail(("a", "b", "x"), ("b", "a", "y")), "2(1)"),
        (mail(("a", "a", "x")), "1"),
        (mail(("a", "c", "x"), ("b", "a", "y"), ("c", "b", "z")), "3(1(2))"),
        # two messages of one id: the first has it
        (mail(("a", "", "x"), ("a", "", "y"), ("b", "a", "z")), "1(3) 2"),
        (mail(("", "", "x"), ("", "", "y")), "1 2"),
        # (4) and (6): by date, equal ones as they stand in the mailbox
        (mail(("a", "", "x", 5.0), ("b", "", "y", 3.0), ("c", "", "z", 5.0)), "2 1 3"),
        (mail(("a", "", "x", 9.0), ("b", "a", "y", 5.0), ("c", "a", "z", 1.0)), "1(3,2)"),
        (mail(("b", "a", "x", 9.0), ("c", "a", "y", 2.0), ("d", "", "z", 5.0)), "0(2,1) 3"),
    ],
)
def test_ancestry(messages: list[Threadable], wanted: str) -> None:
    assert shown(references(messages)) == wanted


@pytest.mark.parametrize(
    ("messages", "wanted"),
    [
        # a reply without references goes below what it replies to, wherever that stands
        (mail(("a", "", "x"), ("b", "", "Re: x"), ("c", "", "Re: X")), "1(2,3)"),
        (mail(("b", "", "Re: x"), ("a", "", "x")), "2(1)"),
        # neither is a reply, or both are: siblings below nobody
        (mail(("a", "", "x"), ("b", "", "x")), "0(1,2)"),
        (mail(("a", "", "Re: x"), ("b", "", "fwd: x")), "0(1,2)"),
        (mail(("a", "", "x"), ("b", "", "x"), ("c", "", "x"), ("d", "", "Re: x")), "0(1,2,3,4)"),
        # a thread without its first message takes others in
        (mail(("b", "a", "Re: x"), ("c", "a", "Re: x"), ("d", "", "x")), "0(1,2,3)"),
        (mail(("d", "", "x"), ("b", "a", "Re: x"), ("c", "a", "Re: x")), "0(1,2,3)"),
        (mail(("b", "a", "Re: x"), ("c", "a", "x"), ("e", "d", "Re: x"), ("f", "d", "x")), "0(1,2,3,4)"),
        # whole threads move
        (mail(("a", "", "x"), ("b", "", "Re: x"), ("c", "b", "Re: x")), "1(2(3))"),
        # no subject, no gathering
        (mail(("a", "", ""), ("b", "", "Re:")), "1 2"),
    ],
)
def test_gathering_by_subject(messages: list[Threadable], wanted: str) -> None:
    assert shown(references(messages)) == wanted


def test_refs_gathers_nothing_and_puts_the_latest_thread_last() -> None:
    messages = mail(("a", "", "x"), ("b", "", "Re: x"), ("c", "a", "Re: x"))
    assert shown(refs(messages)) == "2 1(3)"
    assert shown(refs(mail(("b", "a", "x"), ("c", "a", "x"), ("d", "", "y", 1.5)))) == "3 0(1,2)"


def test_ordered_subject() -> None:
    messages = mail(("a", "", "y", 3.0), ("b", "", "x", 2.0), ("c", "a", "Re: y", 1.0), ("d", "", "fwd: X", 5.0))
    assert shown(ordered_subject(messages)) == "3(1) 2(4)"
    assert shown(ordered_subject(mail(("a", "", "x"), ("b", "", "x"), ("c", "", "x")))) == "1(2,3)"


IDS = st.sampled_from(["", "a", "b", "c", "d", "e", "f"])
MAIL = st.lists(
    st.tuples(
        IDS,
        st.lists(IDS, max_size=4).map(" ".join),
        st.sampled_from(["", "x", "Re: x", "y", "fwd: y"]),
        st.floats(0, 9, allow_nan=False),
    ),
    max_size=12,
).map(lambda rows: mail(*rows))


@pytest.mark.parametrize("algorithm", ALGORITHMS.values())
@given(MAIL)
def test_each_message_stands_in_one_place(
    algorithm: Callable[[Sequence[Threadable]], Forest], messages: list[Threadable]
) -> None:
    forest = algorithm(messages)
    assert sorted(uid for uid in forest.uids if uid >= 0) == [message.number for message in messages]
    for place, uid in enumerate(forest.uids):
        if uid < 0:  # a dummy is a root that has at least two children
            end = [*forest.depths, 0].index(0, place + 1)
            assert forest.depths[place] == 0
            assert list(forest.depths[place:end]).count(1) >= 2


@pytest.mark.parametrize("backwards", [False, True])
def test_a_long_chain_is_no_trouble(backwards: bool) -> None:
    rows = [(f"i{n}", f"i{n - 1}", f"s{n}", float(n)) for n in range(20_000)]
    start = time.process_time()
    forest = references(mail(*(reversed(rows) if backwards else rows)))
    assert max(forest.depths) == 19_999
    assert time.process_time() - start < 5.0


def test_looking_for_loops_is_bounded() -> None:
    chain = [(f"i{n}", f"i{n - 1}", f"s{n}", 1.0) for n in range(5000)]
    heads = [(f"h{n}", f"i4999 g{n}", "", 1.0) for n in range(5000)]
    heads += [(f"k{n}", f"g{n} l{n}", "", 1.0) for n in range(5000)]
    start = time.process_time()
    references(mail(*chain, *reversed(heads)))
    assert time.process_time() - start < 5.0


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        (b"", []),
        (b"<a@b>", ["a@b"]),
        (b"<a@b> <c@d>", ["a@b", "c@d"]),
        (b"<a@b><c@d>", ["a@b", "c@d"]),
        (b'<"a"@b>', ["a@b"]),
        (b'<"a\\"b"@c>', ['a"b@c']),
        (b"< a @ b >", ["a@b"]),
        (b"<a> <b@c", []),
        (b"your mail of Monday, <a@b>, Bob <bob@example.org>", ["a@b", "bob@example.org"]),
        (b"<a@[192.0.2.1]>", ["a@[192.0.2.1]"]),
    ],
)
def test_message_ids(value: bytes, ids: list[str]) -> None:
    assert message_ids(value) == ids
    assert first_id(value) == (ids[0] if ids else "")


@pytest.mark.parametrize("piece", [b"<", b'<"', b'<"a"', b"<a@", b'"\\'])
def test_no_field_of_ids_takes_long(piece: bytes) -> None:
    start = time.process_time()
    message_ids(piece * 20_000)
    assert time.process_time() - start < 2.0
