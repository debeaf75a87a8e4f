from __future__ import annotations

import pytest

from mailsuite.directory.passwords import (
    Remembered,
    hash_password,
    require_strong,
    require_usable,
    verify_password,
)
from mailsuite.errors import InvalidName


def test_hash_is_argon2id_and_salted() -> None:
    first, second = hash_password("correct horse"), hash_password("correct horse")
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert first != second
    assert verify_password(first, "correct horse")
    assert verify_password(second, "correct horse")
    assert not verify_password(first, "correct horsf")


@pytest.mark.parametrize("stored", ["", "x", "$argon2id$", "$1$abc$def", "correct horse"])
def test_stored_text_that_is_no_hash_matches_nothing(stored: str) -> None:
    assert not verify_password(stored, "correct horse")
    assert not verify_password(stored, stored)


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("", "not empty"), ("two\nlines of text", "one line"), ("a nul \0 in it", "one line"),
        ("short", "too short: 8"), ("1234567", "too short: 8"), ("x" * 1025, "too long"),
        ("aaaaaaaaaaaa", "too simple"), ("abababababab", "too simple"),
        ("password", "tried first"), ("Password1", "tried first"), ("QWERTZ123", "tried first"),
        ("charlotte", "own name"), ("Charlotte@Bookshop.test", "own name"), ("bookshop.test", "own name"),
        ("BOOKSHOP", "own name"),
    ],
)  # fmt: skip
def test_weak_password_is_refused(password: str, words: str) -> None:
    with pytest.raises(InvalidName, match=words):
        require_strong(password, "charlotte@bookshop.test")


def test_other_words_are_good() -> None:
    require_strong("correct horse", "charlotte@bookshop.test")
    require_strong("charlotte reads", "charlotte@bookshop.test")


@pytest.mark.parametrize("password", ["", "x" * 1025, "a\nb", "a\rb", "a\0b"])
def test_unusable_password_is_refused_even_for_a_demo(password: str) -> None:
    with pytest.raises(InvalidName):
        require_usable(password)


def test_remembered_password_is_known_for_a_while_only() -> None:
    memory = Remembered(seconds=10)
    memory.remember("a@b", "hash", "secret", now=0.0)
    assert memory.knows("a@b", "hash", "secret", now=9.9)
    assert not memory.knows("a@b", "hash", "Secret", now=9.9)
    assert not memory.knows("c@b", "hash", "secret", now=9.9)
    assert not memory.knows("a@b", "hash", "secret", now=10.0)
    assert len(memory) == 0


def test_remembered_password_is_dropped_when_the_stored_hash_changes() -> None:
    memory = Remembered(seconds=10)
    memory.remember("a@b", "hash", "secret", now=0.0)
    assert not memory.knows("a@b", "other hash", "secret", now=1.0)
    assert not memory.knows("a@b", "hash", "secret", now=1.0)


def test_memory_is_bounded_and_the_oldest_goes_first() -> None:
    memory = Remembered(seconds=10, capacity=3)
    for number in range(5):
        memory.remember(f"{number}@b", "hash", "secret", now=0.0)
    assert len(memory) == 3
    assert not memory.knows("1@b", "hash", "secret", now=0.0)
    assert memory.knows("4@b", "hash", "secret", now=0.0)


def test_nothing_is_remembered_for_no_time() -> None:
    memory = Remembered(seconds=0)
    memory.remember("a@b", "hash", "secret", now=0.0)
    assert len(memory) == 0


def test_the_password_itself_is_not_kept() -> None:
    memory = Remembered(seconds=10)
    memory.remember("a@b", "hash", "a secret", now=0.0)
    memory.remember("c@b", "hash", "a secret", now=0.0)
    assert b"a secret" not in repr(memory._entries).encode()
    assert memory._entries["a@b"].mac != memory._entries["c@b"].mac, "who sees it does not see that they are the same"
