"""The languages of LANG: every text in each of them, and which range leads to which."""

from __future__ import annotations

import string

import pytest

from mailsuite.pop3.languages import WORDS, Language, find
from mailsuite.pop3.texts import Text

OTHERS = [language for language in Language if language is not Language.ENGLISH]


def fields(words: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(words) if name}


@pytest.mark.parametrize("language", Language)
def test_every_text_is_there_with_the_same_fields(language: Language) -> None:
    assert set(WORDS[language]) == set(Text)
    for text in Text:
        assert fields(WORDS[language][text]) == fields(text.value), text


@pytest.mark.parametrize("language", Language)
def test_no_text_can_be_taken_for_something_else(language: Language) -> None:
    """RFC 2449 §8: a text that begins with a bracket would be a response code; none breaks its line."""
    for words in WORDS[language].values():
        assert not words.startswith("[")
        assert words.isprintable()
        assert words == words.strip()


def test_english_is_ascii() -> None:
    assert all(text.value.isascii() for text in Text)


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_is_one(language: Language) -> None:
    same = {text for text in Text if WORDS[language][text] == text.value} - {Text.SUMMARY, Text.OCTETS}
    assert not same


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        *((language.value, language) for language in Language),
        ("DE", Language.GERMAN),
        ("de-DE", Language.GERMAN),
        ("fr-CA-x-private", Language.FRENCH),
        ("zh-Hant", Language.CHINESE),
        ("*", Language.RUSSIAN),
        ("mul", None),
        ("d", None),
        ("deu", None),
        ("", None),
    ],
)
def test_ranges(wanted: str, expected: Language | None) -> None:
    assert find(wanted, Language.RUSSIAN) is expected
