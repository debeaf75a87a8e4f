"""aliases(5): what each form of a line means, and what is refused with its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.directory.aliases_file import AliasesFile
from mailsuite.errors import Temporary

FILES = {
    "/lists/all": "# everybody\nann, bob@b.test\n\n  :include:/lists/more\n",
    "/lists/more": "carl@c.test\n",
    "/lists/round": ":include:/lists/round\n",
    "/lists/bad": "ann\n|/bin/program\n",
}


def read(text: str) -> AliasesFile:
    def open_(path: str) -> str:
        if path == "/etc/aliases":
            return text
        if path in FILES:
            return FILES[path]
        raise Temporary(f"{path} cannot be read")

    found = AliasesFile("a.test", open_)
    found.read("/etc/aliases")
    return found


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("root: ann", {"root@a.test": ("ann@a.test",)}),
        ("Root:Ann,bob@B.test", {"root@a.test": ("ann@a.test", "bob@b.test")}),
        ("root :\tann ,\n\tbob,\n  carl", {"root@a.test": ("ann@a.test", "bob@a.test", "carl@a.test")}),
        ("# c\n\nroot: ann,\n# in between\n bob", {"root@a.test": ("ann@a.test", "bob@a.test")}),
        ("ann: \\ann, archive@c.test", {"ann@a.test": ("ann@a.test", "archive@c.test")}),
        ('"o\'neil": ann', {"o'neil@a.test": ("ann@a.test",)}),
        ("info@b.test: ann", {"info@b.test": ("ann@a.test",)}),
        ("@b.test: ann", {"@b.test": ("ann@a.test",)}),
        ("root: ann, ann", {"root@a.test": ("ann@a.test",)}),
        ("all: :include:/lists/all", {"all@a.test": ("ann@a.test", "bob@b.test", "carl@c.test")}),
        ('all: ":include:/lists/more", ann', {"all@a.test": ("carl@c.test", "ann@a.test")}),
        ('root: "Ann, B." <ann@b.test>, Bob B <bob>', {"root@a.test": ("ann@b.test", "bob@a.test")}),
        ("root: <ann@b.test>,\n <:include:/lists/more>", {"root@a.test": ("ann@b.test", "carl@c.test")}),
        ("root:\nnobody: ann", {"nobody@a.test": ("ann@a.test",)}),
    ],
)
def test_what_a_line_means(text: str, entries: dict[str, tuple[str, ...]]) -> None:
    found = read(text)
    assert {entry.source: entry.targets for entry in found.entries} == entries
    assert found.faults == []


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("root: |/usr/bin/vacation", "/etc/aliases:1", "not given to commands"),
        ('a: ann\nb: "|/bin/prog -x, y", ann', "/etc/aliases:2", "|/bin/prog -x, y: mail is not given to commands"),
        ('a: "A" <|/bin/prog>', "/etc/aliases:1", "|/bin/prog: mail is not given to commands"),
        ('a: "A" <ann', "/etc/aliases:1", "'A <ann@a.test' is not a mail address"),
        ('a: "A" <>', "/etc/aliases:1", "'A <>@a.test' is not a mail address"),
        ("root: /dev/null", "/etc/aliases:1", "not written to files"),
        ("root: ann\nroot: bob", "/etc/aliases:2", "there already, at /etc/aliases:1"),
        ("no colon here", "/etc/aliases:1", "not of the form"),
        ("root: a b", "/etc/aliases:1", "not a mail address"),
        ("a b: ann", "/etc/aliases:1", "not of the form"),
        ("all: :include:lists", "/etc/aliases:1", "absolute path"),
        ("all: :include:/gone", "/etc/aliases:1", "cannot be read"),
        ("all: :include:/lists/round", "/lists/round:1", "include one another"),
        ("\nall: :include:/lists/bad", "/lists/bad:2", "not given to commands"),
        ("all: " + ",".join(f"u{n}" for n in range(1001)), "/etc/aliases:1", "more than 1000"),
    ],
)
def test_what_cannot_be_taken_over_is_told_with_its_place(text: str, place: str, words: str) -> None:
    (fault,) = read(text).faults
    assert str(fault).startswith(f"{place}: ")
    assert words in fault.text


@given(st.text(alphabet='ab:,"\\|/@ \n\t#<>', max_size=60))
def test_any_text_is_read(text: str) -> None:
    found = read(text)
    assert all("@" in target for entry in found.entries for target in entry.targets)
