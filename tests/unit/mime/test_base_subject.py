"""The base subject, RFC 5256 section 2.1."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.mime.base_subject import MAX_SUBJECT, base_subject


@pytest.mark.parametrize(
    ("subject", "base", "reply"),
    [
        ("", "", False),
        ("lunch", "lunch", False),
        ("  a \t b\r\n c  ", "a b c", False),
        ("Re: lunch", "lunch", True),
        ("RE : lunch", "lunch", True),
        ("re:re: RE:lunch", "lunch", True),
        ("Fw: lunch", "lunch", True),
        ("fwd:lunch", "lunch", True),
        ("Fwds: lunch", "Fwds: lunch", False),
        ("Reply: lunch", "Reply: lunch", False),
        ("Re[2]: lunch", "lunch", True),
        ("Re [list] : lunch", "lunch", True),
        ("Re [list]: lunch", "lunch", True),
        ("[list] lunch", "lunch", False),
        ("[list] Re: lunch", "lunch", True),
        ("[a] [b] Re: [c] Fwd: lunch", "lunch", True),
        ("[list]", "[list]", False),
        ("[a] [list]", "[list]", False),
        ("Re: [list]", "[list]", True),
        ("lunch (fwd)", "lunch", True),
        ("lunch (FWD) (fwd) ", "lunch", True),
        ("(fwd)", "", True),
        ("Re:", "", True),
        ("Re: ", "", True),
        ("[fwd: lunch]", "lunch", True),
        ("[Fwd: Re: lunch (fwd)]", "lunch", True),
        ("[fwd: [fwd: lunch]]", "lunch", True),
        ("[fwd: lunch", "[fwd: lunch", False),
        ("[fwd: a] b", "b", False),
        ("[a[b] Re: x", "[a[b] Re: x", False),
        ("Re: [fwd: [list] lunch]", "lunch", True),
        ("AW: Mittag", "AW: Mittag", False),  # section 7: no other languages
    ],
)
def test_what_is_left(subject: str, base: str, reply: bool) -> None:
    found = base_subject(subject)
    assert (found.text, found.reply) == (base, reply)


@given(st.text(alphabet="re:fwd[]() ax\t", max_size=60))
def test_the_base_of_a_base_is_itself(subject: str) -> None:
    base = base_subject(subject).text
    assert base_subject(base).text == base


@pytest.mark.parametrize("piece", ["[a]", "re:", "[fwd:", "(fwd)", "re[", "[a] re", " ", "[", "fw [a]"])
def test_no_subject_takes_long(piece: str) -> None:
    start = time.process_time()
    base_subject(piece * (20 * MAX_SUBJECT // len(piece)))
    assert time.process_time() - start < 1.0
